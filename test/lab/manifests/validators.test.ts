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

/** Each checker looks once at all variants: most of its work is to load itself, and its schemas. */
describe("the manifests of a site", function () {
  this.timeout(240_000);
  let scratch: string;
  const all = (): string => join(scratch, "all");
  const manifests: Manifest[] = [];
  const files: string[] = [];

  before(async () => {
    await ensureTools(["checkers", "kubeconform"]);
    scratch = mkdtempSync(join(tmpdir(), "dns-mesh-manifests-"));
    for (const variant of Object.keys(variants)) {
      const found = await manifestsOf(variant);
      manifests.push(...found);
      files.push(...writeManifests(join(all(), variant.replaceAll(" ", "-")), found));
    }
  });
  after(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  it("pass kubernetes-validate --strict", async () => {
    expect(await kubernetesValidate(files)).to.equal("");
  });

  it("pass kubeconform -strict", async () => {
    const schemas = await kubeconformSchemas(join(scratch, "schemas"), manifests);
    expect(await kubeconform(all(), schemas)).to.equal("");
  });

  it("have the findings of checkov that the documentation explains, and no other", async () => {
    const findings = await checkov(all());
    const open = findings.filter((finding) => !explained().includes(text(finding)));
    expect(open.map(({ check, object, title }) => `${check} ${object}: ${title}`)).to.deep.equal([]);
    const found = new Set(findings.map(text));
    expect(explained().filter((one) => !found.has(one))).to.deep.equal([]);
  });

  it("fail each checker when something is wrong with them", async () => {
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "bad" }, spec: { prots: [] } };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "bad", namespace: "dns-system" },
      spec: { containers: [{ name: "bad", image: "bad", securityContext: { privileged: true } }] },
    };
    const folder = join(scratch, "bad", "one-of-many");
    const bad = writeManifests(folder, [service, pod]);
    const schemas = await kubeconformSchemas(join(scratch, "schemas"), [service, pod]);
    const together = join(scratch, "bad");
    expect(await kubernetesValidate(bad)).to.contain("prots");
    expect(await kubeconform(together, schemas)).to.match(/^Service bad: .*prots/);
    expect((await checkov(together)).map(text)).to.include("CKV_K8S_16 Pod bad");
  });
});
