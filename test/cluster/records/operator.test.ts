import { expect } from "chai";
import { join } from "node:path";
import type { ResourceRecord } from "../../../src/dns/record";
import { rcodes } from "../../../src/dns/types";
import type { Change } from "../../../src/dns/update";
import { recordDefinition } from "../../../src/records/crd";
import type { DnsRecordSpec, DnsRecordStatus } from "../../../src/records/model";
import { eventually } from "../../support/eventually";
import { Lab } from "../../support/lab";
import { freeEverywhere } from "../../support/lab/ports";
import { startControlPlane, type ControlPlane } from "../../support/plugins/control-plane";
import type { Properties } from "../../support/plugins/wire";
import { ApiProxy } from "../../support/records/api-proxy";
import { apiUrl, createAccount, namespace, OperatorProcess, recordsKey } from "../../support/records/operator-process";

interface Live {
  readonly metadata: { readonly finalizers?: string[]; readonly generation: number };
  readonly status?: DnsRecordStatus;
}

describe("the record operator", function () {
  this.timeout(180_000);
  const records = `/apis/dns.mesh.io/v1alpha1/namespaces/${namespace}/dnsrecords`;
  const key = recordsKey();
  const cleanUp: AsyncDisposable[] = [];
  let plane: ControlPlane;
  let proxy: ApiProxy;
  let lab: Lab;
  let operator: OperatorProcess;
  let token: string;
  let zone: string;
  let foreignZone: string;

  before(async () => {
    plane = await startControlPlane();
    cleanUp.push(plane);
    lab = await Lab.create({ sites: 3, recordsKey: key });
    cleanUp.push(lab);
    await lab.upAll();
    const names = lab.zones().filter((each) => each.endsWith(".example"));
    zone = names.find((each) => lab.plan.owner(each) === lab.plan.primary)!;
    foreignZone = names.find((each) => each !== zone)!;
    const body = recordDefinition() as unknown as Properties;
    await plane.api.send({ method: "POST", path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body });
    await eventually(30, () => plane.api.send({ method: "GET", path: "/apis/dns.mesh.io/v1alpha1" }));
    token = await createAccount(plane);
    proxy = await ApiProxy.start(apiUrl(plane.kubeconfig));
    cleanUp.push(proxy);
    const folder = join(lab.folder, "operator");
    const httpPort = await freeEverywhere();
    const site = lab.site(lab.plan.primary);
    operator = new OperatorProcess({ site, plane, token, folder, pod: "operator-0", httpPort, apiPort: proxy.port });
    cleanUp.push(operator);
    operator.start();
  });
  after(async () => {
    for (const started of cleanUp.toReversed()) await started[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(operator.log().slice(-6000));
  });

  async function make(name: string, spec: Partial<DnsRecordSpec>, annotations: Record<string, string> = {}) {
    const body = {
      apiVersion: "dns.mesh.io/v1alpha1",
      kind: "DnsRecord",
      metadata: { name, annotations },
      spec: { zone, ttl: 60, type: "A", ...spec },
    };
    await plane.api.send({ method: "POST", path: records, body: JSON.parse(JSON.stringify(body)) as Properties });
  }

  const patch = (name: string, body: Properties) =>
    plane.api.send({
      method: "PATCH",
      path: `${records}/${name}`,
      body,
      contentType: "application/merge-patch+json",
    });
  const remove = (name: string) => plane.api.send({ method: "DELETE", path: `${records}/${name}` });
  const find = async (name: string) => (await plane.api.find(`${records}/${name}`)) as unknown as Live | undefined;
  const gone = (name: string) => eventually(20, async () => expect(await find(name)).to.equal(undefined), 50);

  function condition(live: Live | undefined, type: string) {
    return live?.status?.conditions?.find((each) => each.type === type);
  }

  /** Waits until a condition of the object's present generation has a reason. */
  const told = (name: string, type: string, reason: string) =>
    eventually(
      30,
      async () => {
        const live = await find(name);
        const found = condition(live, type);
        expect(found?.reason, JSON.stringify(live?.status)).to.equal(reason);
        expect(found?.observedGeneration).to.equal(live?.metadata.generation);
        return found!;
      },
      50,
    );
  const programmed = (name: string) => told(name, "Programmed", "AllSites");

  /** What a site answers, sorted. */
  async function answer(site: string, name: string, type = "A"): Promise<string[]> {
    const { server, dns } = lab.site(site);
    const { answers, rcode } = await dns.query(server, `${name}.${zone}`, type);
    if (rcode === rcodes.NXDOMAIN) return [];
    return answers.map((record) => ("address" in record ? record.address : JSON.stringify(record))).sort();
  }

  async function everywhere(name: string, expected: string[], type?: string): Promise<void> {
    for (const site of lab.sites.keys()) expect(await answer(site, name, type), site).to.deep.equal(expected);
  }

  /** Somebody's nsupdate. */
  const update = (changes: readonly Change[]) => {
    const { server, dns } = lab.site(lab.plan.primary);
    return dns.update(server, { zone, changes }, key);
  };
  const address = (name: string, text: string): ResourceRecord => ({
    name: `${name}.${zone}`,
    class: "IN",
    ttl: 60,
    type: "A",
    address: text,
  });

  it("programs a record only once every site answers it", async () => {
    await make("www", { name: "www", value: "192.0.2.1" });
    await programmed("www");
    await everywhere("www", ["192.0.2.1"]);
    const live = await find("www");
    expect(live?.status?.applied).to.deep.include({ name: `www.${zone}`, type: "A", ttl: 60, values: ["192.0.2.1"] });
    expect(condition(live, "Accepted")?.status).to.equal("True");
  });

  it("follows an update, and writes no object without a reason", async () => {
    await patch("www", { spec: { value: "192.0.2.2" } });
    await programmed("www");
    await everywhere("www", ["192.0.2.2"]);
    const version = async () => ((await find("www")) as unknown as { metadata: { resourceVersion: string } }).metadata;
    const before = (await version()).resourceVersion;
    await make("other", { name: "other", value: "192.0.2.9" });
    await programmed("other");
    expect((await version()).resourceVersion).to.equal(before);
  });

  it("makes one RRset of several objects, and takes away just what one of them had", async () => {
    await make("www-too", { name: "www", value: "192.0.2.3" });
    await programmed("www-too");
    await everywhere("www", ["192.0.2.2", "192.0.2.3"]);
    await remove("www");
    await gone("www");
    await eventually(10, () => everywhere("www", ["192.0.2.3"]), 50);
    await remove("www-too");
    await gone("www-too");
    await eventually(10, () => everywhere("www", []), 50);
  });

  it("leaves what somebody else put there, says so, and takes it over when told to", async () => {
    await update([{ kind: "add", record: address("legacy", "203.0.113.1") }]);
    await make("legacy", { name: "legacy", value: "192.0.2.4" });
    expect((await told("legacy", "Conflict", "ForeignRecords")).message).to.contain("dns.mesh.io/adopt");
    expect(await answer(lab.plan.primary, "legacy")).to.deep.equal(["203.0.113.1"]);
    await patch("legacy", { metadata: { annotations: { "dns.mesh.io/adopt": "true" } } });
    await programmed("legacy");
    await everywhere("legacy", ["192.0.2.4"]);
  });

  it("lets the first keep a name that a CNAME does not share", async () => {
    await make("alias-target", { name: "alias", value: "192.0.2.5" });
    await programmed("alias-target");
    await make("alias", { name: "alias", type: "CNAME", value: "elsewhere.test." });
    expect((await told("alias", "Conflict", "OtherObject")).message).to.contain("dns-system/alias-target");
    await remove("alias-target");
    await programmed("alias");
    await remove("alias");
    await gone("alias");
  });

  it("says why a zone is not served here", async () => {
    await make("lost", { zone: "nobody.test", name: "www", value: "192.0.2.1" });
    await told("lost", "Accepted", "UnknownZone");
    await make("abroad", { zone: foreignZone, name: "www", value: "192.0.2.1" });
    expect((await told("abroad", "Accepted", "ZoneOfAnotherSite")).message).to.contain(lab.plan.owner(foreignZone));
    for (const name of ["lost", "abroad"]) await remove(name).then(() => gone(name));
  });

  it("serves the good ones beside one that the server does not take", async () => {
    // Five objects that make one RRset, which does not fit into a message.
    const big = [0, 1, 2, 3, 4].map((n) => `big-${n}`);
    const values = (name: string) => Array.from({ length: 64 }, (_, i) => `"${`${name}-${i}-`.padEnd(250, "x")}"`);
    await Promise.all([
      ...big.map((name) => make(name, { name: "big", type: "TXT", values: values(name) })),
      ...[1, 2, 3, 4].map((i) => make(`good-${i}`, { name: `good-${i}`, value: `192.0.2.${i}` })),
    ]);
    await Promise.all([1, 2, 3, 4].map((i) => programmed(`good-${i}`)));
    const reasons = await eventually(20, async () => {
      const all = await Promise.all(big.map(async (name) => condition(await find(name), "Programmed")));
      expect(all.map((each) => each?.reason)).to.include("UpdateRefused");
      return all;
    });
    expect(reasons.map((each) => each?.message).join()).to.match(/octets|server|message/);
    await Promise.all(big.map(remove));
    await Promise.all(big.map(gone));
    await make("good-5", { name: "good-5", value: "192.0.2.5" });
    await programmed("good-5");
  });

  it("mends what somebody changed by hand", async () => {
    await make("drift", { name: "drift", value: "192.0.2.7" });
    await programmed("drift");
    await update([
      { kind: "deleteRrset", name: `drift.${zone}`, type: "A" },
      { kind: "add", record: address("drift", "203.0.113.66") },
    ]);
    await eventually(20, () => everywhere("drift", ["192.0.2.7"]), 50);
  });

  it("goes on after a crash in the middle, and after an API server that was away", async () => {
    await Promise.all([...Array(40).keys()].map((i) => make(`bulk-${i}`, { name: `bulk-${i}`, value: "192.0.2.8" })));
    await operator.kill();
    operator.start();
    await proxy.cut();
    await Promise.all([...Array(40).keys()].map((i) => make(`more-${i}`, { name: `more-${i}`, value: "192.0.2.8" })));
    await remove("drift");
    await proxy.mend();
    for (let i = 0; i < 40; i++) await Promise.all([programmed(`bulk-${i}`), programmed(`more-${i}`)]);
    await gone("drift");
    await eventually(10, () => everywhere("drift", []), 50);
  });

  it("does not wait for ever for a site that is away, and shows it", async () => {
    const away = [...lab.sites.keys()].find(
      (name) => lab.site(name).pids.knot !== undefined && name !== lab.plan.primary,
    )!;
    await lab.site(away).stop();
    await make("meanwhile", { name: "meanwhile", value: "192.0.2.10" });
    expect((await told("meanwhile", "Programmed", "Propagating")).message).to.contain(away);
    expect((await told("meanwhile", "Programmed", "SitesAway")).message).to.contain(away);
    await lab.site(away).start();
    await programmed("meanwhile");
    await everywhere("meanwhile", ["192.0.2.10"]);
  });

  it("holds an object until its records are off the server, unless somebody abandons them", async () => {
    await lab.site(lab.plan.primary).stopKnot();
    await Promise.all([remove("meanwhile"), remove("other")]);
    await patch("other", { metadata: { annotations: { "dns.mesh.io/abandon": "true" } } });
    await gone("other");
    expect((await find("meanwhile"))?.metadata.finalizers).to.deep.equal(["dns.mesh.io/applied"]);
    lab.site(lab.plan.primary).startKnot();
    await gone("meanwhile");
    await eventually(10, () => everywhere("meanwhile", []), 50);
    await everywhere("other", ["192.0.2.9"]);
  });

  it("sweeps what an object left that was torn away", async () => {
    await make("torn", { name: "torn", value: "192.0.2.11" });
    await programmed("torn");
    await patch("torn", { metadata: { finalizers: null } });
    await remove("torn");
    await eventually(20, () => everywhere("torn", []), 50);
  });

  it("hands over to the other replica at once when it is told to end", async () => {
    const httpPort = await freeEverywhere();
    const site = lab.site(lab.plan.primary);
    const folder = join(lab.folder, "second");
    await using second = new OperatorProcess({
      ...{ site, plane, token, folder, pod: "operator-1", httpPort, apiPort: proxy.port },
    });
    second.start();
    await eventually(10, async () => expect(await (await fetch(second.metricsUrl)).text()).to.contain("_leader 0"));
    await operator.stop();
    await make("handed-over", { name: "handed-over", value: "192.0.2.12" });
    await programmed("handed-over");
    expect(await (await fetch(second.metricsUrl)).text()).to.contain("_leader 1");
    await second.stop();
    operator.start();
    await make("back", { name: "back", value: "192.0.2.12" });
    await programmed("back");
  });

  it("counts and times what it does", async () => {
    const text = await (await fetch(operator.metricsUrl)).text();
    expect(text).to.match(/dns_mesh_records_leader 1/);
    expect(text).to.match(/dns_mesh_records_programmed_seconds_count \d+/);
    const { items } = await plane.api.send({ method: "GET", path: `/api/v1/namespaces/${namespace}/events` });
    const reasons = new Set((items as { reason: string }[]).map(({ reason }) => reason));
    expect([...reasons]).to.include.members(["AllSites", "ForeignRecords", "UnknownZone", "Abandoned"]);
  });
});
