import { expect } from "chai";
import { clusterLogs, type ClusterLogParts } from "../../../../src/cli/logs/cluster-logs";
import type { KubeObject } from "../../../../src/kube/answer";

const started = (name: string, state: object = { running: {} }) => ({ name, containerID: `c://${name}`, state });
const knot: KubeObject = {
  metadata: { name: "knot-0", uid: "1", creationTimestamp: "2026-12-01T08:00:00Z" },
  spec: { initContainers: [{ name: "prepare" }], containers: [{ name: "knot" }, { name: "agent" }] },
  status: {
    initContainerStatuses: [{ ...started("prepare", { terminated: {} }), restartCount: 0 }],
    containerStatuses: [
      { ...started("knot"), restartCount: 0 },
      { ...started("agent", { waiting: { reason: "CrashLoopBackOff" } }), restartCount: 3 },
    ],
  },
};
const run = (name: string, at: string): KubeObject => ({
  metadata: {
    ...{ name: `${name}-x`, uid: name, creationTimestamp: at },
    labels: { "batch.kubernetes.io/job-name": name },
  },
  spec: { containers: [{ name: "reconciler" }] },
  status: { containerStatuses: [{ ...started("reconciler", { terminated: {} }), restartCount: 0 }] },
});

/** What a cluster with these pods has to read. */
async function look(items: readonly KubeObject[], changes: Partial<ClusterLogParts> = {}) {
  const asked: string[] = [];
  const place = clusterLogs({
    ...{ site: "site-b", namespace: "dns-system" },
    kube: {
      get: (path) => {
        asked.push(path);
        return Promise.resolve({ metadata: { resourceVersion: "7" }, items });
      },
      stream: (path) => {
        asked.push(path);
        return Promise.resolve();
      },
    },
    ...changes,
  });
  const found = await place.look();
  if (found === undefined) throw new Error("a cluster is never gone for good");
  const names = found.sources.map(({ origin: { pod, container } }) => `${pod} ${container}`);
  return { ...found, asked, names };
}

describe("the logs of a site's pods", () => {
  it("are those of every container that was ever started, also of one that waits for its next start", async () => {
    const { names, failures, sources, asked } = await look([knot]);
    expect([names, failures]).to.deep.equal([["knot-0 prepare", "knot-0 knot", "knot-0 agent"], []]);
    expect(sources.map(({ isOver }) => isOver)).to.deep.equal([true, false, false]);
    expect(asked[0]).to.match(/labelSelector=app\.kubernetes\.io%2Fpart-of%3Ddns-mesh/);
  });

  it("are of each CronJob's runs those of the last one", async () => {
    const early = run("reconciler-29400001", "2026-12-01T08:01:00Z");
    const late = run("reconciler-29400002", "2026-12-01T08:02:00Z");
    const drill = run("drill-29400001", "2026-12-01T07:00:00Z");
    const { names } = await look([late, early, drill]);
    expect(names).to.have.members(["reconciler-29400002-x reconciler", "drill-29400001-x reconciler"]);
  });

  it("name a container that was never started, with the reason, and a namespace without a pod", async () => {
    const state = { name: "knot", restartCount: 0, state: { waiting: { reason: "ImagePullBackOff" } } };
    const pod = { ...knot, spec: { containers: [{ name: "knot" }] }, status: { containerStatuses: [state] } };
    expect((await look([pod])).failures).to.deep.equal([
      "site-b/knot-0 knot: has written nothing yet: ImagePullBackOff",
    ]);
    const unscheduled = { ...pod, status: {} };
    expect((await look([unscheduled])).failures[0]).to.match(/^site-b\/knot-0 knot: has written nothing yet/);
    expect((await look([])).failures).to.deep.equal(["site-b: dns-system has no pod of the mesh"]);
  });

  it("are those of named containers alone, and of starts before", async () => {
    expect((await look([knot], { containers: ["agent", "operator"] })).names).to.deep.equal(["knot-0 agent"]);
    const { names, sources, asked } = await look([knot], { previous: true });
    expect(names).to.deep.equal(["knot-0 agent"]);
    const { signal } = new AbortController();
    await sources[0]?.read({ follow: false, signal, onLine: () => undefined });
    expect(asked.at(-1)).to.contain("previous=true");
  });

  it("are asked for as kubectl does", async () => {
    const { sources, asked } = await look([knot]);
    const { signal } = new AbortController();
    const sinceMs = Date.parse("2026-12-01T08:00:00.999Z");
    await sources[1]?.read({ follow: true, sinceMs, tail: 5, signal, onLine: () => undefined });
    const url = new URL(asked.at(-1) ?? "", "http://api");
    expect(url.pathname).to.equal("/api/v1/namespaces/dns-system/pods/knot-0/log");
    expect(Object.fromEntries(url.searchParams)).to.deep.equal({
      ...{ container: "knot", timestamps: "true", follow: "true" },
      ...{ sinceTime: "2026-12-01T08:00:00Z", tailLines: "5" },
    });
  });
});
