import { expect } from "chai";
import { parse, parseAllDocuments } from "yaml";
import { argoHealthOf, fluxHealthOf, kstatusOf } from "../../../harness/ci/judges";
import { blocksOf } from "../../../harness/docs/blocks";
import { ensureTools } from "../../../harness/tools";
import { pendingStatus, type Progress, statusOf } from "../../../src/records/conditions";
import type { DnsRecordStatus } from "../../../src/records/model";

const now = Date.parse("2026-11-28T12:00:00Z");

const status = (progress: Progress, retired?: string): DnsRecordStatus =>
  statusOf({ status: {}, applied: undefined }, { generation: 2, progress, retired, now });
const failed = (reason: string): Progress => ({ kind: "failed", reason, message: "why" });

/** A record as the API server shows it. */
const record = (of: DnsRecordStatus | undefined, metadata: object = {}): object => ({
  apiVersion: "dns.mesh.io/v1alpha1",
  kind: "DnsRecord",
  metadata: { name: "www", namespace: "dns-system", generation: 2, ...metadata },
  spec: { zone: "a.example", name: "www", type: "A", value: "192.0.2.1" },
  ...(of && { status: of }),
});

/** Every state that the operator writes, and those before and after it, with what each tool is to say. */
const states: Readonly<Record<string, readonly [record: object, kstatus: string, argo: string]>> = {
  programmed: [record(status({ kind: "programmed", away: [], unseen: [] })), "Current", "Healthy"],
  "programmed, a site away": [record(status({ kind: "programmed", away: ["b"], unseen: [] })), "Current", "Healthy"],
  "programmed, a pod unknown": [
    record(status({ kind: "programmed", away: [], unseen: ["b pod 1"] })),
    "Current",
    "Healthy",
  ],
  "programmed with another TTL": [
    record(status({ kind: "programmed", away: [], unseen: [], note: "TTL 60" })),
    ...(["Current", "Healthy"] as const),
  ],
  "in a zone that retires": [
    record(status({ kind: "programmed", away: [], unseen: [] }, "2026-11-01")),
    "Current",
    "Healthy",
  ],
  "on its way": [record(status({ kind: "waiting", sites: ["b"] })), "InProgress", "Progressing"],
  "of a mesh that is not known": [record(status({ kind: "unknown" })), "InProgress", "Progressing"],
  "waiting for pod 0": [record(status(failed("WriterUnreachable"))), "InProgress", "Progressing"],
  "refused by pod 0 for now": [record(status(failed("WriterRefuses"))), "InProgress", "Progressing"],
  "refused by the server": [record(status(failed("UpdateRefused"))), "Failed", "Degraded"],
  "held by the guard": [record(status(failed("ChangeHeld"))), "Failed", "Degraded"],
  invalid: [record(status({ kind: "refused", reason: "InvalidSpec", message: "why" })), "Failed", "Degraded"],
  "in conflict": [record(status({ kind: "conflict", reason: "OtherObject", message: "why" })), "Failed", "Degraded"],
  "not seen by an operator": [record(pendingStatus), "InProgress", "Progressing"],
  "not seen since its change": [
    record(status({ kind: "programmed", away: [], unseen: [] }), { generation: 3 }),
    ...(["InProgress", "Progressing"] as const),
  ],
};
const leaving = record(status({ kind: "programmed", away: [], unseen: [] }), {
  deletionTimestamp: "2026-11-28T12:00:00Z",
  finalizers: ["dns.mesh.io/applied"],
});

/** The block of a section of the guide. */
const guide = (section: string): string => blocksOf(section, "yaml")[0] ?? "";

describe("what GitOps tools make of a DnsRecord", function () {
  this.timeout(600_000);
  const records = Object.values(states).map(([each]) => each);
  const expected = (column: 1 | 2) => Object.entries(states).map(([name, row]) => [name, row[column]]);
  const said = (verdicts: readonly { readonly status: string }[]) =>
    Object.keys(states).map((name, i) => [name, verdicts[i]?.status]);

  before(async () => {
    await ensureTools(["gitops"], console.log);
  });

  it("kstatus: by the conditions that the operator writes, in each of its states", async () => {
    expect(said(await kstatusOf(records))).to.deep.equal(expected(1));
    expect((await kstatusOf([leaving]))[0]?.status).to.equal("Terminating");
  });

  it("kstatus takes an object without a status for done, which is why none is without", async () => {
    expect((await kstatusOf([record(undefined)]))[0]?.status).to.equal("Current");
  });

  it("Argo CD: by the guide's script", async () => {
    const { data } = parse(guide("docs/guides/gitops.md#argo-cd")) as { data: Record<string, string> };
    const script = data["resource.customizations.health.dns.mesh.io_DnsRecord"] ?? "";
    const verdicts = await argoHealthOf(script, [...records, record(undefined), leaving]);
    expect(said(verdicts)).to.deep.equal(expected(2));
    expect(verdicts.slice(-2).map((each) => each.status)).to.deep.equal(["Progressing", "Progressing"]);
    const messageOf = (name: string) => verdicts[Object.keys(states).indexOf(name)]?.message;
    expect([messageOf("held by the guard"), messageOf("on its way")]).to.deep.equal([
      "why",
      "the writer has it, not yet: b",
    ]);
  });

  it("Flux: by the guide's expressions as by kstatus", async () => {
    const { spec } = parse(guide("docs/guides/gitops.md#flux")) as {
      spec: { healthCheckExprs: Record<string, string>[] };
    };
    const [{ apiVersion, kind, ...expressions } = {}] = spec.healthCheckExprs;
    expect([apiVersion, kind]).to.deep.equal(["dns.mesh.io/v1alpha1", "DnsRecord"]);
    expect(said(await fluxHealthOf(expressions, records))).to.deep.equal(expected(1));
  });
});

interface Stack {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly stack: string;
    readonly destroyOnFinalize: boolean;
    readonly prerequisites?: { name: string }[];
  };
}

describe("the guide's Stacks for Pulumi's Kubernetes operator", () => {
  const stacks = parseAllDocuments(guide("docs/guides/gitops.md#stacks-by-pulumis-kubernetes-operator")).map(
    (each) => each.toJS() as Stack,
  );

  it("wait for the shared stack, and the others for the primary", () => {
    const waits = stacks.map(({ metadata, spec }) => [
      metadata.name,
      (spec.prerequisites ?? []).map(({ name }) => name),
    ]);
    expect(waits).to.deep.equal([
      ["shared", []],
      ["site-a", ["shared"]],
      ["site-b", ["shared", "site-a"]],
    ]);
  });

  it("take nothing away with the object, and are called as the stacks are", () => {
    for (const { metadata, spec } of stacks) {
      expect(spec.stack).to.equal(`organization/dns-mesh/${metadata.name}`);
      expect(spec.destroyOnFinalize).to.equal(false);
    }
  });
});
