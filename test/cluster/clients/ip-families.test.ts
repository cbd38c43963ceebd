import { expect } from "chai";
import { parse } from "yaml";
import { createClusters, type Cluster, type ClusterSet } from "../../../harness/clusters";
import { podSerials } from "../../../harness/dns/pod-serials";
import { blocksOf } from "../../../harness/docs/blocks";
import { eventually } from "../../../harness/eventually";
import { ensureImages, ensureResolverImage } from "../../../harness/images";
import { askWhile, lossless } from "../../../harness/mesh/disruptions";
import { readyPods } from "../../../harness/mesh/ready-pods";
import { type ListedSite, listedSite, RunningMesh } from "../../../harness/mesh/running-mesh";
import { ClientPod } from "../../../harness/resolver/client-pod";
import { ensureTools } from "../../../harness/tools";

const both = "docs/guides/ip-families.md#a-site-of-both-families";
const onlyV6 = "docs/guides/ip-families.md#a-site-of-ipv6-alone";

/** A site's settings as a guide has them. */
function settingsOf(section: string): Record<string, unknown> {
  const text = blocksOf(section, "yaml").at(-1) ?? "";
  return (parse(text) as { config: Record<string, unknown> }).config;
}

/** Steps of one mesh's life, in order: two sites of both families, of which the second begins with IPv4, and one of IPv6 alone. */
describe("sites of both families and of IPv6 alone, in real clusters", function () {
  this.timeout(400_000);
  const stack = new AsyncDisposableStack();
  let set: ClusterSet;
  let mesh: RunningMesh;
  let second: Cluster;
  let listed: readonly ListedSite[];
  /** site-b with IPv4 alone, as the list has it at first. */
  let narrow: ListedSite;

  before(async function () {
    this.timeout(900_000);
    await ensureTools(["kubernetes", "pulumi", "provider", "knot", "knot-resolver"]);
    const families = { "site-a": ["IPv4", "IPv6"], "site-b": ["IPv4", "IPv6"], "site-c": ["IPv6"] } as const;
    set = stack.use(await createClusters({ names: Object.keys(families), families }));
    second = set.get("site-b");
    mesh = stack.use(new RunningMesh({ clusters: set.clusters, list: { topology: "hub" } }));
    listed = set.clusters.map(listedSite);
    const [, site] = listed;
    narrow = { ...site!, addresses: site!.addresses.slice(0, 1) };
    await mesh.list([listed[0]!, narrow, listed[2]!]);
    await mesh.up("shared");
    await mesh.configureSite(set.get("site-a"), settingsOf(both));
    const { "dns-mesh:listen": listen } = settingsOf(both);
    await mesh.configureSite(second, {
      "dns-mesh:listen": listen,
      "dns-mesh:replicas": "2",
      "dns-mesh:drainSeconds": "2",
    });
    await mesh.configureSite(set.get("site-c"), settingsOf(onlyV6));
    await mesh.upAll(listed.map(({ name }) => name));
  });
  after(() => stack.disposeAsync());
  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    for (const { name } of listed) console.error(await mesh.agentLog(name).catch(String));
  });

  /** Waits until each pod behind each of the addresses answers each zone with one serial. */
  function oneSerial(addresses: readonly string[]): Promise<void> {
    return eventually(90, async () => {
      for (const zone of mesh.zones()) {
        const asked = addresses.map((address) => podSerials(mesh.dns, { address, port: 53 }, zone));
        const serials = (await Promise.all(asked)).flat();
        expect(new Set(serials).size, `${zone}: ${serials.join()}`).to.equal(1);
      }
    });
  }

  const addressesNow = (): string[] => mesh.sites.flatMap(({ addresses }) => addresses);

  it("answer every zone at each pod, over each family that a site has", async () => {
    expect(addressesNow().map((address) => address.includes(":"))).to.deep.equal([false, true, false, true]);
    await oneSerial(addressesNow());
    for (const { name } of listed) expect((await mesh.up(name)).changes, name).to.have.all.keys("same");
  });

  it("carry changes from IPv6 alone to IPv4 alone and back, by the hub that has both", async () => {
    for (const [site, zone] of [
      ["site-c", "standard-1.internal.dns"],
      ["site-b", "catalog-secondary.internal.dns"],
    ] as const) {
      const before = (await mesh.soa(site, zone)).serial;
      for (const step of [
        ["zone-begin", zone],
        ["zone-set", zone, "www", "60", "A", "192.0.2.1"],
        ["zone-commit", zone],
      ])
        await mesh.knotc(site, ...step);
      // The balancer asks either pod, of which the second takes the change from the first.
      await eventually(30, async () => expect((await mesh.soa(site, zone)).serial).not.to.equal(before));
      await eventually(90, async () => {
        for (const address of addressesNow()) {
          const { answers } = await mesh.dns.query({ address, port: 53 }, `www.${zone}`, "A");
          expect(answers, address).to.have.length(1);
        }
      });
    }
  });

  it("go from one family to both and back while they run, without a lost answer or another pod", async () => {
    const before = await readyPods(second, 2);
    const settings = mesh.settings("site-b");
    const up = async (service: object): Promise<void> => {
      await mesh.configureSite(second, { ...settings, "dns-mesh:service": service });
      await mesh.up("site-b");
    };
    const list = async (site: ListedSite): Promise<void> => {
      await mesh.list([listed[0]!, site, listed[2]!]);
      for (const name of ["shared", "site-a"]) await mesh.up(name);
    };
    const over6 = second.addressesIn("IPv6").site;
    const asked: object[] = [];
    const { udp, tcp } = await askWhile(mesh, {
      ...{ site: "site-b", ways: lossless },
      work: async () => {
        await list(listed[1]!);
        await up({ ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv4", "IPv6"] });
        await oneSerial(addressesNow());
        // Whoever asks over IPv6 loses nothing either, until nobody is led there any more.
        const found = await askWhile(mesh, {
          ...{ site: "site-b", ways: lossless, address: over6 },
          work: async () => {
            await up({ ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] });
            await list(narrow);
          },
        });
        asked.push(found.udp, found.tcp);
        await up({ ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] });
      },
    });
    asked.push(udp, tcp);
    const lost = asked.map((each) => (each as { lost: number }).lost);
    expect(lost, JSON.stringify(asked)).to.deep.equal([0, 0, 0, 0]);
    for (const each of asked) expect((each as { tried: number }).tried).to.be.greaterThan(1000);
    console.log(`      ${JSON.stringify(asked)}`);
    expect((await mesh.up("site-b")).changes).to.have.all.keys("same");
    await oneSerial(addressesNow());
    await expectRejected(mesh.dns.querySoa({ address: over6, port: 53 }, "dns.internal"));
    expect(await readyPods(second, 2)).to.deep.equal(before);
  }).timeout(900_000);

  it("are told at once what to do where the list has a family that the cluster does not give, and go on once that is done", async () => {
    const [, , site] = listed;
    const settings = mesh.settings("site-c");
    const { "dns-mesh:listen": listen } = settingsOf(both);
    await mesh.list([listed[0]!, narrow, { ...site!, addresses: ["192.0.2.77", ...site!.addresses] }]);
    await mesh.up("shared");
    await mesh.configureSite(set.get("site-c"), {
      ...settings,
      ...{ "dns-mesh:listen": listen },
      "dns-mesh:service": { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv6"] },
    });
    // Less than the ten minutes for which an address that may come is waited for.
    const said = await mesh.up("site-c").then(() => "nothing", String);
    expect(said).to.contain("the mesh's list has 192.0.2.77").and.contain("of IPv6 alone: its cluster gave it no IPv4");
    expect(said).to.contain(`Take 192.0.2.77 out of "addresses"`).and.contain("ipFamilyPolicy to SingleStack");
    await mesh.list([listed[0]!, narrow, site!]);
    await mesh.up("shared");
    const single = { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] };
    await mesh.configureSite(set.get("site-c"), { ...settings, "dns-mesh:service": single });
    await mesh.up("site-c");
    await oneSerial(addressesNow());
  });

  it("have a resolver in a cluster of IPv6 alone, which its pods ask", async () => {
    const cluster = set.get("site-c");
    const [{ knot, node }, image] = [await ensureImages(), await ensureResolverImage()];
    await cluster.ctr(["images", "import", image.archive]);
    const clusterIP = "fd88:96::53";
    await mesh.configureSite(cluster, {
      ...mesh.settings("site-c"),
      "dns-mesh:images": { knot: knot.name, node: node.name, resolver: image.name },
      "dns-mesh:resolver": { clusterIP },
    });
    await mesh.up("site-c");
    const pod = await ClientPod.start(cluster, {
      ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "client" } },
      spec: { containers: [{ name: "client", image: node.name, command: ["sleep", "1000000"] }] },
    });
    await eventually(60, async () => {
      const answers = await pod.ask(clusterIP, "www.standard-1.internal.dns", "www.catalog-secondary.internal.dns");
      for (const answer of answers) expect(answer).to.deep.include({ addresses: ["192.0.2.1"] });
    });
  });
});

async function expectRejected(work: Promise<unknown>): Promise<void> {
  const isRejected = await work.then(
    () => false,
    () => true,
  );
  expect(isRejected).to.equal(true);
}
