import type { Cluster } from "../clusters/types";
import type { ImageArchive } from "../images";

/** Where a cluster's own DNS is asked. */
export const clusterDns = "10.96.0.10";
/** Where pods ask NodeLocal DNSCache: an address of each node's own. */
export const nodeLocalDns = "169.254.20.10";

/** As kubeadm 1.34 writes it. */
export const kubeadmCorefile = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

/** As NodeLocal DNSCache's manifest has it, in a cluster whose Services it does not stand in for. */
export const nodeLocalCorefile = (upstream: string): string => `cluster.local:53 {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind ${nodeLocalDns}
    forward . ${clusterDns} {
            force_tcp
    }
    prometheus :9253
    health ${nodeLocalDns}:8080
    }
.:53 {
    errors
    cache 30
    reload
    loop
    bind ${nodeLocalDns}
    forward . ${upstream}
    prometheus :9253
    }
`;

const namespace = "kube-system";
const rbac = "rbac.authorization.k8s.io";

/** How a CoreDNS is deployed. */
interface Deployed {
  /** Of the Deployment, and of the ConfigMap with its Corefile. */
  readonly name: string;
  readonly corefile: string;
  readonly image: ImageArchive;
  /** What container and pod have beside. */
  readonly container: object;
  readonly pod: object;
}

async function deploy(cluster: Cluster, { name, corefile, image, container, pod }: Deployed): Promise<void> {
  await cluster.ctr(["images", "import", image.archive]);
  const labels = { "k8s-app": name };
  const objects = [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { Corefile: corefile } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: "coredns",
                image: image.name,
                command: ["coredns", "-conf", "/etc/coredns/Corefile"],
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { add: ["NET_BIND_SERVICE"], drop: ["ALL"] },
                },
                volumeMounts: [{ name: "config-volume", mountPath: "/etc/coredns", readOnly: true }],
                ...container,
              },
            ],
            volumes: [{ name: "config-volume", configMap: { name, items: [{ key: "Corefile", path: "Corefile" }] } }],
            ...pod,
          },
        },
      },
    },
  ];
  for (const object of objects) await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  await cluster.kubectl(["-n", namespace, "rollout", "status", `deployment/${name}`, "--timeout=90s"]);
}

/** CoreDNS as kubeadm deploys it. @param upstream - what its nodes' `resolv.conf` names. */
export async function deployCoreDns(cluster: Cluster, image: ImageArchive, upstream: string): Promise<void> {
  const account = { kind: "ServiceAccount", metadata: { name: "coredns", namespace } };
  const role = { metadata: { name: "system:coredns" } };
  const objects = [
    { apiVersion: "v1", ...account },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: "ClusterRole", ...role },
      rules: [
        { apiGroups: [""], resources: ["endpoints", "services", "pods", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: "ClusterRoleBinding", ...role },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: role.metadata.name },
      subjects: [{ kind: account.kind, ...account.metadata }],
    },
    {
      ...{ apiVersion: "v1", kind: "Service", metadata: { name: "kube-dns", namespace } },
      spec: {
        selector: { "k8s-app": "coredns" },
        clusterIP: clusterDns,
        ports: ["UDP", "TCP"].map((protocol) => ({ name: `dns-${protocol.toLowerCase()}`, port: 53, protocol })),
      },
    },
  ];
  for (const object of objects) await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const probe = (path: string, port: number) => ({ httpGet: { path, port, scheme: "HTTP" } });
  await deploy(cluster, {
    ...{ name: "coredns", corefile: kubeadmCorefile, image },
    container: {
      livenessProbe: { ...probe("/health", 8080), initialDelaySeconds: 60, timeoutSeconds: 5, failureThreshold: 5 },
      readinessProbe: probe("/ready", 8181),
    },
    pod: { serviceAccountName: "coredns", dnsPolicy: "None", dnsConfig: { nameservers: [upstream] } },
  });
}

/**
 * A CoreDNS on the node with the Corefile of NodeLocal DNSCache, which is one itself, with the plugins of this one. That sets up its address
 * and rules of iptables when it starts; here the address is put there before.
 */
export async function deployNodeLocal(cluster: Cluster, image: ImageArchive, upstream: string): Promise<void> {
  await cluster.netnsExec(["ip", "address", "replace", `${nodeLocalDns}/32`, "dev", "lo"]);
  await deploy(cluster, {
    ...{ name: "node-local-dns", corefile: nodeLocalCorefile(upstream), image },
    container: { readinessProbe: { httpGet: { path: "/health", port: 8080, host: nodeLocalDns } } },
    pod: { hostNetwork: true, dnsPolicy: "Default" },
  });
}
