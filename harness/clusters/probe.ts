import type { Cluster, PodAddress } from "./types";

/** What became of an attempt to connect: taken, refused by the other end (so it got there), or never answered. */
export type Reached = "open" | "refused" | "silent";

/** Milliseconds after which an attempt counts as not answered. A pod that may answer does so in a few. */
const patience = 1500;

const script = `const [,address,port]=process.argv;const s=require("node:net").connect(Number(port),address);
const say=(t)=>{process.stdout.write(t);process.exit()};s.setTimeout(${patience},()=>say("silent"));
s.on("connect",()=>say("open"));s.on("error",(e)=>say(e.code==="ECONNREFUSED"?"refused":"silent"))`;

/** Connects over TCP from a container that has Node. */
export async function connectFrom(
  cluster: Cluster,
  from: PodAddress,
  to: { readonly address: string; readonly port: number },
): Promise<Reached> {
  return (await cluster.execInPod(from, ["node", "-e", script, to.address, String(to.port)])) as Reached;
}

/** Connects over TCP from a cluster's node, whose address is what its pods show to others. */
export async function connectFromNode(
  cluster: Cluster,
  to: { readonly address: string; readonly port: number },
): Promise<Reached> {
  return (await cluster.netnsExec([process.execPath, "-e", script, to.address, String(to.port)])) as Reached;
}

/** Runs a pod that does nothing, in a namespace that is made when it is not there, and waits until it runs. */
export async function idlePod(cluster: Cluster, namespace: string, image: string): Promise<PodAddress> {
  const pod = "idle";
  const security = {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    runAsUser: 1000,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  };
  const container = { name: "node", image, command: ["node", "-e", "setInterval(() => {}, 1e9)"] };
  const objects = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "idle", namespace } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: pod, namespace },
      spec: {
        serviceAccountName: "idle",
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        containers: [{ ...container, securityContext: security }],
      },
    },
  ];
  const own = objects.slice(namespace === "dns-system" ? 1 : 0);
  for (const object of own) await cluster.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(object));
  await cluster.kubectl(["-n", namespace, "wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s"]);
  return { namespace, pod, container: "node" };
}
