import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { IpFamily } from "../../src/settings/ip-families";
import { toolPath } from "../tools";
import type { Daemon } from "./machine";
import { networks } from "./network";

/** What the daemons of a node need to know. */
export interface NodeSettings {
  readonly name: string;
  /** Families of its addresses, the first one first. */
  readonly families: readonly IpFamily[];
  /** In the order of its families. */
  readonly addresses: readonly [string, ...string[]];
  /** Keys, certificates and tokens. */
  readonly keys: string;
  /** The set's CA certificate. */
  readonly caFile: string;
  readonly adminKubeconfig: string;
  readonly nodeKubeconfig: string;
  /** Folder for configuration files. */
  readonly etc: string;
  /** Control group that all of its pods are in. */
  readonly cgroup: string;
  readonly pauseImage: string;
}

/** Where containerd listens inside its machine. */
export const containerdSocket = "/run/containerd/containerd.sock";

function etcd(): Daemon {
  const client = "http://127.0.0.1:2379";
  const peer = "http://127.0.0.1:2380";
  return {
    name: "etcd",
    command: [
      "etcd",
      "--data-dir=/var/lib/etcd",
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      "--unsafe-no-fsync",
      // It is alone, and leads after one to five heartbeats, by lot.
      "--heartbeat-interval=100",
      "--election-timeout=500",
    ],
  };
}

/** The cluster's networks of a kind, in the order of its families. */
function networksOf({ families }: NodeSettings, kind: "services" | "pods"): string {
  return families.map((family) => networks[family][kind]).join(",");
}

/** The API server alone, since it is what a test stops. */
export function apiServer(node: NodeSettings): Daemon {
  const key = (file: string): string => join(node.keys, file);
  return {
    name: "kube-apiserver",
    command: [
      toolPath("kube-apiserver"),
      "--etcd-servers=http://127.0.0.1:2379",
      "--secure-port=6443",
      `--bind-address=${node.families.includes("IPv6") ? "::" : "0.0.0.0"}`,
      `--advertise-address=${node.addresses[0]}`,
      `--service-cluster-ip-range=${networksOf(node, "services")}`,
      `--tls-cert-file=${key("apiserver.crt")}`,
      `--tls-private-key-file=${key("apiserver.key")}`,
      `--cert-dir=${node.keys}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-signing-key-file=${key("sa.key")}`,
      `--service-account-key-file=${key("sa.pub")}`,
      `--token-auth-file=${key("tokens.csv")}`,
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--allow-privileged",
      "--kubelet-preferred-address-types=InternalIP",
      `--kubelet-certificate-authority=${node.caFile}`,
      `--kubelet-client-certificate=${key("kubelet-client.crt")}`,
      `--kubelet-client-key=${key("kubelet-client.key")}`,
    ],
  };
}

function controllers(node: NodeSettings): Daemon[] {
  const shared = [`--kubeconfig=${node.adminKubeconfig}`, "--leader-elect=false"];
  return [
    {
      name: "kube-controller-manager",
      command: [
        toolPath("kube-controller-manager"),
        ...shared,
        `--service-account-private-key-file=${join(node.keys, "sa.key")}`,
        `--root-ca-file=${node.caFile}`,
        "--flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins",
        "--bind-address=127.0.0.1",
      ],
    },
    { name: "kube-scheduler", command: [toolPath("kube-scheduler"), ...shared, "--bind-address=127.0.0.1"] },
  ];
}

function containerd(node: NodeSettings): Daemon {
  const file = join(node.etc, "containerd.toml");
  writeFileSync(
    file,
    `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.native"]
[grpc]
address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
disable_apparmor = true
sandbox_image = "${node.pauseImage}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${cniFolder(node)}"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
`,
  );
  return { name: "containerd", command: ["containerd", "--config", file] };
}

function cniFolder(node: NodeSettings): string {
  return join(node.etc, "cni");
}

/** Each pod has its own routed link: answers between two pods pass the node's address translation, as on a bridge they would not. */
function writeCni(node: NodeSettings): void {
  mkdirSync(cniFolder(node), { recursive: true });
  const ipam = {
    type: "host-local",
    dataDir: "/run/cni-addresses",
    ranges: node.families.map((family) => [{ subnet: networks[family].pods }]),
    routes: node.families.map((family) => ({ dst: networks[family].anywhere })),
  };
  const plugins = [{ type: "ptp", ipMasq: false, ipam }];
  writeFileSync(
    join(cniFolder(node), "10-pods.conflist"),
    JSON.stringify({ cniVersion: "0.4.0", name: "pods", plugins }),
  );
}

function kubelet(node: NodeSettings): Daemon {
  const file = join(node.etc, "kubelet.json");
  const config = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    cgroupDriver: "cgroupfs",
    cgroupsPerQOS: true,
    cgroupRoot: `/${node.cgroup}`,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    oomScoreAdj: 0,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: node.caFile },
    },
    authorization: { mode: "AlwaysAllow" },
    tlsCertFile: join(node.keys, "kubelet.crt"),
    tlsPrivateKeyFile: join(node.keys, "kubelet.key"),
    resolvConf: join(node.etc, "resolv.conf"),
    volumePluginDir: "/var/lib/kubelet/volume-plugins",
    // Images are imported, not pulled: one that is collected for want of disk space would be lost.
    imageGCHighThresholdPercent: 100,
    evictionHard: { "nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "50Mi" },
    shutdownGracePeriod: "0s",
  };
  writeFileSync(join(node.etc, "resolv.conf"), "");
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  return {
    name: "kubelet",
    command: [
      toolPath("kubelet"),
      `--config=${file}`,
      `--kubeconfig=${node.nodeKubeconfig}`,
      "--root-dir=/var/lib/kubelet",
      "--cert-dir=/var/lib/kubelet/pki",
      `--node-ip=${node.addresses.join(",")}`,
      `--hostname-override=${node.name}`,
    ],
  };
}

function kubeProxy(node: NodeSettings): Daemon {
  const file = join(node.etc, "kube-proxy.json");
  const config = {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "nftables",
    clientConnection: { kubeconfig: node.adminKubeconfig },
    hostnameOverride: node.name,
    clusterCIDR: networksOf(node, "pods"),
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    nftables: { minSyncPeriod: "0.1s", syncPeriod: "30s" },
    oomScoreAdj: 0,
    healthzBindAddress: "127.0.0.1:10256",
    metricsBindAddress: "127.0.0.1:10249",
  };
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  return { name: "kube-proxy", command: [toolPath("kube-proxy"), `--config=${file}`] };
}

/** Programs by the moment they start: what stands alone first, what needs the API server's answer later. */
export function daemons(node: NodeSettings): { first: Daemon[]; afterApi: Daemon[] } {
  mkdirSync(node.etc, { recursive: true });
  writeCni(node);
  return {
    first: [containerd(node), etcd(), apiServer(node)],
    afterApi: [kubelet(node), ...controllers(node), kubeProxy(node)],
  };
}
