import { expect } from "chai";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createClusters, type Cluster, type ClusterSet } from "../../harness/clusters";
import { connectFrom, connectFromNode, idlePod } from "../../harness/clusters/probe";
import type { PodAddress } from "../../harness/clusters/types";
import { eventually } from "../../harness/eventually";
import { ensureImages } from "../../harness/images";
import { startKnot, type KnotServer } from "../../harness/knot";
import { centralZones, listedSite, RunningMesh, zoneNames } from "../../harness/mesh/running-mesh";
import { toolPath } from "../../harness/tools";
import { randomKey } from "../../src/keyring/fresh-key";

const monitoring = "watchers";
const knot: PodAddress = { namespace: "dns-system", pod: "knot-0", container: "agent" };

/** Whether a node gets an answer from a site, over UDP and over TCP. */
async function asksFrom(cluster: Cluster, address: string): Promise<boolean[]> {
  const query = ["+short", "+timeout=1", "+retry=0", `@${address}`, centralZones[0], "SOA"];
  return Promise.all(
    ["+notcp", "+tcp"].map((transport) =>
      cluster.netnsExec([toolPath("kdig"), transport, ...query]).then(
        (answer) => answer.includes("."),
        () => false,
      ),
    ),
  );
}

/** What becomes of an attempt to connect from this machine, which is outside of all clusters. */
async function reach({ address, port }: { readonly address: string; readonly port: number }): Promise<string> {
  const socket = connect(port, address);
  const taken = once(socket, "connect").then(
    () => "open",
    () => "refused",
  );
  const reached = await Promise.race([taken, delay(1500, "silent")]);
  socket.destroy();
  return reached;
}

describe("network policies, enforced by kube-network-policies", function () {
  this.timeout(180_000);
  const undo = new AsyncDisposableStack();
  let set: ClusterSet;
  let mesh: RunningMesh;
  let first: Cluster;
  let second: Cluster;
  let outside: Server;
  let stranger: PodAddress;
  let watcher: PodAddress;
  let intruder: PodAddress;
  /** A server outside the mesh, which gives a zone, and its key. */
  let primary: KnotServer;
  const [legacy, key] = ["legacy.example", randomKey("legacy")];
  /** The first site owns the zone from outside beside its own. */
  const firstListed = () => {
    const listed = listedSite(first, 0);
    const primaries = [{ address: `${primary.address}@${primary.port}`, key: key.name }];
    return { ...listed, zones: [...listed.zones, { name: legacy, primaries }] };
  };
  const configureFirst = (reader: object = {}) =>
    mesh.configureSite(first, {
      "dns-mesh:readers": [{ ...key, zones: [legacy], ...reader }],
      "dns-mesh:zoneGuard": {},
    });

  /** An address inside the first cluster: of a pod, or of a Service. */
  const addressOf = (kind: "pod" | "service", name: string): Promise<string> => {
    const path = kind === "pod" ? "{.status.podIP}" : "{.spec.clusterIP}";
    return first.kubectl(["-n", "dns-system", "get", kind, name, "-o", `jsonpath=${path}`]);
  };

  /** What a pod of the first cluster gets from a Knot pod on some ports. */
  const knotAnswers = async (from: PodAddress, ports: readonly number[]): Promise<string[]> => {
    const address = await addressOf("pod", "knot-0");
    return Promise.all(ports.map((port) => connectFrom(first, from, { address, port })));
  };

  before(async () => {
    set = undo.use(await createClusters({ names: ["site-a", "site-b"], enforcePolicies: true }));
    [first, second] = [set.get("site-a"), set.get("site-b")];
    const siteConfig = {
      "dns-mesh:clients": [`${set.hostAddress}/32`],
      "dns-mesh:monitoring": { namespaceSelector: { "kubernetes.io/metadata.name": monitoring } },
    };
    mesh = undo.use(new RunningMesh({ clusters: set.clusters, siteConfig, writes: "at the end" }));
    const text = `$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A ${set.hostAddress}\n`;
    primary = undo.use(await startKnot({ address: set.hostAddress, zones: { [legacy]: text }, keys: [key] }));
    await mesh.list([firstListed()]);
    await configureFirst();
    await mesh.configureSite(second);
    await mesh.up("shared");
    await mesh.up("site-a");
    const { node } = await ensureImages();
    [stranger, watcher, intruder] = await Promise.all([
      idlePod(first, "strangers", node.name),
      idlePod(first, monitoring, node.name),
      idlePod(first, "dns-system", node.name),
    ]);
    outside = createServer((socket) => socket.end()).listen(0, set.hostAddress);
    undo.defer(() => void outside.close());
    await once(outside, "listening");
  });

  after(async () => {
    await undo.disposeAsync();
  });

  const outsideServer = (): { address: string; port: number } => ({
    address: set.hostAddress,
    port: (outside.address() as AddressInfo).port,
  });

  it("let configured clients ask, and nobody else", async () => {
    await mesh.converged(60);
    expect(await asksFrom(second, first.siteAddress)).to.deep.equal([false, false]);
  });

  it("refuse encrypted transfers to whoever is no site of the mesh, clients included", async () => {
    const port853 = { address: first.siteAddress, port: 853 };
    expect(await connectFromNode(second, port853)).to.equal("silent");
    expect(await connectFrom(first, stranger, port853)).to.equal("silent");
    expect(await reach(port853)).to.equal("silent");
  });

  it("refuse pods of other namespaces, and pods of the same one that are not ours", async () => {
    for (const from of [stranger, intruder])
      expect(await knotAnswers(from, [5353, 8853, 8053])).to.deep.equal(["silent", "silent", "silent"]);
  });

  it("let the monitoring namespace fetch metrics, and no more", async () => {
    expect(await knotAnswers(watcher, [8053, 5353, 8853])).to.deep.equal(["open", "silent", "silent"]);
  });

  it("let nothing out but what is listed", async () => {
    expect(await connectFrom(first, stranger, outsideServer())).to.equal("open");
    for (const from of [knot, intruder]) expect(await connectFrom(first, from, outsideServer())).to.equal("silent");
    const api = { address: second.nodeAddress, port: 6443 };
    expect(await connectFrom(first, stranger, api)).to.equal("open");
    for (const from of [knot, intruder]) expect(await connectFrom(first, from, api)).to.equal("silent");
  });

  it("let Knot's pods take a zone from its primary outside, and nobody else ask that", async () => {
    await mesh.converged(60, { zones: [legacy] });
    expect((await mesh.soa("site-a", legacy)).serial).to.equal(1);
    expect(await connectFrom(first, knot, primary)).to.equal("open");
    expect(await connectFrom(first, stranger, primary)).to.equal("open");
    expect(await connectFrom(first, intruder, primary)).to.equal("silent");
  });

  it("let Knot's pods ask each other, the way that replicas do", async () => {
    const address = await addressOf("service", "knot-0");
    expect(await connectFrom(first, knot, { address, port: 53 })).to.equal("open");
  });

  it("let the reconciler do all its work", async () => {
    await mesh.reconcile("site-a");
  });

  describe("when a site joins", () => {
    before(async () => {
      await mesh.list([firstListed(), listedSite(second, 1)]);
      await configureFirst({ tls: [`${set.hostAddress}/32`] });
      // The primary's lets the new site in: without that the new one's would wait for a run of the reconciler.
      for (const stack of ["shared", "site-a", "site-b"]) await mesh.up(stack);
    });

    it("let it in, and the other way round, as soon as the reconcilers have passed", async () => {
      await eventually(90, async () => {
        await Promise.all(["site-a", "site-b"].map((site) => mesh.reconcile(site, { expectFailure: true })));
        expect(await asksFrom(second, first.siteAddress)).to.deep.equal([true, true]);
        expect(await asksFrom(first, second.siteAddress)).to.deep.equal([true, true]);
        expect(await connectFromNode(second, { address: first.siteAddress, port: 853 })).to.equal("open");
      });
      await mesh.converged(60);
      await Promise.all(["site-a", "site-b"].map((site) => mesh.reconcile(site)));
    });

    it("let a server outside take zones over TLS from the site that says so, and nobody else", async () => {
      const overTls = (of: Cluster) => reach({ address: of.siteAddress, port: 853 });
      await eventually(30, async () => expect(await overTls(first)).to.equal("open"));
      expect(await overTls(second)).to.equal("silent");
      expect(await connectFrom(first, stranger, { address: first.siteAddress, port: 853 })).to.equal("silent");
    });

    it("let the record operator do all its work: API, update, both sites' answers", async () => {
      const zone = zoneNames(listedSite(first, 0))[0] ?? "";
      const spec = { zone, name: "allowed", type: "A", value: "192.0.2.1" };
      const record = { apiVersion: "dns.mesh.io/v1alpha1", kind: "DnsRecord", metadata: { name: "allowed" }, spec };
      await first.kubectl(["-n", "dns-system", "apply", "-f", "-"], JSON.stringify(record));
      const programmed = "jsonpath={.status.conditions[?(@.type=='Programmed')].reason}=AllSites";
      await first.kubectl(["-n", "dns-system", "wait", `--for=${programmed}`, "dnsrecord/allowed", "--timeout=60s"]);
    });

    it("go on refusing strangers", async () => {
      expect(await knotAnswers(stranger, [5353, 8053])).to.deep.equal(["silent", "silent"]);
      expect(await connectFrom(first, knot, outsideServer())).to.equal("silent");
    });
  });
});
