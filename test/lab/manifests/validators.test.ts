import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { documentedRows, quoted } from "../../../harness/doc-table";
import { ensureTools } from "../../../harness/tools";
import { checkov, kubeconform, kubeconformSchemas, kubernetesValidate, type Finding } from "./checkers";
import { manifestsOf, variants, writeManifests, type Manifest } from "./site-manifests";

/** What `docs/security.md` explains, as `check object`. */
function explained(): string[] {
  return documentedRows("docs/security.md", "What the checkers find").flatMap(([checks, objects]) =>
    quoted(checks).flatMap((check) => quoted(objects).map((object) => `${check} ${object}`)),
  );
}

function text({ check, object }: Finding): string {
  return `${check} ${object}`;
}

describe("the manifests of a site", function () {
  this.timeout(120_000);
  let scratch: string;
  const manifests = new Map<string, Manifest[]>();
  const found = new Set<string>();

  before(async () => {
    await ensureTools(["python", "kubeconform"]);
    scratch = mkdtempSync(join(tmpdir(), "dns-mesh-manifests-"));
    for (const variant of Object.keys(variants)) manifests.set(variant, await manifestsOf(variant));
  });
  after(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  const folderOf = (variant: string): string => join(scratch, variant.replaceAll(" ", "-"));
  const filesOf = (variant: string): string[] => writeManifests(folderOf(variant), manifests.get(variant) ?? []);

  for (const variant of Object.keys(variants)) {
    describe(`(${variant})`, () => {
      it("pass kubernetes-validate --strict", async () => {
        expect(await kubernetesValidate(filesOf(variant))).to.equal("");
      });

      it("pass kubeconform -strict", async () => {
        filesOf(variant);
        const schemas = await kubeconformSchemas(join(scratch, "schemas"), manifests.get(variant) ?? []);
        expect(await kubeconform(folderOf(variant), schemas)).to.equal("");
      });

      it("have no finding of checkov that the documentation does not explain", async () => {
        filesOf(variant);
        const findings = await checkov(folderOf(variant));
        for (const finding of findings) found.add(text(finding));
        const open = findings.filter((finding) => !explained().includes(text(finding)));
        expect(open.map(({ check, object, title }) => `${check} ${object}: ${title}`)).to.deep.equal([]);
      });
    });
  }

  it("fail each checker when something is wrong with them", async () => {
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "bad" }, spec: { prots: [] } };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "bad", namespace: "dns-system" },
      spec: { containers: [{ name: "bad", image: "bad", securityContext: { privileged: true } }] },
    };
    const folder = join(scratch, "bad");
    const files = writeManifests(folder, [service, pod]);
    const schemas = await kubeconformSchemas(join(scratch, "schemas"), [service, pod]);
    expect(await kubernetesValidate(files)).to.contain("prots");
    expect(await kubeconform(folder, schemas)).to.match(/^Service bad: .*prots/);
    expect((await checkov(folder)).map(text)).to.include("CKV_K8S_16 Pod bad");
  });

  describe("all together", () => {
    it("have each finding that the documentation explains", () => {
      expect(explained().filter((one) => !found.has(one))).to.deep.equal([]);
    });
  });
});
