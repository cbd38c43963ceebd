import { expect } from "chai";
import { OperatorMetrics } from "../../../../src/agents/operator/metrics";
import { readOperatorOptions } from "../../../../src/agents/operator/options";
import { RecordStore } from "../../../../src/agents/operator/record-store";
import { BackOff, Bell, Heartbeats } from "../../../../src/base/clock";
import { UserError } from "../../../../src/base/errors";
import { settled, TestClock } from "./test-clock";

describe("the record operator's environment", () => {
  const env = {
    DNS_MESH_PACKET: "/etc/welcome.json",
    DNS_MESH_LOCAL_KEY: "/etc/local/key.json",
    DNS_MESH_RECORDS_KEY: "/etc/records/key.json",
    DNS_MESH_HTTP: "0.0.0.0@8053",
    DNS_MESH_NAMESPACE: "dns-system",
    DNS_MESH_POD: "record-operator-0",
  };

  it("has defaults for what a site's stack does not set", () => {
    expect(readOperatorOptions(env)).to.deep.include({
      ...{ lookMs: 5000, awayMs: 30_000, leaseSeconds: 15, namespaces: ["dns-system"] },
    });
  });

  for (const name of ["DNS_MESH_LOOK_SECONDS", "DNS_MESH_AWAY_SECONDS", "DNS_MESH_LEASE_SECONDS"])
    for (const text of ["", "five", "0", "-1", "NaN", "1e3", "0x10", "Infinity", "99999999"])
      it(`refuses ${name}="${text}"`, () => {
        expect(() => readOperatorOptions({ ...env, [name]: text })).to.throw(UserError, name);
      });
});

describe("the record operator's metrics", () => {
  const input = { apiReads: 1, apiWrites: 2, leaseRequests: 3, dnsRequests: 4 };

  it("are text that Prometheus reads: each family once, with its help and type before its samples", () => {
    const metrics = new OperatorMetrics();
    metrics.isLeader = true;
    metrics.programmed(120);
    metrics.failed("UpdateRefused");
    metrics.failed("UpdateRefused");
    const text = metrics.render({ ...input, records: 7, waiting: 1, retiring: 0, looks: 9, isMeshRefused: true });
    for (const line of [
      "dns_mesh_records_leader 1",
      "dns_mesh_records_objects 7",
      "dns_mesh_records_mesh_refused 1",
      "dns_mesh_records_looks_total 9",
      "dns_mesh_records_api_writes_total 2",
      'dns_mesh_records_errors_total{reason="UpdateRefused"} 2',
      'dns_mesh_records_programmed_seconds_bucket{le="0.1"} 0',
      'dns_mesh_records_programmed_seconds_bucket{le="0.2"} 1',
      "dns_mesh_records_programmed_seconds_count 1",
    ])
      expect(text.split("\n")).to.include(line);
    const families = [...text.matchAll(/^# HELP (\S+) \S.*\n# TYPE (\S+) (?:gauge|counter|histogram)$/gm)];
    expect(families.every(([, help, type]) => help === type)).to.equal(true);
    const names = families.map(([, name = ""]) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const line of text
      .trimEnd()
      .split("\n")
      .filter((each) => !each.startsWith("#"))) {
      const name = /^[a-z_]+/.exec(line)?.[0] ?? "";
      expect(
        names.some((each) => name === each || name.startsWith(`${each}_`)),
        line,
      ).to.equal(true);
    }
    for (const [, name = "", type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm))
      expect(name.endsWith("_total"), name).to.equal(type === "counter");
  });

  it("are there in a replica that does not lead", () => {
    expect(new OperatorMetrics().render(input)).to.contain("dns_mesh_records_leader 0\n").and.contain("objects 0\n");
  });
});

describe("the record operator's store", () => {
  const record = (version: string, fields: { generation?: number; value?: string } = {}) => ({
    apiVersion: "dns.mesh.io/v1alpha1",
    kind: "DnsRecord",
    metadata: { name: "www", namespace: "x", uid: "u", resourceVersion: version, generation: fields.generation ?? 1 },
    spec: { zone: "a.example", name: "www", type: "A", value: fields.value ?? "192.0.2.1" },
  });
  const value = (store: RecordStore) => store.get("u")?.object.spec.value;

  it("goes by the latest version, whatever comes late", () => {
    const store = new RecordStore(() => 0);
    expect(store.put(record("99"))).not.to.equal(undefined);
    expect(store.put(record("100", { generation: 2, value: "192.0.2.2" }))).not.to.equal(undefined);
    expect(store.put(record("99"))).to.equal(undefined);
    expect(value(store)).to.equal("192.0.2.2");
  });

  it("goes by a listing, even one that went back: etcd may have been restored", () => {
    const store = new RecordStore(() => 0);
    store.put(record("100", { generation: 2, value: "192.0.2.2" }));
    expect(store.put(record("50"), true)).not.to.equal(undefined);
    expect(value(store)).to.equal("192.0.2.1");
  });

  it("takes nothing for news that does not matter", () => {
    const store = new RecordStore(() => 0);
    store.put(record("1"));
    const labelled = { ...record("2"), metadata: { ...record("2").metadata, labels: { a: "b" } } };
    expect(store.put(labelled)).to.equal(undefined);
    expect(store.get("u")?.object.metadata.resourceVersion).to.equal("2");
  });

  it("takes any version after a write that came too late for news", () => {
    const store = new RecordStore(() => 0);
    const entry = store.put(record("1"));
    if (entry !== undefined) entry.isOutdated = true;
    expect(store.put(record("2"))).to.equal(entry);
    expect(entry?.isOutdated).to.equal(false);
  });

  it("finds objects at the name that they are about now", () => {
    const store = new RecordStore(() => 0);
    store.put(record("1"));
    expect(store.at("a.example", "www.a.example")).to.have.length(1);
    const entry = store.get("u");
    if (entry !== undefined) store.drop(entry);
    expect([store.at("a.example", "www.a.example").length, store.size]).to.deep.equal([0, 0]);
  });
});

describe("the record operator's loops", () => {
  const never = new AbortController().signal;

  it("are stuck when they have shown nothing for minutes, and no sooner", async () => {
    const clock = new TestClock();
    const heart = new Heartbeats(clock.now);
    heart.beat("a.example");
    heart.beat("b.example");
    await clock.advance(170_000);
    heart.beat("b.example");
    expect(heart.stuck).to.deep.equal([]);
    await clock.advance(20_000);
    expect(heart.stuck).to.deep.equal(["a.example"]);
    heart.beat("a.example");
    expect(heart.stuck).to.deep.equal([]);
  });

  it("wait until they are woken, also by what happened before they waited", async () => {
    const clock = new TestClock();
    const bell = new Bell(clock);
    let woken = 0;
    const wait = (signal = never) => void bell.wait(60_000, signal).then(() => woken++);
    wait();
    await settled();
    expect(woken).to.equal(0);
    bell.ring();
    await settled();
    expect(woken).to.equal(1);
    bell.ring();
    wait();
    await settled();
    expect(woken).to.equal(2);
    wait();
    await clock.advance(60_000);
    expect(woken).to.equal(3);
    wait(AbortSignal.abort());
    await settled();
    expect(woken).to.equal(4);
  });

  it("try again ever more rarely, up to half a minute, and soon after something worked", () => {
    const backOff = new BackOff(() => 0);
    expect(Array.from({ length: 8 }, () => backOff.next())).to.deep.equal([
      500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ]);
    backOff.reset();
    expect(backOff.next()).to.equal(500);
  });
});
