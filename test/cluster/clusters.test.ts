import { expect } from "chai";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors";
import { beginClusters, createClusters, useContexts, type Cluster, type ClusterSet } from "../../harness/clusters";
import { ensureImages } from "../../harness/images";
import { eventually } from "../../harness/eventually";
import { toolPath } from "../../harness/tools";
import { CommandError, run } from "../../harness/tools/run";

const pod = { namespace: "dns-system", pod: "knot-0", container: "knot" };
const zone = "example.test";
const soa = "ns.example.test. host.example.test. 7 60 10 600 60";

/** A Knot with a volume, behind a load balancer, as strict as the mesh's own. */
function knotObjects(image: string): unknown[] {
  const metadata = { name: "knot", namespace: pod.namespace };
  const labels = { app: "knot" };
  const mount = (name: string, mountPath: string): unknown => ({ name, mountPath });
  const conf = `server:
  listen: 0.0.0.0@5353
  rundir: /rundir
log:
  - target: stdout
    any: info
database:
  storage: /storage/db
zone:
  - domain: ${zone}
    file: /etc/knot/zone
    zonefile-sync: -1
`;
  const records = [`${zone}. 60 SOA ${soa}`, `${zone}. 60 NS ns.${zone}.`, `ns.${zone}. 60 A 192.0.2.1`];
  const container = {
    name: "knot",
    image,
    command: ["knotd", "-c", "/etc/knot/knot.conf"],
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    readinessProbe: { tcpSocket: { port: 5353 }, periodSeconds: 1 },
    volumeMounts: [
      mount("storage", "/storage"),
      mount("rundir", "/rundir"),
      mount("tmp", "/tmp"),
      mount("conf", "/etc/knot"),
    ],
  };
  const security = {
    runAsNonRoot: true,
    runAsUser: 53,
    runAsGroup: 53,
    fsGroup: 53,
    seccompProfile: { type: "RuntimeDefault" },
  };
  const volumes = [
    { name: "rundir", emptyDir: {} },
    { name: "tmp", emptyDir: {} },
    { name: "conf", configMap: { name: "knot" } },
  ];
  const enforced = { "pod-security.kubernetes.io/enforce": "restricted" };
  const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: pod.namespace, labels: enforced } },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "knot.conf": conf, zone: records.join("\n") + "\n" } },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata,
      spec: {
        serviceName: "knot",
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { securityContext: security, containers: [container], volumes } },
        volumeClaimTemplates: [{ metadata: { name: "storage" }, spec: claim }],
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        type: "LoadBalancer",
        externalTrafficPolicy: "Local",
        selector: labels,
        ports: ["UDP", "TCP"].map((protocol) => ({
          name: protocol.toLowerCase(),
          port: 53,
          targetPort: 5353,
          protocol,
        })),
      },
    },
  ];
}

async function applyKnot(cluster: Cluster, image: string): Promise<void> {
  for (const object of knotObjects(image)) await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const rollout = ["-n", pod.namespace, "rollout", "status", "statefulset/knot", "--timeout=90s"];
  await cluster.kubectl(rollout).catch(async (cause: unknown) => {
    const pods = await cluster.kubectl(["-n", pod.namespace, "describe", "pods"]);
    throw new Error(`${messageOf(cause)}\n${pods}`, { cause });
  });
  await eventually(20, () => ask(cluster.siteAddress, "+notcp"));
}

async function ask(address: string, transport: "+notcp" | "+tcp"): Promise<string> {
  const text = await run(toolPath("kdig"), ["+short", "+timeout=2", "+retry=0", transport, `@${address}`, zone, "SOA"]);
  return text.trim();
}

/** `process PID COMMAND` for each on this machine. */
function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return `process ${name} ${readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ")}`;
      } catch {
        return "";
      }
    });
}

/** What a set may leave on the machine: namespaces, interfaces, mounts, control groups, processes, files. */
async function traces(id: string): Promise<string[]> {
  const mark = `dnsmesh${id.replace("set", "")}`;
  const here = (text: string): string[] =>
    text.split("\n").filter((line) => line.includes(mark) || line.includes(`dns-mesh/${id}/`));
  const cgroups = readdirSync("/sys/fs/cgroup").flatMap((controller) => {
    const folder = `/sys/fs/cgroup/${controller}`;
    try {
      return [folder, ...readdirSync(folder).map((name) => `${folder}/${name}`)];
    } catch {
      return [folder];
    }
  });
  const seen = [await run("ip", ["netns"]), await run("ip", ["-o", "link"]), await run("ip", ["route"])];
  return here([...seen, readFileSync("/proc/mounts", "utf8"), ...processes(), ...cgroups].join("\n"));
}

describe("clusters on this machine", function () {
  this.timeout(120_000);
  let set: ClusterSet;
  let first: Cluster;
  let second: Cluster;
  /** What the second node was when the first was ready, and when both were. */
  const secondNode: string[] = [];

  before(async () => {
    const begun = await beginClusters({ names: ["smoke-a", "smoke-b"], atOnce: 1 });
    set = begun.set;
    first = set.get("smoke-a");
    second = set.get("smoke-b");
    const look = async (): Promise<void> => {
      const node = second.kubectl(["get", "node", "smoke-b", "-o", "name"]).catch(() => "none");
      secondNode.push((await node).trim());
    };
    await begun.ready("smoke-a");
    await look();
    await begun.whole;
    await look();
    const { knot } = await ensureImages();
    await Promise.all([applyKnot(first, knot.name), applyKnot(second, knot.name)]);
  });

  after(async () => {
    await set[Symbol.asyncDispose]();
  });

  it("are made one after the other when that is wanted, and the first is ready without the second", () => {
    expect(secondNode).to.deep.equal(["none", "node/smoke-b"]);
  });

  it("gives a LoadBalancer Service the site's address, which answers over UDP and TCP from this machine", async () => {
    const ip = await first.kubectl([
      "-n",
      pod.namespace,
      "get",
      "service",
      "knot",
      "-o",
      "jsonpath={.status.loadBalancer.ingress[*].ip}",
    ]);
    expect(ip).to.equal(first.siteAddress).and.not.equal(first.nodeAddress);
    expect(await ask(first.siteAddress, "+notcp")).to.equal(soa);
    expect(await ask(first.siteAddress, "+tcp")).to.equal(soa);
  });

  it("answers a pod of the other cluster, and sees it come from its node's address", async () => {
    for (const transport of ["+notcp", "+tcp"]) {
      const answer = await second.execInPod(pod, [
        "kdig",
        "+short",
        "+timeout=2",
        transport,
        `@${first.siteAddress}`,
        zone,
        "SOA",
      ]);
      expect(answer.trim()).to.equal(soa);
    }
    const seen = await first.netnsExec(["conntrack", "-L", "--dst", first.siteAddress]);
    expect(seen).to.include(`src=${second.nodeAddress} dst=${first.siteAddress}`);
  });

  it("answers a pod of its own cluster at the site's address and at the cluster's", async () => {
    const internal = await first.kubectl([
      "-n",
      pod.namespace,
      "get",
      "service",
      "knot",
      "-o",
      "jsonpath={.spec.clusterIP}",
    ]);
    for (const address of [first.siteAddress, internal]) {
      expect(
        (await first.execInPod(pod, ["kdig", "+short", "+timeout=2", `@${address}`, zone, "SOA"])).trim(),
      ).to.equal(soa);
    }
  });

  it("moves a Service to the spare address when it asks for it", async () => {
    const move = async (address: string): Promise<void> => {
      const patch = JSON.stringify({ spec: { loadBalancerIP: address } });
      await first.kubectl(["-n", pod.namespace, "patch", "service", "knot", "--type=merge", "-p", patch]);
      await eventually(20, async () => {
        expect(await ask(address, "+notcp")).to.equal(soa);
      });
    };
    await move(first.spareAddress);
    await move(first.siteAddress);
  });

  it("shows logs of pods, and is reached by its other kubeconfig", async () => {
    expect(await first.kubectl(["-n", pod.namespace, "logs", pod.pod])).to.include("server started answering");
    const nodes = await run(toolPath("kubectl"), ["--kubeconfig", first.otherKubeconfig, "get", "nodes", "-o", "name"]);
    expect(nodes.trim()).to.equal("node/smoke-a");
  });

  it("uses clusters that are given by their contexts, but does not stop them", async () => {
    const given = await useContexts({ contexts: [`smoke-a=${first.siteAddress}`], kubeconfig: first.kubeconfig });
    const cluster = given.get("smoke-a");
    expect([cluster.nodeAddress, cluster.siteAddress]).to.deep.equal([first.nodeAddress, first.siteAddress]);
    expect(await cluster.kubectl(["get", "nodes", "-o", "name"])).to.include("smoke-a");
    expect(() => cluster.stop()).to.throw("given by its context");
  });

  it("is cut off and healed", async () => {
    await first.cut();
    await eventually(10, async () => {
      const failed = await ask(first.siteAddress, "+notcp").then(
        (answer) => answer === "",
        () => true,
      );
      expect(failed).to.equal(true);
    });
    expect(await first.kubectl(["get", "nodes", "-o", "name"])).to.include("smoke-a");
    await first.heal();
    await eventually(20, async () => {
      expect(await ask(first.siteAddress, "+notcp")).to.equal(soa);
    });
  });

  it("goes on answering without its API server", async () => {
    await first.stopApiServer();
    expect(await ask(first.siteAddress, "+tcp")).to.equal(soa);
    await first.startApiServer();
    expect(await first.kubectl(["get", "--raw", "/readyz"])).to.equal("ok");
  });

  it("keeps objects and volumes over a power cycle", async () => {
    const uid = ["-n", pod.namespace, "get", "pod", pod.pod, "-o", "jsonpath={.metadata.uid}"];
    const before = await first.kubectl(uid);
    await first.execInPod(pod, ["sh", "-c", "echo kept > /storage/note"]);
    await first.stop();
    await eventually(10, async () => {
      expect(await ask(first.siteAddress, "+notcp").catch(() => "")).to.equal("");
    });
    expect(await ask(second.siteAddress, "+notcp")).to.equal(soa);
    await first.start();
    await eventually(60, async () => {
      expect(await ask(first.siteAddress, "+notcp")).to.equal(soa);
      expect((await first.execInPod(pod, ["cat", "/storage/note"])).trim()).to.equal("kept");
    });
    expect(await first.kubectl(uid)).to.equal(before);
  });

  it("runs a second set beside the first, and takes it down without a trace", async () => {
    const other = await createClusters({ names: ["smoke-a"] });
    const { id, stateDir } = other;
    try {
      const cluster = other.get("smoke-a");
      expect(cluster.siteAddress).not.to.equal(first.siteAddress);
      await applyKnot(cluster, (await ensureImages()).knot.name);
      expect(await ask(cluster.siteAddress, "+notcp")).to.equal(soa);
      expect(await traces(id)).not.to.deep.equal([]);
    } finally {
      await other.destroy();
    }
    expect(existsSync(stateDir)).to.equal(false);
    await eventually(10, async () => {
      expect(await traces(id)).to.deep.equal([]);
    });
    expect(await ask(first.siteAddress, "+notcp")).to.equal(soa);
  });

  it("gets ready although one of its programs ended meanwhile, which is started again", async () => {
    const begun = await beginClusters({ names: ["smoke-a"] });
    try {
      const manager = () =>
        processes().find((line) => line.includes(begun.set.id) && line.includes("controller-manager"));
      const found = await eventually(60, () => Promise.resolve(manager() ?? Promise.reject(new Error("not yet"))), 5);
      process.kill(Number(found.split(" ")[1]), "SIGKILL");
      await begun.whole;
      expect(manager()).not.to.equal(undefined);
    } finally {
      await begun.set.destroy();
    }
  });

  it("is taken down by itself when the process that made it is killed", async () => {
    const clusters = join(__dirname, "../../harness/clusters");
    const program = `require(${JSON.stringify(clusters)}).createClusters({ count: 1 }).then((set) => {
      process.stdout.write(set.id);
      process.kill(process.pid, "SIGKILL");
    });`;
    const killed: unknown = await run("node", ["--import", "tsx", "-e", program]).catch((error: unknown) => error);
    expect(killed).to.be.instanceOf(CommandError);
    const id = (killed as CommandError).output.stdout;
    expect(id).to.match(/^set\d+$/);
    await eventually(30, async () => {
      expect(await traces(id)).to.deep.equal([]);
    });
  });
});
