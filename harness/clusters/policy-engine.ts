import { toolPath } from "../tools";
import type { Daemon, Machine } from "./machine";

const queue = "100";
const account = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The node whose pods' traffic is judged, and how the engine gets to know pods and policies. */
export interface PolicyEngineSettings {
  readonly name: string;
  readonly address: string;
  readonly token: string;
  readonly caFile: string;
}

/**
 * SIG Network's kube-network-policies, which judges each new connection that leaves for a pod or comes from one, in a queue of
 * the kernel's. It wants to fill that queue by a rule of nftables; kernels without `nft_queue` refuse that one, so the rules
 * are written here with iptables. They say the same: nothing of the node's own (probes of the kubelet), first packets only,
 * where addresses are translated to pods' and not yet hidden.
 *
 * Without the engine, what is queued is dropped: the node fails closed. What pods send to their own node is not judged,
 * as Kubernetes' documentation has it.
 */
export async function startPolicyEngine(machine: Machine, settings: PolicyEngineSettings): Promise<void> {
  await machine.exec(["sh", "-c", `mkdir -p ${account} && cat >${account}/token`], settings.token);
  await machine.exec(["cp", settings.caFile, `${account}/ca.crt`]);
  const postrouting = (...rule: string[]): Promise<string> => machine.exec(["iptables", "-w", "-t", "mangle", ...rule]);
  await postrouting("-F", "POSTROUTING");
  await postrouting("-A", "POSTROUTING", "-m", "owner", "--uid-owner", "0", "-j", "RETURN");
  await postrouting("-A", "POSTROUTING", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "RETURN");
  await postrouting("-A", "POSTROUTING", "-j", "NFQUEUE", "--queue-num", queue);
  await machine.start(engine(settings));
}

function engine({ name, address }: PolicyEngineSettings): Daemon {
  return {
    name: "kube-network-policies",
    command: [
      "env",
      `KUBERNETES_SERVICE_HOST=${address}`,
      "KUBERNETES_SERVICE_PORT=6443",
      toolPath("kube-network-policies"),
      `--hostname-override=${name}`,
      `--nfqueue-id=${queue}`,
      "--disable-nri",
      "--netfilter-bug-1766-fix=false",
      "--metrics-bind-address=127.0.0.1:9080",
      "-v=2",
    ],
  };
}

/** Whether the engine takes packets from its queue. */
export async function isJudging(machine: Machine): Promise<boolean> {
  const queues = await machine.exec(["cat", "/proc/net/netfilter/nfnetlink_queue"]);
  return queues.split("\n").some((line) => line.trim().split(/\s+/)[0] === queue);
}
