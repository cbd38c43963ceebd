import { expect } from "chai";
import { PoolStore } from "../../../../../src/agents/operator/pools/pool-store";
import { poolLabel } from "../../../../../src/pools/model";
import type { KubeObject } from "../../../../../src/kube/answer";

const pool = (uid: string, { name = "shop", namespace = "dns-system", version = "10", generation = 1 } = {}) =>
  ({
    kind: "DnsPool",
    metadata: { uid, name, namespace, resourceVersion: version, generation },
    spec: { zone: "a.example", name, type: "A", targets: [{ value: "192.0.2.1" }] },
  }) as KubeObject;

const record = (uid: string, { name = "shop", namespace = "dns-system", version = "20" } = {}) =>
  ({
    kind: "DnsRecord",
    metadata: { uid, name, namespace, resourceVersion: version, generation: 1, labels: { [poolLabel]: "x" } },
    spec: { zone: "a.example", name, type: "A", values: ["192.0.2.1"] },
  }) as KubeObject;

describe("store of pools", () => {
  const linkOf = (store: PoolStore, uid: string) => [...store.all()].find((entry) => entry.uid === uid)?.record?.uid;

  it("joins a pool with the record of its name and namespace, whichever comes first", () => {
    const store = new PoolStore();
    store.putRecord(record("r1"));
    store.put(pool("p1"));
    store.put(pool("p2", { namespace: "team" }));
    expect([linkOf(store, "p1"), linkOf(store, "p2")]).to.deep.equal(["r1", undefined]);
    store.putRecord(record("r2", { namespace: "team" }));
    expect(linkOf(store, "p2")).to.equal("r2");
    store.putRecord(record("r1", { version: "30" }), true);
    expect([linkOf(store, "p1"), linkOf(store, "p2")]).to.deep.equal([undefined, "r2"]);
  });

  it("joins records with a pool that has changed since, and with one that has the name of a former one", () => {
    const store = new PoolStore();
    store.put(pool("p1"));
    store.put(pool("p1", { version: "11", generation: 2 }));
    store.putRecord(record("r1"));
    expect(linkOf(store, "p1")).to.equal("r1");
    store.put(pool("p2", { version: "12" }));
    store.vanish("p1");
    store.putRecord(record("r2", { version: "40" }));
    expect(linkOf(store, "p2")).to.equal("r2");
  });

  it("takes a record that is no more listed away from its pool", () => {
    const store = new PoolStore();
    store.put(pool("p1"));
    store.putRecord(record("r1"));
    store.keepOnlyRecords([], "team");
    expect(linkOf(store, "p1")).to.equal("r1");
    store.keepOnlyRecords([], "*");
    expect(linkOf(store, "p1")).to.equal(undefined);
  });
});
