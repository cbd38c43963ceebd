import { expect } from "chai";
import { generateKeyPairSync } from "node:crypto";
import { rules } from "../../../policy/rules";
import type { Planned, Rule, RuleConfig } from "../../../policy/rules/rule";
import { goodPod, object, planned, problems, secretText, workload } from "./planned";

const rule = (name: string): Rule => {
  const found = rules.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no rule ${name}`);
  return found;
};

type Container = (typeof goodPod.containers)[0];
const podWith = (change: object): object => ({ ...goodPod, ...change });
const containerWith = (change: (container: Container) => object): object => ({
  ...goodPod,
  containers: goodPod.containers.map((container) => ({ ...container, ...change(container) })),
});
const secured = (change: object): object =>
  containerWith((container) => ({ securityContext: { ...container.securityContext, ...change } }));

const securedPod = (change: object): object => podWith({ securityContext: { ...goodPod.securityContext, ...change } });

const service = (name: string, spec: object): Planned =>
  object("core/v1:Service", { metadata: { name, namespace: "dns-system" }, spec });
const dns = { ports: [{ port: 53 }, { port: 853 }] };
const policy = (spec: object): Planned => object("networking.k8s.io/v1:NetworkPolicy", { spec });
const denyAll = policy({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
const anywhere = { ipBlock: { cidr: "0.0.0.0/0" } };
const configMap = (text: string): Planned => object("core/v1:ConfigMap", { data: { "knot.conf": text } });
const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const tsig = secretText();
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const held = (key: string, text: string): Planned => object("core/v1:Secret", { data: { [key]: base64(text) } });

const packet = (name: string, change: object = {}, site: object = {}): object => ({
  transport: "tls",
  directoryZone: "dns.internal",
  epoch: { number: 1 },
  ...change,
  site: {
    name,
    role: "standard",
    addresses: [`192.0.2.${name.length}`],
    zones: [{ name: `${name}.example` }],
    ...site,
  },
});
const shared = (sites: object | undefined): Planned =>
  planned("dnsmesh:shared:SharedStack", sites === undefined ? {} : { sites }, { name: "mesh" });
const primary = packet("a", {}, { role: "primary-catalog" });
const safeguard = (leaving?: object): Planned =>
  planned("dnsmesh:index:Safeguard", leaving === undefined ? {} : { leaving }, { isProtected: true });

/** For each rule what it takes, and what it has against the rest, with a part of what it says. */
interface Row {
  readonly passes: readonly (readonly Planned[])[];
  readonly fails: readonly (readonly [says: RegExp, resources: readonly Planned[], config?: RuleConfig])[];
}

const several = {
  replicas: 2,
  template: { metadata: { labels: { "app.kubernetes.io/name": "knot" } }, spec: goodPod },
};
const set = object("apps/v1:StatefulSet", { spec: several });
const budget = (spec: object): Planned => object("policy/v1:PodDisruptionBudget", { spec });
const knotSelector = { matchLabels: { "app.kubernetes.io/name": "knot" } };

const table: Readonly<Record<string, Row>> = {
  "pods-restricted": {
    passes: [
      [workload(goodPod)],
      [object("core/v1:PodPatch", { metadata: { name: "knot-0" } })],
      [service("knot", dns)],
      [workload(secured({ procMount: "Default" }))],
      [workload(securedPod({ sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "53" }] }))],
      [workload(securedPod({ seLinuxOptions: { type: "container_t", level: "s0:c1,c2" } }))],
      [workload(securedPod({ appArmorProfile: { type: "RuntimeDefault" } }))],
      [workload(securedPod({ windowsOptions: { hostProcess: false } }))],
      [
        workload(
          podWith({
            volumes: [
              { name: "zones", persistentVolumeClaim: { claimName: "zones" } },
              { name: "scratch", emptyDir: {} },
              { name: "token", projected: { sources: [] } },
            ],
          }),
        ),
      ],
    ],
    fails: [
      [/privileged, which is root on the node/, [workload(secured({ privileged: true }))]],
      [
        /containers\[0\] "knot": allowPrivilegeEscalation must be false/,
        [workload(secured({ allowPrivilegeEscalation: true }))],
      ],
      [/allowPrivilegeEscalation must be false/, [workload(secured({ allowPrivilegeEscalation: undefined }))]],
      [/drop must have ALL/, [workload(secured({ capabilities: { drop: ["NET_RAW"] } }))]],
      [/capabilities SYS_ADMIN/, [workload(secured({ capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } }))]],
      [/readOnlyRootFilesystem/, [workload(secured({ readOnlyRootFilesystem: false }))]],
      [/runAsUser is root/, [workload(secured({ runAsUser: 0 }))]],
      [/runAsNonRoot/, [workload(podWith({ securityContext: { seccompProfile: { type: "RuntimeDefault" } } }))]],
      [/seccompProfile/, [workload(podWith({ securityContext: { runAsNonRoot: true } }))]],
      [/Unconfined/, [workload(secured({ seccompProfile: { type: "Unconfined" } }))]],
      [/hostNetwork/, [workload(podWith({ hostNetwork: true }), "apps/v1:DaemonSet")]],
      [/hostPID/, [workload(podWith({ hostPID: true }), "batch/v1:Job")]],
      [/hostIPC/, [object("core/v1:Pod", { spec: podWith({ hostIPC: true }) })]],
      [/hostPath/, [workload(podWith({ volumes: [{ name: "root", hostPath: { path: "/" } }] }))]],
      [/procMount Unmasked/, [workload(secured({ procMount: "Unmasked" }))]],
      [
        /sysctls that are not safe \(kernel\.msgmax\)/,
        [workload(securedPod({ sysctls: [{ name: "kernel.msgmax", value: "1" }] }))],
      ],
      [/seLinuxOptions\.type spc_t/, [workload(secured({ seLinuxOptions: { type: "spc_t" } }))]],
      [
        /seLinuxOptions names user and role/,
        [workload(securedPod({ seLinuxOptions: { user: "system_u", role: "system_r" } }))],
      ],
      [/appArmorProfile is Unconfined/, [workload(secured({ appArmorProfile: { type: "Unconfined" } }))]],
      [/hostProcess/, [workload(securedPod({ windowsOptions: { hostProcess: true } }))]],
      [/hostProcess/, [workload(secured({ windowsOptions: { hostProcess: true } }))]],
      [/volumes of type nfs/, [workload(podWith({ volumes: [{ name: "far", nfs: { server: "192.0.2.1" } }] }))]],
      [/hostPort/, [workload(containerWith(() => ({ ports: [{ containerPort: 53, hostPort: 53 }] })))]],
      [/initContainers\[0\]/, [workload(podWith({ initContainers: [{ name: "first" }] }))]],
      [
        /privileged/,
        [
          object("batch/v1:CronJob", {
            spec: { jobTemplate: { spec: { template: { spec: secured({ privileged: true }) } } } },
          }),
        ],
      ],
      [/hostNetwork/, [object("apps/v1:DeploymentPatch", { spec: { template: { spec: { hostNetwork: true } } } })]],
    ],
  },
  "containers-limited": {
    passes: [[workload(goodPod)], [object("core/v1:PodPatch", {})]],
    fails: [
      [
        /limits\.memory is missing/,
        [workload(containerWith(({ resources }) => ({ resources: { requests: resources.requests } })))],
      ],
      [/requests\.cpu is missing/, [workload(containerWith(() => ({ resources: { limits: { memory: "1Gi" } } })))]],
    ],
  },
  "images-named": {
    passes: [
      [workload(goodPod)],
      [workload(containerWith(() => ({ image: `knot@sha256:${"a".repeat(64)}` })))],
      [workload(containerWith(() => ({ image: "registry.example:5000/knot:v1" })))],
    ],
    fails: [
      [/latest/, [workload(containerWith(() => ({ image: "docker.io/cznic/knot:latest" })))]],
      [/registry\.example:5000\/knot"/, [workload(containerWith(() => ({ image: "registry.example:5000/knot" })))]],
      [/the image ""/, [workload(containerWith(() => ({ image: undefined })))]],
    ],
  },
  "accounts-own": {
    passes: [
      [workload(goodPod)],
      [workload(podWith({ automountServiceAccountToken: true, serviceAccountName: "knot" }))],
    ],
    fails: [
      [/name a ServiceAccount/, [workload(podWith({ automountServiceAccountToken: undefined }))]],
      [
        /name a ServiceAccount/,
        [workload(podWith({ automountServiceAccountToken: true, serviceAccountName: "default" }))],
      ],
    ],
  },
  "rights-narrow": {
    passes: [
      [
        object("rbac.authorization.k8s.io/v1:Role", {
          rules: [{ apiGroups: [""], resources: ["secrets"], resourceNames: ["zone-keys"], verbs: ["get"] }],
        }),
      ],
      [object("rbac.authorization.k8s.io/v1:RoleBinding", { roleRef: { name: "reconciler" } })],
    ],
    fails: [
      [/all verbs/, [object("rbac.authorization.k8s.io/v1:Role", { rules: [{ verbs: ["*"] }] })]],
      [
        /all resources/,
        [object("rbac.authorization.k8s.io/v1:ClusterRole", { rules: [{ resources: ["*"], verbs: ["get"] }] })],
      ],
      [
        /verb impersonate/,
        [object("rbac.authorization.k8s.io/v1:ClusterRole", { rules: [{ verbs: ["impersonate"] }] })],
      ],
      [
        /all Secrets/,
        [object("rbac.authorization.k8s.io/v1:Role", { rules: [{ resources: ["secrets"], verbs: ["list"] }] })],
      ],
      [
        /cluster-admin/,
        [object("rbac.authorization.k8s.io/v1:ClusterRoleBinding", { roleRef: { name: "cluster-admin" } })],
      ],
    ],
  },
  "services-private": {
    passes: [
      [service("knot", { type: "LoadBalancer", ...dns })],
      [service("knot-tcp", { type: "NodePort", ...dns })],
      [service("knot-0", { type: "ClusterIP", ports: [{ port: 8053 }] })],
      [service("dns", { externalIPs: [] })],
    ],
    fails: [
      [/Service knot-0 is reachable .*LoadBalancer/, [service("knot-0", { type: "LoadBalancer", ...dns })]],
      [/externalIPs/, [service("metrics", { type: "ClusterIP", externalIPs: ["192.0.2.1"], ports: [] })]],
      [/opens port 8053/, [service("knot", { type: "LoadBalancer", ports: [{ port: 53 }, { port: 8053 }] })]],
      [/Ingress|needs none of it/, [object("networking.k8s.io/v1:Ingress", { metadata: { name: "page" } })]],
      [/Service knot is reachable/, [service("knot", { type: "LoadBalancer", ...dns })], { public: [] }],
    ],
  },
  "policies-narrow": {
    passes: [
      [denyAll],
      [policy({ ingress: [{ from: [anywhere], ports: [{ port: 5353 }] }] })],
      [policy({ ingress: [{ from: [{ ipBlock: { cidr: "192.0.2.1/32" } }], ports: [{ port: 8853 }] }] })],
      [policy({ ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [{ port: 8853, endPort: 8855 }] }] })],
      [policy({ ingress: [{ from: [{ ipBlock: { cidr: "2001::/16" } }], ports: [{ port: 8853 }] }] })],
      [policy({ ingress: [{ from: [{ ipBlock: { cidr: "fc00::/7" } }], ports: [{ port: 8853 }] }] })],
      [policy({ ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8853 }] }] })],
    ],
    fails: [
      [/port 8053/, [policy({ ingress: [{ from: [anywhere], ports: [{ port: 5353 }, { port: 8053 }] }] })]],
      [/port 8853/, [policy({ ingress: [{ ports: [{ port: 8853 }] }] })]],
      [/ports 5353 to 65535/, [policy({ ingress: [{ from: [anywhere], ports: [{ port: 5353, endPort: 65535 }] }] })]],
      [/port 8053/, [policy({ ingress: [{ from: [{ ipBlock: { cidr: "128.0.0.0/7" } }], ports: [{ port: 8053 }] }] })]],
      [/port 8053/, [policy({ ingress: [{ from: [{ ipBlock: { cidr: "fc00::/6" } }], ports: [{ port: 8053 }] }] })]],
      [/port 8053/, [policy({ ingress: [{ from: [{ ipBlock: { cidr: "2000::/3" } }], ports: [{ port: 8053 }] }] })]],
      [/port 8053/, [policy({ ingress: [{ from: [{ ipBlock: { cidr: "0/0" } }], ports: [{ port: 8053 }] }] })]],
      [/every port/, [policy({ ingress: [{ from: [{ ipBlock: { cidr: "::/0" } }] }] })]],
    ],
  },
  "pods-isolated": {
    passes: [[workload(goodPod), denyAll], [configMap("no pods")]],
    fails: [
      [/namespace dns-system/, [workload(goodPod)]],
      [/namespace dns-system/, [workload(goodPod), policy({ podSelector: {}, policyTypes: ["Ingress"] })]],
      [
        /namespace dns-system/,
        [workload(goodPod), policy({ podSelector: knotSelector, policyTypes: ["Ingress", "Egress"] })],
      ],
    ],
  },
  "secrets-hidden": {
    passes: [
      [configMap("key:\n  - id: mesh\n    algorithm: hmac-sha256\n")],
      [configMap('const pem = "-----BEGIN PRIVATE KEY-----"; const config = { secret: key.secret };')],
      [configMap(JSON.stringify({ token: "/var/run/secrets/dns-mesh-vault/token", secret: "zone-keys/site-c" }))],
      [object("core/v1:Secret", { stringData: { key: pem } })],
      [workload(containerWith(() => ({ env: [{ name: "KEY", valueFrom: { secretKeyRef: { name: "key" } } }] })))],
    ],
    fails: [
      [/data\["knot\.conf"\] has what looks like a private key/, [configMap(pem)]],
      [/a TSIG key/, [configMap(`key:\n  - id: mesh\n    secret: ${tsig}\n`)]],
      [/a TSIG key/, [configMap(JSON.stringify({ current: { secret: tsig } }))]],
      [/a secret in JSON/, [configMap(JSON.stringify({ password: "correct-horse-battery" }))]],
      [
        /a token of Vault/,
        [object("core/v1:ConfigMap", { metadata: { annotations: { token: `hvs.${"a".repeat(30)}` } } })],
      ],
      [/binaryData/, [object("core/v1:ConfigMap", { binaryData: { key: base64(pem) } })]],
      [/env AWS/, [workload(containerWith(() => ({ env: [{ name: "AWS", value: `AKIA${"A".repeat(16)}` }] })))]],
    ],
  },
  "secrets-apart": {
    passes: [
      [held("password", tsig), configMap("nothing of it")],
      [held("ca.crt", "the same certificate for all"), configMap("the same certificate for all")],
      [
        held("ring.json", JSON.stringify({ algorithm: "hmac-sha256-and-more", secret: tsig })),
        configMap("hmac-sha256-and-more"),
      ],
    ],
    fails: [
      [
        /data\["knot\.conf"\] has what a Secret of this stack holds/,
        [held("password", tsig), configMap(`password=${tsig}`)],
      ],
      [
        /Secret of this stack/,
        [held("ring.json", JSON.stringify({ current: { secret: tsig } })), configMap(`x ${tsig} y`)],
      ],
      [/Secret of this stack/, [held("password", "correct horse battery"), configMap(base64("correct horse battery"))]],
      [
        /annotations/,
        [
          planned("random:index/randomPassword:RandomPassword", { result: tsig }),
          object("core/v1:ConfigMap", { metadata: { annotations: { note: tsig } } }),
        ],
      ],
    ],
  },
  "data-protected": {
    passes: [
      [object("core/v1:Namespace", {}, { isProtected: true })],
      [object("core/v1:PersistentVolumeClaimPatch", {})],
      [safeguard()],
      [workload(goodPod)],
    ],
    fails: [
      [/one is not protected/, [object("core/v1:Namespace", {})]],
      [/one is not protected/, [object("core/v1:PersistentVolumeClaim", {})]],
      [/not protected/, [planned("dnsmesh:index:Safeguard", {})]],
      [
        /whenScaled deletes/,
        [workload(goodPod, "apps/v1:StatefulSet", { persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete" } })],
      ],
    ],
  },
  "disruptions-bounded": {
    passes: [[set, budget({ maxUnavailable: 1, selector: knotSelector })], [workload(goodPod)]],
    fails: [
      [/no PodDisruptionBudget/, [set]],
      [/no PodDisruptionBudget/, [set, budget({ maxUnavailable: 2, selector: knotSelector })]],
      [/no PodDisruptionBudget/, [set, budget({ maxUnavailable: 1, selector: { matchLabels: { other: "one" } } })]],
    ],
  },
  "mesh-coherent": {
    passes: [[shared({ a: primary, bb: packet("bb") })], [configMap("a site's stack")]],
    fails: [
      [/0 sites have the primary/, [shared({ a: packet("a") })]],
      [/2 sites have the primary/, [shared({ a: primary, bb: packet("bb", {}, { role: "primary-catalog" }) })]],
      [
        /a\.example has several owners/,
        [shared({ a: primary, bb: packet("bb", {}, { zones: [{ name: "a.example" }] }) })],
      ],
      [/asked at 192\.0\.2\.1/, [shared({ a: primary, bb: packet("bb", {}, { addresses: ["192.0.2.1"] }) })]],
      [/different epochs/, [shared({ a: primary, bb: packet("bb", { epoch: { number: 2 } }) })]],
      [/different directories/, [shared({ a: primary, bb: packet("bb", { directoryZone: "other" }) })]],
      [/packet of bb is another/, [shared({ a: primary, bb: packet("ccc") })]],
      [/does not say which sites/, [shared(undefined)]],
    ],
  },
  "transfers-encrypted": {
    passes: [[shared({ a: primary, bb: packet("bb", { transport: "quic" }) })]],
    fails: [
      [/bb takes zones over plain TCP/, [shared({ a: primary, bb: packet("bb", { transport: "tcp" }) })]],
      [/does not say which sites/, [shared({})]],
    ],
  },
  "removals-limited": {
    passes: [
      [shared({ a: primary }), safeguard({ sites: [], zones: [] })],
      [shared({ a: primary }), safeguard({ sites: [], zones: ["b.example"] })],
      [safeguard()],
    ],
    fails: [
      [
        /2 sites and zones leave the mesh \(bb, bb\.example\), and 1 may/,
        [shared({ a: primary }), safeguard({ sites: ["bb"], zones: ["bb.example"] })],
      ],
      [/and 0 may/, [shared({ a: primary }), safeguard({ sites: [], zones: ["b.example"] })], { most: 0 }],
      [/does not say what leaves/, [shared({ a: primary }), safeguard()]],
      [/does not say what leaves/, [shared({ a: primary })]],
    ],
  },
};

describe("the policy pack's rules", () => {
  it("have a row each", () => {
    expect(Object.keys(table)).to.deep.equal(rules.map(({ name }) => name));
  });

  for (const [name, { passes, fails }] of Object.entries(table))
    describe(name, () => {
      it("takes what is in order", () => {
        for (const resources of passes) expect(problems(rule(name), resources)).to.deep.equal([]);
      });

      for (const [says, resources, config] of fails)
        it(`finds ${says.source}`, () => {
          const found = problems(rule(name), resources, config);
          expect(found.join("\n")).to.match(says);
        });
    });

  it("quote no secret", () => {
    const leaks = [held("password", tsig), configMap(`secret: ${tsig}\n${pem}`)];
    const said = rules.flatMap((each) => problems(each, leaks)).join("\n");
    expect(said)
      .to.match(/TSIG/)
      .and.match(/private key/)
      .and.match(/Secret of this stack/);
    expect(said).not.to.contain(tsig);
    expect(said).not.to.contain(pem.split("\n")[1]);
  });
});
