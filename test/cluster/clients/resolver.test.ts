import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { createClusters, type Cluster, type ClusterSet } from "../../../harness/clusters";
import { secondsForKeys } from "../../../harness/dnssec/seconds-for-keys";
import { blocksOf } from "../../../harness/docs/blocks";
import { Reader } from "../../../harness/docs/reader";
import { editedProgram } from "../../../harness/edited-program";
import { eventually } from "../../../harness/eventually";
import { ensureCoreDnsImage, ensureImages, ensureResolverImage } from "../../../harness/images";
import { startKnot } from "../../../harness/knot";
import { listedSite, RunningMesh } from "../../../harness/mesh/running-mesh";
import { ClientPod, type PodLoad, type PodObject } from "../../../harness/resolver/client-pod";
import {
  clusterDns,
  deployCoreDns,
  deployNodeLocal,
  kubeadmCorefile,
  nodeLocalCorefile,
  nodeLocalDns,
} from "../../../harness/resolver/core-dns";
import { ensureTools } from "../../../harness/tools";
import { binDir } from "../../../harness/tools/cache";
import { rcodes } from "../../../src/dns/types";

const [signed, plain] = ["signed.internal.dns", "plain.internal.dns"];
const content = (address: string): string =>
  `$TTL 2\n@ SOA ns h.invalid. 1 60 10 3600 1\n@ NS ns\nns A 192.0.2.53\n* A ${address}\n`;
const guide = "docs/clients.md#a-resolver-in-the-cluster";

const known = { rcode: rcodes.NOERROR, addresses: ["192.0.2.1"], ad: false };
const validated = { ...known, addresses: ["192.0.2.2"], ad: true };
const outside = { ...known, addresses: ["192.0.2.9"] };

/** Steps of one mesh's life, in order: site-a owns zones, site-b has a resolver, which pods of its cluster ask. */
describe("the resolver of a site, in real clusters", function () {
  this.timeout(300_000);
  const namespace = ["-n", "dns-system"];
  const stack = new AsyncDisposableStack();
  let set: ClusterSet;
  let cluster: Cluster;
  let mesh: RunningMesh;
  let pod: ClientPod;
  let reader: Reader;
  let address: string;
  let siteConfig: Record<string, unknown>;
  let asked = 0;

  before(async function () {
    this.timeout(900_000);
    await ensureTools(["kubernetes", "pulumi", "provider", "knot", "knot-resolver", "coredns"]);
    set = stack.use(await createClusters({ names: ["site-a", "site-b"] }));
    cluster = set.get("site-b");
    stack.use(
      await startKnot({
        ...{ address: set.hostAddress, port: 53 },
        extraConfig: () => "zone:\n  - domain: .\n    file: root\n",
        files: { root: `$TTL 60\n. SOA a. b. 1 60 10 3600 1\n. NS a.\n*.outside A 192.0.2.9\n` },
      }),
    );
    mesh = stack.use(new RunningMesh({ clusters: set.clusters }));
    mesh.agentPrograms.set("site-a", await editedProgram("agent", secondsForKeys));
    const [first, second] = set.clusters.map(listedSite);
    first!.zones.push({ name: plain, zoneFile: content("192.0.2.1") });
    first!.zones.push({ name: signed, zoneFile: content("192.0.2.2"), dnssec: true });
    await mesh.list([first!, second!]);
    await mesh.up("shared");
    const image = await ensureResolverImage();
    await cluster.ctr(["images", "import", image.archive]);
    const { knot, node } = await ensureImages();
    const [settings = "", client = ""] = blocksOf(guide, "yaml");
    const { config } = parse(settings) as { config: { "dns-mesh:resolver": { clusterIP: string } } };
    address = config["dns-mesh:resolver"].clusterIP;
    siteConfig = {
      "dns-mesh:images": { knot: knot.name, node: node.name, resolver: image.name },
      // The double of the world outside has no signatures.
      "dns-mesh:resolver": {
        ...config["dns-mesh:resolver"],
        ...{ upstreams: [set.hostAddress], validateUpstreams: false },
      },
    };
    await mesh.configureSite(set.get("site-a"));
    await mesh.configureSite(cluster, siteConfig);
    await mesh.upAll(["site-a", "site-b"]);
    await mesh.converged(60);
    const object = parse(client.replace("docker.io/library/node:24-slim", node.name)) as PodObject;
    pod = await ClientPod.start(cluster, object);
    reader = await readerBefore(cluster);
  });
  after(() => stack.disposeAsync());
  afterEach(async function () {
    if (this.currentTest?.state !== "failed") return;
    for (const container of ["agent", "kresd"])
      console.error(await cluster.kubectl([...namespace, "logs", "deploy/resolver", "-c", container]).catch(String));
  });

  /** Somebody with `kubectl` and `mesh` on PATH. */
  async function readerBefore({ kubeconfig }: Cluster): Promise<Reader> {
    const folder = await mkdtemp(join(tmpdir(), "clients-reader-"));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const program = [require.resolve("tsx"), join(__dirname, "../../../src/cli/mesh.ts")].map((path) => `"${path}"`);
    const command = `#!/bin/sh\nexec "${process.execPath}" --import ${program.join(" ")} "$@"\n`;
    await writeFile(join(folder, "mesh"), command, { mode: 0o755 });
    const path = [folder, binDir(), process.env["PATH"]].join(delimiter);
    return new Reader({ folder, env: { ...process.env, KUBECONFIG: kubeconfig, PATH: path } });
  }

  /** Names that nobody asked for before, so that no answer comes from a cache. */
  const fresh = (zone: string): string => `y${(asked += 1)}.${zone}`;
  const answers = (server: string, ...zones: readonly string[]) => pod.ask(server, ...zones.map(fresh));
  const kubectl = (...args: string[]): Promise<string> => cluster.kubectl([...namespace, ...args]);

  async function resolverPods(): Promise<readonly string[]> {
    const listed = await kubectl("get", "pods", "-l", "app.kubernetes.io/name=resolver", "-o", "name");
    return listed.trim().split("\n");
  }

  /** Returns how many were asked twice. */
  function noneLost({ asked: all, repeated, lost, wrong }: PodLoad): number {
    console.log(`      ${all} asked, ${repeated} of them twice, ${lost} lost`);
    expect([lost, wrong]).to.deep.equal([0, []]);
    expect(all).to.be.greaterThan(50);
    return repeated;
  }

  /** Has the site's Knot away while something is done. */
  async function withoutKnot(work: () => Promise<void>): Promise<void> {
    const scale = (replicas: number) => kubectl("scale", "statefulset/knot", `--replicas=${replicas}`);
    await scale(0);
    try {
      await kubectl("wait", "--for=delete", "pod/knot-0", "--timeout=60s");
      await work();
    } finally {
      await scale(1);
      await kubectl("rollout", "status", "statefulset/knot", "--timeout=120s");
    }
  }

  it("answers a pod names of the mesh, validated where they are signed, and names outside", async () => {
    await eventually(30, async () => {
      expect(await answers(address, signed, plain, "outside")).to.deep.equal([validated, known, outside]);
    });
    expect([await pod.lookup(fresh(signed)), await pod.lookup(fresh("outside"))]).to.deep.equal([
      ...validated.addresses,
      ...outside.addresses,
    ]);
    expect((await pod.ask(address, "site-a.dns.internal"))[0]).to.deep.include({
      addresses: [set.get("site-a").siteAddress],
    });
    expect(await resolverPods()).to.have.length(2);
  });

  it("is left as it is by another up", async () => {
    expect((await mesh.up("site-b")).changes).to.have.all.keys("same");
  });

  it("loses no answer while one of its two pods is deleted, and another comes", async () => {
    const asking = await pod.load(address, plain, 100);
    const [first = ""] = await resolverPods();
    await eventually(20, async () => expect(await answers(address, plain)).to.deep.equal([known]));
    await kubectl("delete", first);
    await kubectl("rollout", "status", "deployment/resolver", "--timeout=120s");
    expect(await resolverPods()).not.to.include(first);
    // Not even for the first time.
    expect(noneLost(await asking.end())).to.equal(0);
  });

  it("answers by another site as long as the site's own Knot is away, and loses no answer as it goes and comes", async () => {
    const asking = await pod.load(address, signed, 20);
    await withoutKnot(async () => {
      expect(await answers(address, signed, plain)).to.deep.equal([validated, known]);
      const log = async () => kubectl("logs", "deploy/resolver", "-c", "agent");
      await eventually(30, async () => expect(await log()).to.contain("the site's Knot cannot be asked"));
      expect(await resolverPods()).to.have.length(2);
    });
    noneLost(await asking.end());
  });

  it("validates through a roll-over of the key-signing key", async () => {
    const asking = await pod.load(address, signed, 20);
    const anchors = async (of: string): Promise<readonly string[]> => {
      const text = await kubectl("exec", of, "-c", "kresd", "--", "cat", "/resolver/kresd.conf");
      return [...text.matchAll(/signed\.internal\.dns\. 3600 IN DNSKEY 257 [^\\]*/g)].map(([each]) => each);
    };
    const everywhere = async (check: (found: readonly string[]) => void): Promise<void> => {
      for (const each of await resolverPods()) check(await anchors(each));
    };
    const [before = ""] = await anchors((await resolverPods())[0] ?? "");
    await mesh.knotc("site-a", "-b", "zone-key-rollover", signed, "ksk");
    // Each pod asks for keys once a minute.
    await eventually(120, () => everywhere((found) => expect(found).to.have.length(2).and.to.include(before)), 1000);
    await eventually(60, () => mesh.knotc("site-a", "zone-ksk-submitted", signed));
    await eventually(
      150,
      () => everywhere((found) => expect(found).to.have.length(1).and.not.to.include(before)),
      1000,
    );
    expect(await answers(address, signed)).to.deep.equal([validated]);
    noneLost(await asking.end());
  });

  const corefileIn = (name: string): Promise<string> =>
    cluster.kubectl(["-n", "kube-system", "get", "configmap", name, "-o", "jsonpath={.data.Corefile}"]);
  const restartsOf = (name: string): Promise<string> => {
    const path = "jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[*].restartCount}";
    return cluster.kubectl(["-n", "kube-system", "get", "pods", "-l", `k8s-app=${name}`, "-o", path]);
  };
  const service = "kubernetes.default.svc.cluster.local";

  it("is asked by the cluster's CoreDNS once `mesh corefile` has written that, which goes on as it is", async () => {
    await deployCoreDns(cluster, await ensureCoreDnsImage(), set.hostAddress);
    const inCluster = { ...known, addresses: ["10.96.0.1"] };
    await eventually(20, async () => expect(await pod.ask(clusterDns, service)).to.deep.equal([inCluster]));
    // Somebody who is not the mesh's resolver has no such name.
    expect((await answers(clusterDns, plain))[0]).to.deep.include({ rcode: rcodes.NXDOMAIN });
    const before = await restartsOf("coredns");
    reader.open("docs/clients.md#the-clusters-own-dns-asks-it");
    await reader.run();
    const asking = await pod.load(clusterDns, "outside", 20);
    // The kubelet brings it into the pod within a minute or so, and CoreDNS looks each half minute.
    await eventually(180, async () => expect((await answers(clusterDns, plain))[0]).to.deep.equal(known), 1000);
    expect(await answers(clusterDns, signed, "outside")).to.deep.equal([validated, outside]);
    expect(await pod.ask(clusterDns, service)).to.deep.equal([inCluster]);
    await withoutKnot(async () => {
      expect(await answers(clusterDns, signed, plain)).to.deep.equal([validated, known]);
    });
    await reader.run();
    reader.close();
    expect(await corefileIn("coredns")).to.equal(kubeadmCorefile);
    await eventually(
      180,
      async () => expect((await answers(clusterDns, plain))[0]).to.deep.include({ rcode: rcodes.NXDOMAIN }),
      1000,
    );
    expect(await pod.ask(clusterDns, service)).to.deep.equal([inCluster]);
    expect(await restartsOf("coredns")).to.equal(before);
    noneLost(await asking.end());
  });

  it("is asked by a CoreDNS on the node with the Corefile of NodeLocal DNSCache, and that goes back to what it was", async () => {
    await deployNodeLocal(cluster, await ensureCoreDnsImage(), set.hostAddress);
    await eventually(20, async () => expect(await answers(nodeLocalDns, "outside")).to.deep.equal([outside]));
    reader.open("docs/clients.md#nodelocal-dnscache");
    await reader.run();
    reader.close();
    await eventually(180, async () => expect((await answers(nodeLocalDns, plain))[0]).to.deep.equal(known), 1000);
    expect(await answers(nodeLocalDns, signed)).to.deep.equal([validated]);
    expect((await pod.ask(nodeLocalDns, service))[0]).to.deep.include({ addresses: ["10.96.0.1"] });
    const remove = blocksOf("docs/clients.md#the-clusters-own-dns-asks-it", "sh").at(-1) ?? "";
    await reader.shell(remove.replace("configmap coredns", "configmap node-local-dns"));
    expect(await corefileIn("node-local-dns")).to.equal(nodeLocalCorefile(set.hostAddress));
  });

  it("is gone with all that it had when its setting goes", async () => {
    const without = Object.entries(siteConfig).filter(([name]) => name !== "dns-mesh:resolver");
    await mesh.configureSite(cluster, Object.fromEntries(without));
    await mesh.up("site-b");
    const kinds =
      "deployments,replicasets,pods,services,serviceaccounts,configmaps,secrets,roles,rolebindings,poddisruptionbudgets,networkpolicies";
    await eventually(60, async () => {
      const listed = await kubectl("get", kinds, "-o", "name");
      expect(listed.split("\n").filter((name) => name.includes("resolver"))).to.deep.equal([]);
    });
    expect((await mesh.up("site-b")).changes).to.have.all.keys("same");
    await mesh.converged(30);
  });
});
