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

  it("finds pools by what they were made of, also when nothing but that is new, in a namespace or in all", () => {
    const touched: (string | undefined)[] = [];
    const store = new PoolStore(({ object }) => touched.push(object.source?.uid));
    const made = (source: string, of: Parameters<typeof pool>[1] = {}, uid = "p1"): KubeObject => {
      const object = pool(uid, of);
      const owner = {
        labels: { "dns.mesh.io/source": "Service" },
        ownerReferences: [{ kind: "Service", uid: source }],
      };
      return { ...object, metadata: { ...object.metadata, ...owner } };
    };
    const found = (source: string, namespace?: string) => store.madeOf(source, namespace).map(({ uid }) => uid);
    store.put(pool("p1"));
    store.put(made("s1", { version: "11" }));
    store.put(made("s1", { namespace: "team" }, "p2"));
    expect([found("s1"), found("s1", "team"), found("s1", "else")]).to.deep.equal([["p1", "p2"], ["p2"], []]);
    touched.length = 0;
    store.put(made("s2", { version: "12" }));
    expect([found("s1"), found("s2"), store.sources()]).to.deep.equal([["p2"], ["p1"], ["s1", "s2"]]);
    expect(touched).to.include.members(["s1", "s2"]);
    store.put(made("s3", { version: "13", generation: 2 }));
    expect([found("s2"), found("s3")]).to.deep.equal([[], ["p1"]]);
    store.vanish("p1");
    expect(store.sources()).to.deep.equal(["s1"]);
    store.put(pool("p2", { version: "14", namespace: "team" }));
    expect(store.sources()).to.deep.equal([]);
  });
});
