import { expect } from "chai";
import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyEdit, outcomeLines } from "../../../../src/cli/list/apply";
import { addZone, type ListEdit, removeSite, removeZone } from "../../../../src/cli/list/edits";
import type { ListFile } from "../../../../src/cli/list/list-file";
import type { StackReader } from "../../../../src/cli/stacks/reader";

const text = `config:
  dns-mesh:mesh:
    directoryZone: dns.internal
    catalogZone: catalog.internal.dns
    sites:
      - { name: site-a, role: primary-catalog, addresses: [192.0.2.1], zones: [a.example] }
      - { name: site-b, role: standard, addresses: [192.0.2.2], zones: [b.example] }
      - { name: site-c, role: standard, addresses: [192.0.2.3], zones: [c.example, d.example] }
      - { name: site-d, role: standard, addresses: [192.0.2.4] } # the last
`;
const today = "2026-11-29";

/** Stacks by name: what they said last, or why they cannot be read. */
const stacksOf = (said: Readonly<Record<string, Readonly<Record<string, unknown>> | Error>>): StackReader => ({
  find: (stack) => {
    const found = said[stack];
    if (found instanceof Error) return Promise.reject(found);
    return Promise.resolve(found === undefined ? { kind: "missing" } : { kind: "found", outputs: found });
  },
});
const packet = (name: string, zones: readonly object[]) => ({
  site: { name, role: name === "site-a" ? "primary-catalog" : "standard", zones },
});
const published = {
  sites: {
    "site-a": packet("site-a", [{ name: "a.example" }]),
    "site-b": packet("site-b", [{ name: "b.example" }]),
    "site-c": packet("site-c", [{ name: "c.example", retired: "2026-11-01" }, { name: "d.example" }]),
    "site-d": packet("site-d", []),
  },
};

describe("an edit of the list's file", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-edit-"));
    file = join(folder, "Pulumi.shared.yaml");
    writeFileSync(file, text, { mode: 0o600 });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const apply = (edit: (list: ListFile) => ListEdit, stacks = stacksOf({ shared: {} }), dryRun = false) =>
    applyEdit({ file, dryRun, edit, removal: { stacks, today } });
  const refusal = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "",
      (error: unknown) => String(error),
    );
  const toSiteB = (list: ListFile): ListEdit => addZone(list, { name: "new.example", site: "site-b" });

  it("writes the file and says what to run next; the second time it does nothing and says so", async () => {
    const outcome = await apply(toSiteB);
    expect(readFileSync(file, "utf8")).to.equal(text.replace("[b.example]", "[b.example, new.example]"));
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(outcomeLines(outcome).join("\n")).to.match(
      /\+ .*new\.example.*Next:\n {2}pulumi up -s shared\n {2}pulumi up -s site-a\n {2}pulumi up -s site-b/s,
    );
    const again = await apply(toSiteB);
    expect(again).to.deep.include({ changed: false, diff: "", next: [] });
    expect(outcomeLines(again)).to.deep.equal([`${file}: site-b has the zone new.example already: nothing to do`]);
  });

  it("shows what it would write, and writes nothing, on a dry run", async () => {
    expect((await apply(toSiteB, stacksOf({ shared: {} }), true)).diff).to.include("new.example");
    expect(readFileSync(file, "utf8")).to.equal(text);
  });

  it("writes through a link, which stays one", async () => {
    const link = join(folder, "Pulumi.other.yaml");
    symlinkSync(file, link);
    await applyEdit({ file: link, dryRun: false, edit: toSiteB });
    expect(lstatSync(link).isSymbolicLink()).to.equal(true);
    expect(readFileSync(file, "utf8")).to.include("new.example");
  });

  it("never writes over what somebody has saved meanwhile", async () => {
    const meanwhile = (list: ListFile): ListEdit => {
      writeFileSync(file, `${text}# mine\n`);
      return toSiteB(list);
    };
    expect(await refusal(apply(meanwhile))).to.match(/was changed meanwhile\. Nothing was written/);
    expect(readFileSync(file, "utf8")).to.equal(`${text}# mine\n`);
  });

  it("refuses a zone that was not retired, or has DnsRecords, in up's words", async () => {
    const stacks = (retiring?: object) => stacksOf({ shared: published, "site-c": { ...(retiring && { retiring }) } });
    expect(await refusal(apply((list) => removeZone(list, "d.example"), stacks()))).to.match(
      /the zone "d\.example" of site-c is gone from the list and was not retired.*Nothing was written/s,
    );
    const gone = (list: ListFile): ListEdit => removeZone(list, "c.example");
    expect(await refusal(apply(gone, stacks()))).to.match(/site-c was not brought up since/);
    expect(await refusal(apply(gone, stacks({ "c.example": ["default/www"] })))).to.match(/still has DnsRecords/);
    expect(readFileSync(file, "utf8")).to.equal(text);
    await apply(gone, stacks({ "c.example": [] }));
    expect(readFileSync(file, "utf8")).to.include("zones: [d.example]");
  });

  it("refuses more removals at once than the sites would let go, and says which zones go with a site", async () => {
    const stacks = stacksOf({ shared: published, "site-a": {} });
    const { warnings } = await apply((list) => removeSite(list, "site-b"), stacks);
    expect(warnings.join()).to.match(/the zone "b\.example" leaves the mesh with site-b/);
    expect(await refusal(apply((list) => removeSite(list, "site-d"), stacks))).to.match(
      /the sites site-b, site-d are gone from the list, 2 of 4, and every site would hold them back/,
    );
  });

  it("removes nothing when it cannot read what the shared stack said", async () => {
    const stacks = stacksOf({ shared: new Error("passphrase must be set") });
    expect(await refusal(apply((list) => removeSite(list, "site-d"), stacks))).to.match(
      /cannot be read: passphrase must be set; the checks against losing zones go by it\. Nothing was changed/,
    );
    expect(readFileSync(file, "utf8")).to.equal(text);
  });

  it("removes nothing where there is no shared stack: the backend may be the wrong one", async () => {
    expect(await refusal(apply((list) => removeSite(list, "site-d"), stacksOf({})))).to.match(
      /no stack "shared" in the backend.*pulumi whoami.*Nothing was written; log in.*pulumi stack init shared/,
    );
    expect(readFileSync(file, "utf8")).to.equal(text);
  });

  it("removes freely before the shared stack was ever brought up", async () => {
    await apply((list) => removeSite(list, "site-d"));
    expect(readFileSync(file, "utf8")).not.to.include("site-d");
  });
});
