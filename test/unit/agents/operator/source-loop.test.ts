import { expect } from "chai";
import { KindFinder } from "../../../../src/agents/operator/kind-finder";
import { PoolStore } from "../../../../src/agents/operator/pools/pool-store";
import { RecordStore } from "../../../../src/agents/operator/record-store";
import { SourceLoop } from "../../../../src/agents/operator/source-loop";
import { systemClock } from "../../../../src/base/clock";
import { KubeError, type KubeObject } from "../../../../src/kube/answer";
import type { WatchOptions } from "../../../../src/kube/watch";
import { sourceApis, type SourceSettings } from "../../../../src/records/sources/kinds";
import { eventually } from "../../../../harness/eventually";

const settings: SourceSettings = { kinds: ["Service", "Ingress"], zones: ["a.example"], labels: {}, ttl: 300 };

const records = "/apis/dns.mesh.io/v1alpha1/namespaces/shop/dnsrecords";

/** What says which object a DnsRecord was made of. */
interface Marks {
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly object[];
}

/** A loop with a store beside it that has what the loop makes, as the API server's watch would bring it. */
class Stage {
  readonly store = new RecordStore(
    () => 0,
    (uid) => {
      this.loop.look(uid);
    },
  );
  readonly pools = new PoolStore((entry) => {
    this.loop.look(entry.object.source?.uid ?? "");
  });
  arePoolsListed = true;
  readonly watches: WatchOptions[] = [];
  readonly writes: string[] = [];
  readonly told: string[] = [];
  readonly merged: KubeObject[] = [];
  refusal: KubeError | undefined;
  /** What it concerns. */
  refused = /./;
  /** What the API server has at a path. */
  readonly served = new Map<string, KubeObject>([["/api/v1/namespaces/shop", { metadata: { name: "shop" } }]]);
  tries = 0;
  /** How often it was asked which pools there are of a source. */
  looks = 0;
  readonly loop: SourceLoop;
  readonly #ending = new AbortController();
  #version = 100;

  constructor(namespaces: readonly string[] = ["shop"]) {
    const path = (at: string): string => at.split("/").slice(-1)[0] ?? "";
    this.loop = new SourceLoop({
      client: {
        get: (at) => Promise.resolve(this.served.get(at)),
        stream: () => Promise.reject(new Error("nothing is streamed")),
        create: async (at, object) => {
          const { name = "" } = object.metadata ?? {};
          if (this.served.has(`${at}/${name}`)) throw new KubeError(`${name} already exists`, { status: 409 });
          const isPool = at.endsWith("/dnspools");
          await this.#write(`create ${name}`, () => (isPool ? this.seePool(object) : this.see(object, `made-${name}`)));
        },
        merge: (at, change) => {
          this.merged.push(change);
          const there = this.served.get(at);
          if (there !== undefined) {
            const { ownerReferences, labels } = change.metadata as Marks;
            this.bring({ ...there, ...change, metadata: { ...there.metadata, ownerReferences, labels } as object });
          }
          return this.#write(`merge ${path(at)}`, () => change) as Promise<KubeObject>;
        },
        remove: (at) => this.#write(`remove ${path(at)}`, () => undefined).then(() => undefined),
      },
      watch: (options) => {
        this.watches.push(options);
        return new Promise((resolve) => {
          options.signal.addEventListener("abort", () => {
            resolve();
          });
        });
      },
      namespaces,
      own: "dns-system",
      store: this.store,
      pools: () => ({
        madeOf: (uid, namespace) => {
          this.looks++;
          return this.pools.madeOf(uid, namespace);
        },
        named: (namespace, name) => this.pools.named(namespace, name),
        sources: () => this.pools.sources(),
        isListed: () => this.arePoolsListed,
      }),
      events: {
        tell: (about, { reason, message }) => this.told.push(`${about.kind} ${about.name} ${reason} ${message}`),
      },
      isReady: () => true,
      beat: () => undefined,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      clock: systemClock,
      random: () => 0,
    });
    void this.loop.run(this.#ending.signal);
  }

  /** A DnsRecord as the watch brings it. */
  see(object: KubeObject, uid: string): KubeObject {
    const seen = {
      ...object,
      metadata: { ...object.metadata, namespace: "shop", uid, resourceVersion: String(this.#version++), generation: 1 },
    };
    const entry = this.store.put(seen);
    if (entry !== undefined) this.loop.see(entry.object);
    return seen;
  }

  /** A DnsPool as the watch brings it, with a condition that it has. */
  seePool(
    object: KubeObject,
    condition?: { readonly type: string; readonly status: string; message?: string },
  ): KubeObject {
    const { name = "" } = object.metadata ?? {};
    const metadata = {
      ...{ ...object.metadata, namespace: "shop", uid: `pool-${name}` },
      ...{ resourceVersion: String(this.#version++), generation: 1 },
    };
    const conditions = condition === undefined ? [] : [{ observedGeneration: 1, reason: "OfTheTest", ...condition }];
    const seen = { ...object, metadata, status: { conditions } };
    this.pools.put(seen);
    return seen;
  }

  /** A DnsRecord as the API server has it from now on, and the watch brings it. */
  bring(object: KubeObject): void {
    const { name = "", uid = "" } = object.metadata ?? {};
    this.served.set(`${records}/${name}`, this.see(object, uid));
  }

  follow(changes: Partial<SourceSettings> = {}): void {
    this.loop.follow({ ...settings, ...changes }, this.#ending.signal);
  }

  watch(kind: string): WatchOptions {
    const found = this.watches.findLast(({ path }) => path.includes(kind));
    if (found === undefined) throw new Error(`${kind} are not watched`);
    return found;
  }

  end(): void {
    this.#ending.abort();
  }

  async #write(what: string, act: () => KubeObject | undefined): Promise<KubeObject | undefined> {
    await Promise.resolve();
    this.tries++;
    if (this.refusal !== undefined && this.refused.test(what)) throw this.refusal;
    this.writes.push(what);
    return act();
  }
}

function service(name: string, ip: string): KubeObject {
  const annotations = { "external-dns.alpha.kubernetes.io/hostname": `${name}.a.example` };
  const ingress = [{ ip }];
  return {
    metadata: { name, namespace: "shop", uid: `uid-${name}`, annotations },
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress } },
  };
}

/** A DnsRecord of a Service that is there. */
function madeOf(uid: string, kind = "Service"): KubeObject {
  return {
    apiVersion: "dns.mesh.io/v1alpha1",
    kind: "DnsRecord",
    metadata: {
      name: `of-${uid}`,
      labels: { "dns.mesh.io/source": kind },
      ownerReferences: [{ kind, name: "x", uid }],
    } as KubeObject["metadata"] & object,
    spec: { zone: "a.example", name: "x", ttl: 300, type: "A", values: ["192.0.2.1"] },
  };
}

describe("DnsRecords that are made of Services and Ingresses", () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => {
    stage.end();
  });
  const written = (...expected: RegExp[]): Promise<unknown> =>
    eventually(
      5,
      () => {
        expect(stage.writes.length).to.equal(expected.length);
        for (const [i, pattern] of expected.entries()) expect(stage.writes[i]).to.match(pattern);
      },
      5,
    );

  it("are made once, follow their source, and are written only where something differs", async () => {
    stage.follow();
    stage.watch("services").onList([service("www", "192.0.2.1")]);
    await written(/^create service-www-/);
    stage.watch("services").onChange(service("www", "192.0.2.1"), false);
    stage.watch("services").onChange(service("www", "192.0.2.2"), false);
    await written(/^create service-www-/, /^merge service-www-/);
  });

  it("are chosen by labels, in the namespaces that are served", () => {
    stage.follow({ labels: { team: "shop" } });
    expect(stage.watches.map(({ path }) => path)).to.deep.equal([
      "/api/v1/namespaces/shop/services?labelSelector=team%3Dshop",
      "/apis/networking.k8s.io/v1/namespaces/shop/ingresses?labelSelector=team%3Dshop",
    ]);
  });

  it("stay while their source's kind was not listed, and go once a listing is without it", async () => {
    stage.see(madeOf("lost"), "one");
    stage.see(madeOf("other", "Ingress"), "two");
    stage.follow();
    stage.watch("services").onTrouble(1, "403 Forbidden");
    stage.watch("ingresses").onTrouble(1, "403 Forbidden");
    stage.watch("services").onList([service("www", "192.0.2.1")]);
    await written(/^create service-www-/, /^remove of-lost$/).catch(() =>
      written(/^remove of-lost$/, /^create service-www-/),
    );
  });

  it("stay when the settings have other zones or kinds, and without settings", async () => {
    stage.follow();
    stage.watch("services").onList([service("www", "192.0.2.1")]);
    stage.watch("ingresses").onList([]);
    await written(/^create/);
    stage.follow({ zones: ["other.example"] });
    stage.follow({ zones: ["other.example"], kinds: ["Ingress"] });
    stage.watch("ingresses").onList([]);
    stage.loop.follow(undefined, new AbortController().signal);
    stage.follow({ ttl: 60 });
    stage.watch("services").onList([service("www", "192.0.2.1")]);
    await written(/^create/, /^merge/);
  });

  it("are left alone where they are in another namespace than the object that they say they are made of", async () => {
    const made = madeOf("uid-www");
    stage.store.put({
      ...made,
      metadata: { ...made.metadata, namespace: "blog", uid: "theirs", resourceVersion: "1" },
    });
    stage.follow();
    stage.watch("services").onList([service("www", "192.0.2.1")]);
    await written(/^create service-www-/);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await written(/^create service-www-/);
  });

  it("say what cannot be made, once", async () => {
    stage.follow();
    const bad = {
      ...service("www", ""),
      status: { loadBalancer: { ingress: [{ hostname: "a.t" }, { hostname: "b.t" }] } },
    };
    stage.watch("services").onList([bad]);
    stage.watch("services").onChange(bad, false);
    await eventually(5, () => expect(stage.told).to.have.lengthOf(1), 5);
    expect(stage.told[0]).to.match(/^Service www RecordsNotMade www\.a\.example has the targets a\.t, b\.t/);
  });

  describe("and that somebody detached", () => {
    const owner = { apiVersion: "v1", kind: "Service", name: "www", uid: "uid-www", controller: true };
    const label = { "dns.mesh.io/source": "Service" };
    /** One that was made, with other marks from then on. */
    async function detach({ labels, ownerReferences }: Marks): Promise<KubeObject> {
      stage.follow();
      stage.watch("services").onList([service("www", "192.0.2.1")]);
      await written(/^create service-www-/);
      // Nothing is left to look at: the news is that it was detached.
      await new Promise((resolve) => setTimeout(resolve, 60));
      const [made] = [...stage.store.all()];
      const object = made!.object as unknown as KubeObject;
      const { name = "", uid = "" } = object.metadata ?? {};
      const metadata = { name, uid, ...(labels && { labels }), ...(ownerReferences && { ownerReferences }) };
      const detached = { ...object, metadata: metadata as KubeObject["metadata"] & object };
      stage.bring(detached);
      return detached;
    }
    const other = { apiVersion: "v1", kind: "ConfigMap", name: "keeper", uid: "uid-keeper" };

    for (const [what, marks, owners] of [
      ["label", { ownerReferences: [owner] }, [owner]],
      ["owner reference", { labels: label }, [owner]],
      ["owner reference, and has another one", { labels: label, ownerReferences: [other] }, [other, owner]],
    ] as const)
      it(`are taken back at once where it was the ${what}, and follow their source`, async () => {
        await detach(marks);
        await written(/^create/, /^merge service-www-/);
        expect(stage.merged[0]?.metadata).to.deep.include({ labels: label, ownerReferences: owners });
        stage.watch("services").onChange(service("www", "192.0.2.2"), false);
        await written(/^create/, /^merge/, /^merge service-www-/);
        expect(stage.merged[1]).to.have.nested.property("spec.values[0]", "192.0.2.2");
        // One that somebody gave a value of its own besides would be refused with both.
        for (const change of stage.merged) expect(change).to.have.nested.property("spec.value", null);
        expect(stage.told).to.deep.equal([]);
      });

    it("are left to whoever took both away, which they and their source say, once, until they go", async () => {
      const { metadata } = await detach({});
      await eventually(5, () => expect(stage.told).to.have.lengthOf(2), 5);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(stage.told.sort().map((text) => text.replaceAll(/-[0-9a-f]{10}/g, ""))).to.deep.equal([
        "DnsRecord service-www SourceNotFollowed Service www asks for this name, and this DnsRecord does not follow it: " +
          "it has neither the label dns.mesh.io/source=Service nor an owner reference to it. Delete it, and one that follows is made",
        "Service www RecordsNotMade there is a DnsRecord service-www that does not belong to this Service, " +
          "and does not follow it: delete it, and this one gets its own",
      ]);
      await written(/^create/);
      stage.served.delete(`${records}/${metadata?.name ?? ""}`);
      stage.store.vanish(metadata?.uid ?? "");
      await written(/^create/, /^create service-www-/);
    });

    it("go where they are a former source's, which is waited for", async () => {
      await detach({ labels: label, ownerReferences: [{ ...owner, uid: "uid-former" }] });
      await eventually(5, () => expect(stage.told.join()).to.match(/of a former Service www has yet to go$/), 5);
      await written(/^create/, /^remove service-www-/);
    });
  });

  it("are tried again when the API server refuses them, and the source says why", async () => {
    stage.follow();
    stage.refusal = new KubeError("NotAllowed: namespace shop may not have it", { status: 403 });
    stage.watch("services").onList([service("www", "192.0.2.1")]);
    await eventually(5, () => expect(stage.told.join()).to.contain("RecordsNotMade NotAllowed"), 5);
    await eventually(5, () => expect(stage.tries).to.be.at.least(3), 5);
    stage.refusal = undefined;
    await written(/^create/);
    expect(stage.told).to.have.lengthOf(1);
  });

  it("are made also where the API server refuses another one of the same source, and nothing is taken away then", async () => {
    stage.see(madeOf("uid-www"), "old");
    stage.follow();
    stage.refusal = new KubeError("NotAllowed: namespace shop may not have it", { status: 403 });
    const named = "external-dns.alpha.kubernetes.io/hostname";
    const plain = service("www", "192.0.2.1");
    const annotations = { [named]: "bad.a.example, good.a.example" };
    // The first of both, whatever it is called.
    let first: string | undefined;
    stage.refused = { test: (what: string) => (first ??= what) === what } as RegExp;
    stage.watch("services").onList([{ ...plain, metadata: { ...plain.metadata, annotations } }]);
    await written(/^create service-www-/);
    await eventually(5, () => expect(stage.told.join()).to.contain("RecordsNotMade NotAllowed"), 5);
    stage.refusal = undefined;
    await written(/^create service-www-/, /^create service-www-/, /^remove of-uid-www$/);
  });

  describe("and pools that are", () => {
    const check = JSON.stringify({ type: "TCP", port: 443 });
    const pooled = (ip: string, annotations: Readonly<Record<string, string>> = {}): KubeObject => {
      const plain = service("www", ip);
      const status = ip === "" ? {} : { status: { loadBalancer: { ingress: [{ ip }] } } };
      const own = { "dns.mesh.io/pool": "failover", "dns.mesh.io/pool-check": check, ...annotations };
      const metadata = { ...plain.metadata, annotations: { ...plain.metadata?.annotations, ...own } };
      return { ...plain, status: {}, ...status, metadata };
    };
    const pool = (): KubeObject => {
      const [entry] = stage.pools.all();
      const { metadata, source } = entry!.object;
      const labels = { "dns.mesh.io/source": source?.kind ?? "" };
      return {
        metadata: { ...metadata, labels, ownerReferences: [source] } as KubeObject["metadata"] & object,
        spec: {
          zone: "a.example",
          name: "www",
          type: "A",
          ttl: 30,
          strategy: "failover",
          minHealthy: 1,
          check: { type: "TCP", port: 443 },
          targets: [{ value: "192.0.2.1", priority: 0 }],
        },
      };
    };
    const list = (...services: KubeObject[]) => {
      stage.watch("services").onList(services);
    };
    const settled = () => new Promise((resolve) => setTimeout(resolve, 60));

    it("are made once, follow their source, and are written only where something differs", async () => {
      stage.follow();
      list(pooled("192.0.2.1"));
      await written(/^create service-www-[0-9a-f]{10}-pool$/);
      list(pooled("192.0.2.1"));
      await settled();
      list(pooled("192.0.2.2"));
      await written(/^create/, /^merge service-www-.*-pool$/);
      expect(stage.merged[0]).to.have.nested.property("spec.targets[0].value", "192.0.2.2");
      expect(stage.merged[0]).to.have.nested.property("spec.check.host", null);
    });

    it("take the place of a record once they are answered, and give it back once that is", async () => {
      stage.follow();
      list(service("www", "192.0.2.1"));
      await written(/^create/);
      list(pooled("192.0.2.1"));
      await written(/^create/, /^create .*-pool$/);
      await settled();
      stage.seePool(pool(), { type: "Ready", status: "True" });
      await written(/^create/, /^create/, /^remove service-www-[0-9a-f]{10}$/);
      for (const { uid } of [...stage.store.all()]) stage.store.vanish(uid);
      list(service("www", "192.0.2.1"));
      await written(/^create/, /^create/, /^remove/, /^create service-www-[0-9a-f]{10}$/);
      await settled();
      const [entry] = stage.store.all();
      const lastTransitionTime = "2026-11-28T00:00:00Z";
      entry!.status = {
        conditions: [
          {
            type: "Programmed",
            status: "True",
            observedGeneration: 1,
            reason: "AllSites",
            message: "",
            lastTransitionTime,
          },
        ],
      };
      await written(/^create/, /^create/, /^remove/, /^create/, /^remove .*-pool$/);
    });

    it("leave a record where they are refused, and the source says why, once", async () => {
      stage.follow();
      list(service("www", "192.0.2.1"));
      await written(/^create/);
      list(pooled("192.0.2.1"));
      await written(/^create/, /^create .*-pool$/);
      for (const type of ["Accepted", "Accepted"])
        stage.seePool(pool(), { type, status: "False", message: "no more than 3" });
      await eventually(5, () => expect(stage.told).to.have.lengthOf(1), 5);
      await settled();
      expect(stage.told).to.have.lengthOf(1);
      expect(stage.told[0]).to.match(
        /^Service www RecordsNotMade the DnsPool service-www-.*-pool is refused: no more than 3$/,
      );
      await written(/^create/, /^create/);
    });

    it("are not made where somebody else has one of their name, which the source says, and are once that is gone", async () => {
      stage.follow();
      list(pooled("192.0.2.1"));
      await written(/^create .*-pool$/);
      const [own] = stage.pools.all();
      const { metadata, ...rest } = pool();
      stage.pools.put({ ...rest, metadata: { ...metadata, uid: "theirs", labels: {}, ownerReferences: [] } as object });
      stage.pools.vanish(own?.uid ?? "");
      list(pooled("192.0.2.1"));
      await eventually(5, () => expect(stage.told).to.have.lengthOf(1), 5);
      expect(stage.told[0]).to.match(/^Service www RecordsNotMade there is a DnsPool service-www-.*-pool that was not/);
      await written(/^create .*-pool$/);
      stage.pools.vanish("theirs");
      await written(/^create .*-pool$/, /^create .*-pool$/);
    });

    it("stay where the source has no address, and go without a name", async () => {
      stage.follow();
      list(pooled("192.0.2.1"));
      await written(/^create/);
      list(pooled(""));
      await settled();
      await written(/^create/);
      list(pooled("", { "external-dns.alpha.kubernetes.io/hostname": "" }));
      await written(/^create/, /^remove .*-pool$/);
    });

    it("stay where the source leads to a name by now, which can be no pool", async () => {
      stage.follow();
      list(pooled("192.0.2.1"));
      await written(/^create .*-pool$/);
      const named = pooled("");
      list({ ...named, status: { loadBalancer: { ingress: [{ hostname: "lb.test" }] } } });
      await eventually(5, () => expect(stage.told).to.have.lengthOf(1), 5);
      await settled();
      await written(/^create .*-pool$/);
    });

    it("that are refused are waited for by their news, while the record follows its source, and goes with its address", async () => {
      stage.follow();
      list(service("www", "192.0.2.1"));
      await written(/^create/);
      list(pooled("192.0.2.1"));
      await written(/^create/, /^create .*-pool$/);
      stage.seePool(pool(), { type: "Accepted", status: "False", message: "no more than 3" });
      await settled();
      const passes = stage.looks;
      await new Promise((resolve) => setTimeout(resolve, 1200));
      expect(stage.looks).to.equal(passes);
      list(pooled("192.0.2.2"));
      await written(/^create/, /^create/, /^merge service-www-.*-pool$/, /^merge service-www-[0-9a-f]{10}$/);
      list(pooled(""));
      await written(/^create/, /^create/, /^merge/, /^merge/, /^remove service-www-[0-9a-f]{10}$/);
    });

    it("are not made, and nothing is taken away, while it is not known which there are", async () => {
      stage.arePoolsListed = false;
      stage.see(madeOf("uid-www"), "old");
      stage.follow();
      list(pooled("192.0.2.1"));
      await settled();
      expect(stage.writes).to.deep.equal([]);
      stage.arePoolsListed = true;
      await written(/^create .*-pool$/, /^remove of-uid-www$/);
    });
  });

  describe("and of routes and DNSEndpoints", () => {
    const gatewayKinds = "/apis/gateway.networking.k8s.io/v1";
    const edge = (value: string, ...labels: string[]): KubeObject => ({
      metadata: { name: "edge", namespace: "infra", uid: "uid-edge" },
      spec: {
        listeners: [
          {
            ...{ name: "http", port: 80, protocol: "HTTP" },
            allowedRoutes: {
              namespaces: { from: "Selector", selector: { matchLabels: { team: labels[0] ?? "shop" } } },
            },
          },
        ],
      },
      status: { addresses: [{ value }], listeners: [{ attachedRoutes: labels.length }] },
    });
    const parentRef = { name: "edge", namespace: "infra" };
    const route: KubeObject = {
      apiVersion: "gateway.networking.k8s.io/v1",
      metadata: { name: "www", namespace: "shop", uid: "uid-route" },
      spec: { parentRefs: [parentRef], hostnames: ["www.a.example"] },
      status: { parents: [{ parentRef, conditions: [{ type: "Accepted", status: "True" }] }] },
    };
    const labelled = (team: string) =>
      stage.served.set("/api/v1/namespaces/shop", { metadata: { name: "shop", labels: { team } } });
    const values = () => [...stage.store.all()].map(({ object }) => object.spec.values?.join());
    const follow = (more: Partial<SourceSettings> = {}) => {
      stage.follow({ kinds: ["HTTPRoute"], gatewayNamespaces: ["infra"], ...more });
    };

    it("follow Gateways, and stay as they are until these were listed", async () => {
      labelled("shop");
      stage.see(madeOf("uid-route", "HTTPRoute"), "old");
      follow();
      stage.watch("httproutes").onList([route]);
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(stage.writes).to.deep.equal([]);
      stage.watches.find(({ path }) => path === "/namespaces/infra/gateways")?.onList([edge("192.0.2.1")]);
      await written(/^create httproute-www-/, /^remove of-uid-route$/);
      stage.store.vanish("old");
      expect(values()).to.include("192.0.2.1");
      stage.watch("infra/gateways").onChange(edge("192.0.2.1", "shop"), false);
      stage.watch("infra/gateways").onChange(edge("192.0.2.2", "shop"), false);
      await written(/^create/, /^remove/, /^merge httproute-www-/);
      stage.watch("infra/gateways").onChange(edge("192.0.2.2", "shop"), true);
      await written(/^create/, /^remove/, /^merge/, /^remove httproute-www-/);
    });

    it("stay as they are while labels of their namespace cannot be read", async () => {
      stage.served.delete("/api/v1/namespaces/shop");
      stage.see(madeOf("uid-route", "HTTPRoute"), "old");
      follow();
      stage.watch("httproutes").onList([route]);
      stage.watch("infra/gateways").onList([edge("192.0.2.1")]);
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(stage.writes).to.deep.equal([]);
    });

    it("go when their namespace is not chosen", async () => {
      labelled("blog");
      stage.see(madeOf("uid-route", "HTTPRoute"), "old");
      follow();
      stage.watch("httproutes").onList([route]);
      stage.watch("infra/gateways").onList([edge("192.0.2.1")]);
      await written(/^remove of-uid-route$/);
    });

    it("are watched with Gateways and labels of the whole cluster where all namespaces are served", async () => {
      stage.end();
      stage = new Stage(["*"]);
      stage.see(madeOf("uid-route", "HTTPRoute"), "old");
      follow();
      const paths = stage.watches.map(({ path }) => path);
      expect(paths).to.deep.equal(["/httproutes", "/gateways", "/api/v1/namespaces"]);
      stage.watch("httproutes").onList([route]);
      stage.watch("gateways").onList([edge("192.0.2.1")]);
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(stage.writes).to.deep.equal([]);
      stage.watch("/api/v1/namespaces").onList([{ metadata: { name: "shop", labels: { team: "shop" } } }]);
      await written(/^create httproute-www-/, /^remove of-uid-route$/);
      stage.store.vanish("old");
      stage.watch("/api/v1/namespaces").onChange({ metadata: { name: "shop", labels: { team: "blog" } } }, false);
      await written(/^create/, /^remove/, /^remove httproute-www-/);
    });

    it("say that a Gateway is where nobody looks, and what to do", async () => {
      stage.see(madeOf("uid-route", "HTTPRoute"), "old");
      stage.follow({ kinds: ["HTTPRoute"] });
      stage.watch("httproutes").onList([route]);
      await eventually(5, () => expect(stage.told).to.have.lengthOf(1), 5);
      expect(stage.told[0]).to.match(/^HTTPRoute www RecordsNotMade its Gateway infra\/edge .* add infra to/);
      expect(stage.writes).to.deep.equal([]);
    });

    it("are looked for in the version that the cluster has, and a missing definition is told once", async () => {
      follow({ kinds: ["TLSRoute"] });
      const base = stage.watch("tlsroutes").base ?? (() => Promise.reject(new Error("no base")));
      const missing = await base().then(String, String);
      expect(missing).to.match(/the cluster has no tlsroutes of gateway\.networking\.k8s\.io .* is not installed/);
      for (const tries of [1, 2, 3, 4]) stage.watch("tlsroutes").onTrouble(tries, missing);
      for (const tries of [1, 2, 3, 4]) stage.watch("tlsroutes").onTrouble(tries, missing);
      expect(stage.told.map((text) => text.replace(/ TLSRoute: .*;/, ";"))).to.deep.equal([
        "Deployment record-operator SourcesNotListed; what was made of them stays as it is, and they are taken up once they can be listed",
      ]);
      expect(stage.loop.unlisted).to.equal(1);
      stage.watch("tlsroutes").onTrouble(0, "");
      expect(stage.loop.unlisted).to.equal(0);
    });

    it("of a DNSEndpoint are made, and it says which version of it was looked at", async () => {
      stage.follow({ kinds: ["DNSEndpoint"] });
      const metadata = { name: "names", namespace: "shop", uid: "uid-names", generation: 4 };
      const endpoints = [{ dnsName: "www.a.example", recordType: "TXT", targets: ["a b"], recordTTL: 60 }];
      const object = { apiVersion: "externaldns.k8s.io/v1alpha1", metadata, spec: { endpoints } };
      stage.watch("dnsendpoints").onList([object]);
      await written(/^create dnsendpoint-names-/, /^merge status$/);
      expect(values()).to.deep.equal(['"a b"']);
      stage.watch("dnsendpoints").onChange({ ...object, status: { observedGeneration: 4 } }, false);
      await new Promise((resolve) => setTimeout(resolve, 60));
      await written(/^create/, /^merge status$/);
    });

    it("finds the first version that is served, and asks again after a while", async () => {
      let now = 0;
      const asked: string[] = [];
      const client = {
        get: (at: string) => {
          asked.push(at);
          return Promise.resolve(stage.served.get(at));
        },
      };
      const finder = new KindFinder(client, () => now);
      const old = "/apis/gateway.networking.k8s.io/v1alpha2";
      stage.served.set(gatewayKinds, { resources: [{ name: "httproutes" }] });
      stage.served.set(old, { resources: [{ name: "tlsroutes" }] });
      expect(await finder.find(sourceApis.TLSRoute)).to.equal(old);
      expect(await finder.find(sourceApis.HTTPRoute)).to.equal(gatewayKinds);
      expect(asked).to.have.lengthOf(3);
      stage.served.set(gatewayKinds, { resources: [{ name: "httproutes" }, { name: "tlsroutes" }] });
      expect(await finder.find(sourceApis.TLSRoute)).to.equal(old);
      now += 5000;
      expect(await finder.find(sourceApis.TLSRoute)).to.equal(gatewayKinds);
    });
  });
});
