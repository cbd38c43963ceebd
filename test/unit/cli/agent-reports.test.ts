import { expect } from "chai";
import { backupTimes, type ClusterReport, readCluster } from "../../../src/cli/agent-reports";
import { emptyMemory, writeStatus } from "../../../src/contract/mesh-status";
import type { KubeObject } from "../../../src/kube/answer";

const since = "2026-11-29T11:00:00Z";
const conditions = [{ kind: "held" as const, message: "a removal is held", since }];
const report = { site: "site-b", ok: false, changedAt: since, conditions };
const metrics = [
  "# TYPE dns_mesh_agent_backup_last_success_timestamp_seconds gauge",
  "dns_mesh_agent_backup_last_success_timestamp_seconds 1795953600",
  "dns_mesh_agent_backup_drill_last_success_timestamp_seconds 0",
];
const core = "/api/v1/namespaces/dns-system";
const knot = { metadata: { name: "knot-0" }, status: { conditions: [{ type: "Ready", status: "True" }] } };
const everything: Readonly<Record<string, KubeObject>> = {
  [`${core}/configmaps/mesh-status`]: { ...writeStatus(emptyMemory, report) },
  [`${core}/pods?labelSelector=app.kubernetes.io%2Fname%3Dknot`]: { items: [knot] },
  [`${core}/pods/knot-0:8053/proxy/status`]: { ready: true, problems: [], held: [] },
  "/apis/batch/v1/namespaces/dns-system/cronjobs/reconciler": {
    spec: { schedule: "*/5 * * * *", suspend: false },
    status: { lastScheduleTime: since, lastSuccessfulTime: since },
  },
};

/** What is read of a cluster that has these objects. */
const read = (has: Readonly<Record<string, KubeObject | undefined>>): Promise<ClusterReport> =>
  readCluster({
    site: "site-b",
    namespace: "dns-system",
    kube: {
      get: (path) => Promise.resolve(has[path]),
      stream: (_path, { onLine }) => {
        metrics.forEach(onLine);
        return Promise.resolve();
      },
    },
  });

describe("what a site's cluster says", () => {
  it("is what the reconciler found, when it ran, and what each agent says", async () => {
    const { pods, failures, conditions: found, reconciler } = await read(everything);
    expect([failures, found, reconciler]).to.deep.equal([
      [],
      conditions,
      { due: since, done: since, schedule: "*/5 * * * *" },
    ]);
    expect(pods).to.have.length(1);
    expect(pods[0]).to.deep.include({ name: "site-b/knot-0", ready: true, isReconciled: true });
    expect(pods[0]?.backups).to.deep.equal({ lastBackup: "2026-11-29T12:00:00.000Z" });
  });

  it("names each part that cannot be read, and reads the others", async () => {
    const { failures, pods } = await read({ ...everything, [`${core}/configmaps/mesh-status`]: undefined });
    expect(failures).to.deep.equal(["ConfigMap mesh-status: dns-system has none"]);
    expect(pods[0]).to.deep.include({ isReconciled: false });
    expect((await read({})).failures).to.have.length(3);
  });

  it("takes an agent that the API server does not reach for unreached, not for fine", async () => {
    const { pods } = await read({ ...everything, [`${core}/pods/knot-0:8053/proxy/status`]: undefined });
    expect(pods[0]).to.not.have.property("facts");
    expect(pods[0]?.failure).to.match(/no status that we understand/);
  });

  it("takes an agent or a report of another shape for unknown, and reads the others", async () => {
    const status = (problems: unknown) => ({ ready: true, problems, held: [] });
    const [path, map] = [`${core}/pods/knot-0:8053/proxy/status`, `${core}/configmaps/mesh-status`];
    for (const [answer, where] of [
      [status([null]), /status\.problems\[0\] must be a JSON object/],
      [{ ...status([]), dnssec: "none" }, /status\.dnssec must be a list/],
      [{ ...status([]), applied: { at: 5 } }, /status\.applied\.at must be a text/],
    ] as const) {
      const { pods } = await read({ ...everything, [path]: answer });
      expect(pods[0]).to.not.have.property("facts");
      expect(pods[0]?.failure).to.match(where);
    }
    const odd = { ...report, conditions: [null] } as unknown as typeof report;
    const found = await read({ ...everything, [map]: { ...writeStatus(emptyMemory, odd) } });
    expect(found.failures[0]).to.match(/^ConfigMap mesh-status: conditions\[0\] must be a JSON object/);
    expect(found.pods[0]).to.deep.include({ isReconciled: false });
  });

  it("refuses another site's cluster", async () => {
    const other = {
      ...everything,
      [`${core}/configmaps/mesh-status`]: { ...writeStatus(emptyMemory, { ...report, site: "site-z" }) },
    };
    expect((await read(other)).failures).to.deep.equal([
      "ConfigMap mesh-status: it is that of site-z: check the context of site-b",
    ]);
  });

  it("has no times of backups where a site makes none", () => {
    expect(backupTimes(["dns_mesh_agent_ready 1"])).to.equal(undefined);
  });
});
