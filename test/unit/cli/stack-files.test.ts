import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors";
import { sitesWithClusters } from "../../../src/cli/agent-reports";
import { readAccess } from "../../../src/cli/mesh-access";
import { made } from "../../../src/cli/doctor/check";
import { siteFiles } from "../../../src/cli/doctor/examine";
import { stackChecks } from "../../../src/cli/doctor/stacks";
import { readList } from "../../../src/cli/list/list-file";
import { hasPlace, placeOf } from "../../../src/cli/place";
import { parseMesh } from "../../../src/settings/parse";
import { exampleList } from "../components/example-mesh";

describe("files of stacks that cannot be read", () => {
  let folder: string;
  const before = process.cwd();
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, `Pulumi.${name}.yaml`), text);
  };
  const failure = (work: () => unknown): UserError => {
    try {
      work();
    } catch (error) {
      if (error instanceof UserError) return error;
      throw error;
    }
    throw new Error("it was read");
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-files-"));
    process.chdir(folder);
    write("site-a", "config:\n  dns-mesh:context: a\n");
    write("site-b", 'config:\n  dns-mesh:password: "s3cret\n  x: [\n');
    write("site-c", "config:\n  dns-mesh:context: c\n");
    write("other", "a: [");
  });
  afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });

  it("are not taken for files that are not there", () => {
    expect(["site-a", "site-b", "site-x"].map((site) => hasPlace(site))).to.deep.equal([true, true, false]);
    expect(placeOf("site-a", {})).to.deep.equal({ context: "a", namespace: "dns-system" });
    expect(failure(() => placeOf("site-b", {})).message).to.match(/^Pulumi\.site-b\.yaml: line \d+ is not YAML: /);
  });

  it("are looked for beside the list, wherever that is, and say on which ports sites are reached", () => {
    write("shared", `config:\n  dns-mesh:mesh: ${JSON.stringify(exampleList)}\n`);
    write("site-a", 'config:\n  dns-mesh:context: a\n  dns-mesh:remotePort: "5353"\n');
    process.chdir(before);
    const access = readAccess({ file: join(folder, "Pulumi.shared.yaml") });
    expect([access.folder, access.ports]).to.deep.equal([folder, { dns: 5353, secure: 853 }]);
    expect(sitesWithClusters(access).known).to.include("site-a");
    expect(placeOf("site-c", {}, access.folder).context).to.equal("c");
    expect(hasPlace("site-c")).to.equal(false);
  });

  it("are named without any line of them, which may have secrets", () => {
    const alias = "config:\n  dns-mesh:mesh: { sites: [*nobody] }\n";
    expect(failure(() => placeOf("site-b", {})).message).not.to.include("s3cret");
    expect(failure(() => readList("Pulumi.shared.yaml", alias)).message).to.match(/^Pulumi\.shared\.yaml: /);
  });

  it("are wrong to the doctor where a listed site's is, with or without dns-mesh:shared", async () => {
    const mesh = parseMesh(exampleList);
    const files = siteFiles("Pulumi.shared.yaml", ["site-a", "site-b", "site-c"]);
    expect([[...files.sites.keys()].sort(), [...files.broken.keys()]]).to.deep.equal([
      ["site-a", "site-c"],
      ["site-b"],
    ]);
    const reader = { find: () => Promise.resolve({ kind: "missing" } as const) };
    const checks = stackChecks({ file: "f", shared: "shared", mesh, reader, today: "2026-11-29", ...files });
    const settings = await Promise.all(checks.filter(({ check }) => check === "site-settings").map(made));
    expect(settings.map(({ where, state }) => `${where}: ${state}`)).to.deep.equal([
      "site-a: wrong",
      "site-b: wrong",
      "site-c: wrong",
    ]);
  });
});
