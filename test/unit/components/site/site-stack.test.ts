import { hostCidr } from "../../../../src/dns/address";
import { defaultUpdateTypes } from "../../../../src/records/updater";
import { expect } from "chai";
import { getServers, setServers } from "node:dns";
import type * as k8s from "@pulumi/kubernetes";
import { exampleMesh, exampleSecrets, sharedName, sharedOutputs, sharedVaultOutputs } from "../example-mesh";
import { annotationsOf, nameOf, type Registered, type Run } from "../recorded-stack";
import { containersOf, environment, liveSettingsOf, podSpecs, up } from "./site-run";

function kubernetes(run: Run): readonly Registered[] {
  return run.resources.filter(({ type }) => type.startsWith("kubernetes:"));
}

describe("SiteStack", () => {
  it("has an output for where the site is", async () => {
    const { outputs } = await up("site-c");
    const values = Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
    expect(values).to.deep.equal({
      site: "site-c",
      role: "standard",
      server: "site-c.dns.internal",
      namespace: "dns-system",
      addresses: ["203.0.113.3"],
      podAddresses: ["10.96.0.0", "10.96.0.1"],
      zones: ["standard-1.internal.dns"],
      dnssec: {},
    });
  });

  it("has an output for keys of signed zones as the reconciler found them last", async () => {
    const keys = { state: "signed", ds: ["1 13 2 AB"], dnskeys: ["257 3 13 AA=="] };
    const report = { site: "site-c", ok: true, conditions: [], dnssec: [{ zone: "standard-1.internal.dns", ...keys }] };
    const { outputs } = await up("site-c", { status: { "report.json": JSON.stringify(report) } });
    expect(outputs["dnssec"]).to.deep.equal({ value: { "standard-1.internal.dns": keys }, secret: false });
    const damaged = await up("site-c", { status: { "report.json": "{" } });
    expect(damaged.outputs["dnssec"]?.value).to.deep.equal({});
    expect((await up("site-a")).outputs).to.not.have.property("dnssec");
  });

  it("has an output for what parents outside the mesh should have, where the list says the name servers", async () => {
    const records = { servers: ["ns1.example.org"], glue: ["ns1.example.org 192.0.2.1"], ds: [] };
    const zone = "standard-1.internal.dns";
    const report = { site: "site-c", ok: true, conditions: [], delegations: [{ zone, ...records }] };
    const status = { "report.json": JSON.stringify(report) };
    const shared = sharedOutputs();
    const packets = shared.outputs["sites"] as Record<string, object>;
    shared.outputs["sites"] = { ...packets, "site-c": { ...packets["site-c"], delegates: true } };
    const resolvers = getServers();
    setServers(["127.0.0.1:9"]);
    const { outputs } = await up("site-c", { status, stacks: { [sharedName]: shared } }).finally(() => {
      setServers(resolvers);
    });
    expect(outputs["delegations"]).to.deep.equal({ value: { [zone]: records }, secret: false });
    expect(outputs["parents"]?.value).to.have.all.keys(zone);
    expect((outputs["parents"]?.value as Record<string, string>)[zone]).to.match(
      /^what the parent of standard-1\.internal\.dns has is not known: resolver 127\.0\.0\.1: /,
    );
    expect((await up("site-c", { status })).outputs).to.not.have.property("delegations");
  });

  it("has an output for the keys by which it checks epochs while one of a former shared stack is among them", async () => {
    const withSigners = (signers: readonly string[]) => {
      const shared = sharedOutputs();
      const packets = shared.outputs["sites"] as Record<string, object>;
      shared.outputs["sites"] = { ...packets, "site-c": { ...packets["site-c"], signers } };
      return up("site-c", { stacks: { [sharedName]: shared } });
    };
    expect((await withSigners(["former", "own"])).outputs["signers"]?.value).to.deep.equal(["former", "own"]);
    expect((await withSigners(["own"])).outputs).to.not.have.property("signers");
  });

  it("names its cluster for good, states the context, and changes ConfigMaps and Secrets in place", async () => {
    const provider = (await up("site-a", { config: { kubeconfig: "./kubeconfig" } })).one(
      "pulumi:providers:kubernetes",
      "site-a-cluster",
    );
    expect(provider.inputs).to.include({
      context: "site-a-cluster",
      kubeconfig: "./kubeconfig",
      clusterIdentifier: "site-a",
      enableConfigMapMutable: "true",
      enableSecretMutable: "true",
    });
  });

  it("takes over what the cluster's sites share, and nothing else", async () => {
    const run = await up("site-a");
    const taking = run
      .all("providers:kubernetes")
      .filter(({ wire }) => wire.includes('"upsertExistingObjects":"true"'));
    expect(taking.map(({ name }) => name)).to.deep.equal(["site-a-shared-objects"]);
    const shared = kubernetes(run).filter(({ provider }) => provider.includes("::site-a-shared-objects::"));
    const kinds = ["dnsrecords.dns.mesh.io", "dnspools.dns.mesh.io"];
    expect(shared.map(nameOf)).to.have.members([...kinds, ...run.all("ClusterRole").map(nameOf)]);
    for (const { retainOnDelete } of shared) expect(retainOnDelete).to.equal(true);
  });

  it("never creates a fixed-name object before it deletes the old one", async () => {
    for (const resource of kubernetes(await up("site-a", { config: { replicas: "3" } }))) {
      expect(resource.deleteBeforeReplace, `${resource.type} ${nameOf(resource)}`).to.equal(true);
    }
  });

  it("protects the namespace, which the volumes go with, unless told otherwise", async () => {
    expect((await up("site-a")).one("Namespace").protect).to.equal(true);
    expect((await up("site-a", { config: { protect: "false" } })).one("Namespace").protect).to.equal(false);
  });

  it("keeps volumes when pods, replicas or the whole set go", async () => {
    const { spec } = (await up("site-a", { config: { storageClass: "fast", storageSize: "5Gi" } })).one("StatefulSet")
      .inputs as k8s.types.output.apps.v1.StatefulSet;
    expect(spec.persistentVolumeClaimRetentionPolicy).to.deep.equal({ whenDeleted: "Retain", whenScaled: "Retain" });
    expect(spec.volumeClaimTemplates[0]?.spec).to.deep.equal({
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "5Gi" } },
      storageClassName: "fast",
    });
  });

  describe("Pod Security", () => {
    it("is enforced as restricted on the namespace", async () => {
      const labels = ((await up("site-a")).one("Namespace").inputs as { metadata: { labels: object } }).metadata.labels;
      for (const mode of ["enforce", "audit", "warn"])
        expect(labels).to.include({ [`pod-security.kubernetes.io/${mode}`]: "restricted" });
    });

    it("is kept by every pod: no root, no capabilities, read-only root", async () => {
      for (const spec of podSpecs(await up("site-a"))) {
        expect(spec.securityContext).to.deep.include({
          runAsNonRoot: true,
          runAsUser: 53,
          fsGroup: 53,
          seccompProfile: { type: "RuntimeDefault" },
        });
        for (const { securityContext, name } of containersOf(spec)) {
          expect(securityContext, name).to.deep.equal({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          });
        }
      }
    });

    it("gives Knot's pods no API token, and one each to the programs that talk to the API", async () => {
      const run = await up("site-a");
      const accounts = podSpecs(run).map((spec) => spec.serviceAccountName);
      expect(podSpecs(run).map((spec) => spec.automountServiceAccountToken)).to.deep.equal([false, true, true]);
      expect(accounts).to.deep.equal(["knot", "reconciler", "record-operator"]);
      expect(run.one("ServiceAccount", "knot").inputs).to.include({ automountServiceAccountToken: false });
    });

    it("bounds every container's memory and asks for something", async () => {
      for (const { resources, name } of podSpecs(await up("site-a")).flatMap(containersOf)) {
        expect(resources.limits, name).to.have.property("memory");
        expect(resources.requests, name).to.include.keys("cpu", "memory");
      }
    });
  });

  describe("roles", () => {
    it("give the primary alone the central zones as files", async () => {
      const central = (run: Run): string[] =>
        run
          .all("ConfigMap")
          .map(nameOf)
          .filter((name) => name.startsWith("central-zones"))
          .sort();
      const primary = await up("site-a");
      expect(central(primary)).to.deep.equal([
        "central-zones-0",
        "central-zones-1",
        "central-zones-2",
        "central-zones-3",
      ]);
      expect(environment(podSpecs(primary)[0]?.containers[1])).to.include({
        DNS_MESH_CENTRAL: "/etc/dns-mesh-central",
      });
      for (const site of ["site-b", "site-c"]) {
        const run = await up(site);
        expect(central(run)).to.be.empty;
        expect(JSON.stringify(run.one("StatefulSet").inputs)).not.to.contain("central");
      }
    });

    it("pack the central zones so that the agent can unpack them", async () => {
      const run = await up("site-a");
      const { data, binaryData } = run.one("ConfigMap", "central-zones-0").inputs as Record<
        "data" | "binaryData",
        Record<string, string>
      >;
      const { unpackCentralZones } = await import("../../../../src/mesh/central-parts");
      const files = new Map<string, Buffer>([
        ["manifest.json", Buffer.from(data["manifest.json"] ?? "")],
        ["part-0", Buffer.from(binaryData["part-0"] ?? "", "base64")],
      ]);
      expect(unpackCentralZones(files)?.directory).to.equal(sharedOutputs().outputs["directory"]);
      expect(run.one("ConfigMap", "central-zones-1").inputs).not.to.have.any.keys("data", "binaryData");
    });
  });

  describe("several replicas", () => {
    it("get an address each, which all agents and the reconciler know", async () => {
      const run = await up("site-a", { config: { replicas: "3" } });
      const names = run.all("Service").map(nameOf);
      expect(names).to.have.members(["knot", "knot-headless", "knot-writer", "knot-0", "knot-1", "knot-2"]);
      const addresses = ["10.96.0.0", "10.96.0.1", "10.96.0.2"];
      expect(liveSettingsOf(run).pods).to.deep.equal({ addresses, port: 53, securePort: 853 });
      expect(run.one("StatefulSet").inputs).to.have.nested.property("spec.replicas", 3);
      expect(run.all("PodPatch").map(nameOf)).to.deep.equal(["knot-0", "knot-1", "knot-2"]);
    });

    it("are asked before they are ready by each other, and pod 0 alone by writers", async () => {
      const run = await up("site-a");
      const service = (name: string): k8s.types.output.core.v1.Service =>
        run.one("Service", name).inputs as k8s.types.output.core.v1.Service;
      expect(service("knot-1").spec.publishNotReadyAddresses).to.equal(true);
      expect(service("knot-1").spec.selector).to.include({ "statefulset.kubernetes.io/pod-name": "knot-1" });
      expect(service("knot-writer").spec.selector).to.include({ "statefulset.kubernetes.io/pod-name": "knot-0" });
      expect(service("knot-1").spec.ports.map(({ port, targetPort }) => [port, targetPort])).to.deep.equal([
        [53, 5353],
        [53, 5353],
        [853, 8853],
        [8053, 8053],
      ]);
      expect(service("knot-headless").spec.clusterIP).to.equal("None");
    });

    it("do not make `up` wait for endpoints that need the pods that need the addresses", async () => {
      const run = await up("site-a", { config: { replicas: "2" } });
      for (const name of ["knot-0", "knot-1", "knot-headless", "knot-writer"]) {
        expect(annotationsOf(run.one("Service", name))).to.include({ "pulumi.com/skipAwait": "true" });
      }
    });

    it("make `up` wait for the address of a load balancer, and not for pods to stay where they are", async () => {
      const awaited = async (service: object): Promise<unknown> => {
        const run = await up("site-a", { config: { service: JSON.stringify(service) } });
        const { "cloud.example/ip": cloud, ...own } = annotationsOf(run.one("Service", "knot"));
        expect(cloud).to.equal("one");
        return own;
      };
      const annotations = { "cloud.example/ip": "one" };
      const waits = { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}" };
      expect(await awaited({ annotations })).to.deep.equal(waits);
      expect(await awaited({ type: "NodePort", annotations, verifyAddress: false })).to.deep.equal({
        "pulumi.com/skipAwait": "true",
      });
    });

    it("have accounts that `up` does not wait for: Kubernetes makes nothing for them", async () => {
      const run = await up("site-a");
      const accounts = run.all("ServiceAccount");
      expect(accounts.map(nameOf)).to.include.members(["knot", "reconciler", "record-operator"]);
      for (const account of accounts) {
        expect(annotationsOf(account), nameOf(account)).to.include({ "pulumi.com/skipAwait": "true" });
        expect(account.inputs, nameOf(account)).to.include({ automountServiceAccountToken: false });
      }
    });

    it("are two unless the settings say otherwise, apart from each other by node and zone where that can be", async () => {
      const { spec } = (await up("site-a")).one("StatefulSet").inputs as k8s.types.output.apps.v1.StatefulSet;
      expect(spec.replicas).to.equal(2);
      const { affinity, topologySpreadConstraints } = spec.template.spec;
      expect(
        topologySpreadConstraints.map(({ topologyKey, whenUnsatisfiable }) => [topologyKey, whenUnsatisfiable]),
      ).to.deep.equal([
        ["topology.kubernetes.io/zone", "ScheduleAnyway"],
        ["kubernetes.io/hostname", "ScheduleAnyway"],
      ]);
      const [apart] = affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
      expect(apart?.podAffinityTerm.topologyKey).to.equal("kubernetes.io/hostname");
      for (const { labelSelector } of [...topologySpreadConstraints, ...(apart ? [apart.podAffinityTerm] : [])])
        expect(spec.template.metadata.labels).to.include(labelSelector.matchLabels);
    });

    it("may be drained one at a time, also when there is one", async () => {
      for (const replicas of ["1", "2"]) {
        const budget = (await up("site-a", { config: { replicas } })).one("PodDisruptionBudget");
        expect(budget.inputs).to.have.nested.property("spec.maxUnavailable", 1);
      }
    });
  });

  describe("the public Service", () => {
    it("is one load balancer for UDP and TCP that keeps client addresses", async () => {
      const service = (await up("site-a")).one("Service", "knot").inputs as k8s.types.output.core.v1.Service;
      expect(service.spec).to.include({ type: "LoadBalancer", externalTrafficPolicy: "Local" });
      expect(
        service.spec.ports.map(({ port, protocol, targetPort }) => ({ port, protocol, targetPort })),
      ).to.deep.equal([
        { port: 53, protocol: "UDP", targetPort: 5353 },
        { port: 53, protocol: "TCP", targetPort: 5353 },
        { port: 853, protocol: "TCP", targetPort: 8853 },
      ]);
    });

    it("is two where protocols cannot be mixed", async () => {
      const run = await up("site-a", {
        config: { service: { split: true, annotations: { "example.com/shared": "dns" } } },
      });
      const ports = (name: string): string[] =>
        (run.one("Service", name).inputs as k8s.types.output.core.v1.Service).spec.ports.map(
          ({ protocol }) => protocol,
        );
      expect([ports("knot"), ports("knot-tcp")]).to.deep.equal([["UDP"], ["TCP", "TCP"]]);
      expect(run.one("Service", "knot-tcp").inputs).to.have.deep.nested.property("metadata.annotations", {
        "example.com/shared": "dns",
        "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}",
      });
      expect(run.outputs["addresses"]?.value).to.deep.equal(["192.0.2.1"]);
    });

    it("fails `up` when it got another address than the list has", async () => {
      const { log } = await up("site-a", { loadBalancer: ["192.0.2.7"] });
      expect(log.map(({ severity }) => severity)).to.deep.equal(["error"]);
      expect(log[0]?.message).to.match(/answers at 192\.0\.2\.7, but the mesh's list says 192\.0\.2\.1/);
      expect((await up("site-a")).log).to.be.empty;
    });

    it("only warns of it in a preview, which sees the address from before the cure", async () => {
      const { log } = await up("site-a", { loadBalancer: ["192.0.2.7"], preview: true });
      expect(log.map(({ severity }) => severity)).to.deep.equal(["warn"]);
    });

    it("is made anew when it asks for another address: a changed one would show the old for a while", async () => {
      expect((await up("site-a")).one("Service", "knot").replaceOnChanges).to.deep.equal(["spec.loadBalancerIP"]);
    });

    it("is taken as it is behind address translation", async () => {
      const run = await up("site-a", { loadBalancer: ["10.0.0.7"], config: { service: { verifyAddress: false } } });
      expect(run.outputs["addresses"]?.value).to.deep.equal(["10.0.0.7"]);
    });

    it("takes type, external addresses and traffic policy from the settings", async () => {
      const service = { type: "NodePort", externalIPs: ["192.0.2.1"], externalTrafficPolicy: "Cluster" };
      const run = await up("site-a", { config: { service } });
      expect(run.one("Service", "knot").inputs).to.have.property("spec").that.deep.includes(service);
    });
  });

  describe("what a running pod takes over", () => {
    it("annotates the pod and leaves its template alone", async () => {
      const before = await up("site-a");
      const changed = sharedOutputs();
      changed.outputs["directory"] = String(changed.outputs["directory"]).replaceAll("203.0.113.3", "203.0.113.33");
      changed.outputs["siteSecrets"] = { "site-a": { ...exampleSecrets("site-a"), certificate: "renewed" } };
      const after = await up("site-a", { stacks: { [sharedName]: changed } });
      expect(after.one("StatefulSet").inputs).to.deep.equal(before.one("StatefulSet").inputs);
      expect(after.one("PodPatch", "knot-0").inputs).not.to.deep.equal(before.one("PodPatch", "knot-0").inputs);
      expect(after.one("ConfigMap", "central-zones-0").inputs).not.to.deep.equal(
        before.one("ConfigMap", "central-zones-0").inputs,
      );
    });

    it("is not a new agent: that one needs new pods", async () => {
      const template = async (agent: string): Promise<unknown> =>
        ((await up("site-a", { agent })).one("StatefulSet").inputs as k8s.types.output.apps.v1.StatefulSet).spec
          .template.metadata.labels;
      expect(await template("old()")).not.to.deep.equal(await template("new()"));
    });

    it("takes the patch back without touching the pod, and past other owners", async () => {
      const patch = (await up("site-a")).one("PodPatch", "knot-1");
      expect(patch.retainOnDelete).to.equal(true);
      expect(annotationsOf(patch)).to.include({ "pulumi.com/patchForce": "true" });
    });

    it("patches no pod in a preview that does not exist yet", async () => {
      const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
      const preview = await up("site-a", { config: { replicas: "2" }, preview: true, runningPods: 1 });
      const wires = new Map(preview.all("PodPatch").map((patch) => [nameOf(patch), patch.wire]));
      expect(wires.get("knot-0")).not.to.contain(unknown);
      expect(wires.get("knot-1")).to.contain(unknown);
    });
  });

  describe("what the reconciler owns", () => {
    it("is created once and then left alone", async () => {
      const run = await up("site-a");
      expect(run.one("NetworkPolicy", "knot-peers").ignoreChanges).to.deep.equal(["spec"]);
      expect(run.one("ConfigMap", "mesh-status").ignoreChanges).to.deep.equal(["data"]);
      expect(run.one("ConfigMap", "mesh-status").inputs).not.to.have.property("data");
      expect(run.one("Secret", "zone-keys").ignoreChanges).to.deep.equal(["data"]);
      expect(run.one("NetworkPolicy", "knot-clients").ignoreChanges).to.be.empty;
    });

    it("is all that its role may touch, by name", async () => {
      const { rules } = (await up("site-a")).one("Role", "reconciler").inputs as {
        rules: { resources: string[]; resourceNames?: string[]; verbs: string[] }[];
      };
      expect(rules.map(({ resources, resourceNames, verbs }) => ({ resources, resourceNames, verbs }))).to.deep.equal([
        { resources: ["networkpolicies"], resourceNames: ["knot-peers"], verbs: ["get", "patch"] },
        { resources: ["configmaps"], resourceNames: ["mesh-status"], verbs: ["get", "patch"] },
        { resources: ["events"], resourceNames: undefined, verbs: ["create"] },
        { resources: ["secrets"], resourceNames: ["zone-keys"], verbs: ["get", "patch"] },
      ]);
    });

    it("starts from the catalog sites", async () => {
      const policy = JSON.stringify((await up("site-c")).one("NetworkPolicy", "knot-peers").inputs);
      expect(policy).to.contain("192.0.2.1/32").and.to.contain("198.51.100.2/32");
    });
  });

  it("runs the reconciler every five minutes or as the settings say, one at a time", async () => {
    for (const [config, schedule] of [
      [{}, "*/5 * * * *"],
      [{ reconcilerSchedule: "7 * * * *" }, "7 * * * *"],
    ] as const) {
      expect((await up("site-a", { config })).one("CronJob").inputs)
        .to.have.property("spec")
        .that.includes({ schedule, concurrencyPolicy: "Forbid" });
    }
  });

  it("limits answers as the settings say", async () => {
    const limit = async (config: Record<string, unknown>) => liveSettingsOf(await up("site-c", { config })).rateLimit;
    expect(await limit({ rateLimit: { perSecond: 70 } })).to.deep.equal({ perSecond: 70, burst: 500, exempt: [] });
    expect(await limit({ rateLimit: false })).to.equal(false);
  });

  describe("network policies", () => {
    const names = (run: Run): string[] => run.all("NetworkPolicy").map(nameOf);

    it("let the clients in that the settings name", async () => {
      const policy = (await up("site-a", { config: { clients: ["10.0.0.0/8"] } })).one("NetworkPolicy", "knot-clients");
      expect(policy.inputs).to.have.deep.nested.property("spec.ingress[0].from", [{ ipBlock: { cidr: "10.0.0.0/8" } }]);
    });

    it("let every site of the list in at the primary, which is the one that knows it", async () => {
      const policy = (await up("site-a")).one("NetworkPolicy", "knot-listed");
      expect(policy.ignoreChanges).to.be.empty;
      const blocks = (way: string, side: string): unknown[] =>
        (policy.inputs as { spec: Record<string, Record<string, { ipBlock: { cidr: string } }[]>[]> }).spec[way]?.[0]?.[
          side
        ]?.map(({ ipBlock }) => ipBlock.cidr) ?? [];
      const others = exampleMesh.sites.filter(({ name }) => name !== "site-a");
      expect(others).to.have.length.above(1);
      expect(blocks("ingress", "from")).to.have.members(others.flatMap(({ sources }) => sources));
      expect(blocks("egress", "to")).to.have.members(others.flatMap(({ addresses }) => addresses.map(hostCidr)));
    });

    it("deny the rest, once all that is allowed is there", async () => {
      const run = await up("site-c");
      expect(names(run)).to.have.members([
        "default-deny",
        "knot-clients",
        "knot-peers",
        "knot-site",
        "reconciler",
        "record-operator",
      ]);
      const urns = run.one("NetworkPolicy", "default-deny").dependencies.map((urn) => urn.split("::").at(-1));
      expect(urns).to.include.members([
        "site-c-policies-clients",
        "site-c-policies-peers",
        "site-c-policies-reconciler",
      ]);
    });

    it("let scrapers in and the API server be asked where the settings say", async () => {
      const config = { monitoring: { namespaceSelector: { team: "watch" } }, apiServer: ["192.0.2.10/32"] };
      const run = await up("site-a", { config });
      expect(run.one("NetworkPolicy", "knot-metrics").wire).to.contain('"matchLabels":{"team":"watch"}');
      expect(run.one("NetworkPolicy", "reconciler").wire).to.contain("192.0.2.10/32");
      const everybody: unknown = await up("site-a", { config: { monitoring: { namespaceSelector: {} } } }).catch(
        (error: unknown) => error,
      );
      expect(String(everybody)).to.match(/monitoring.*namespaceSelector.*at least one label/);
    });

    it("let pods reach the Vault that the shared stack or the site names, and look its name up", async () => {
      const stacks = { [sharedName]: sharedVaultOutputs() };
      const byName = await up("site-a", { stacks });
      expect(names(byName)).to.include.members(["vault", "key-rotator"]);
      expect(byName.one("NetworkPolicy", "vault").wire).to.contain("kube-dns").and.to.contain("443");
      const policies = (run: Run): string[] => podSpecs(run).map((spec) => spec.dnsPolicy);
      expect(policies(byName)).to.deep.equal(["ClusterFirst", "Default", "ClusterFirst", "Default"]);
      const config = { vault: { address: "http://192.0.2.20:8200" } };
      const byAddress = await up("site-a", { stacks, config });
      expect(byAddress.one("NetworkPolicy", "vault").wire).to.contain("192.0.2.20/32").and.not.to.contain("kube-dns");
      expect(policies(byAddress)).to.deep.equal(["Default", "Default", "Default", "Default"]);
    });
  });

  describe("what a cluster's monitoring finds of it", () => {
    const monitoring = (more: object) => ({
      config: { monitoring: { namespaceSelector: { team: "watch" }, ...more } },
    });
    const made = (run: Run): string[] =>
      run.resources
        .filter(({ name }) => name.startsWith("site-a-monitoring-"))
        .map((resource) => `${resource.type.split(":").at(-1) ?? ""} ${nameOf(resource)}`)
        .sort();

    it("is nothing unless the settings say how", async () => {
      expect(made(await up("site-a", monitoring({})))).to.deep.equal([]);
    });

    it("are objects of the Prometheus operator, with the labels that it selects by, about this site alone", async () => {
      const run = await up("site-a", monitoring({ scrape: "operator", labels: { release: "kps" } }));
      expect(made(run)).to.deep.equal(["PodMonitor knot", "PodMonitor record-operator", "PrometheusRule dns-mesh"]);
      for (const kind of ["PodMonitor", "PrometheusRule"])
        for (const object of run.all(kind)) expect(object.wire, kind).to.contain('"release":"kps"');
      expect(run.one("PrometheusRule", "dns-mesh").wire)
        .to.contain('absent(dns_mesh_agent_ready{site=\\"site-a\\"} == 1)')
        .and.not.to.contain("site-b");
      expect(
        (await up("site-a", monitoring({ scrape: "operator", rules: false }))).all("PrometheusRule"),
      ).to.deep.equal([]);
      const without = await up("site-a", {
        config: { records: "false", ...monitoring({ scrape: "operator" }).config },
      });
      expect(made(without)).to.deep.equal(["PodMonitor knot", "PrometheusRule dns-mesh"]);
    });

    it("judges backups and the reconciler by their schedules", async () => {
      const backups = {
        ...{ endpoint: "https://s3.example.com", bucket: "dns-backups", accessKey: "access", secretKey: "secret-key" },
        ...{ password: "password-of-the-repository", schedule: "0 3 * * *" },
      };
      const config = { ...monitoring({ scrape: "operator" }).config, backups, reconcilerSchedule: "*/10 * * * *" };
      const { wire } = (await up("site-a", { config })).one("PrometheusRule", "dns-mesh");
      expect(wire).to.contain("no backup for more than 3d").and.to.contain("pass for more than 30m");
    });

    it("are annotated Services without it, which select pods that are not ready, too", async () => {
      const run = await up("site-a", monitoring({ scrape: "annotations" }));
      expect(made(run)).to.deep.equal(["Service knot-metrics", "Service record-operator-metrics"]);
      const { metadata, spec } = run.one("Service", "knot-metrics").inputs as k8s.types.output.core.v1.Service;
      expect(metadata.annotations).to.include({ "prometheus.io/scrape": "true", "prometheus.io/port": "8053" });
      expect(metadata.labels).to.include({ site: "site-a" });
      expect([spec.clusterIP, spec.publishNotReadyAddresses]).to.deep.equal(["None", true]);
    });

    it("asks every address of every site for its own zones, or for those that are named", async () => {
      const prober = "blackbox:9115";
      const own = await up("site-c", monitoring({ scrape: "operator", probes: { prober } }));
      const zones = exampleMesh.sites.find(({ name }) => name === "site-c")?.zones ?? [];
      expect(own.all("Probe")).to.have.length(zones.length * exampleMesh.sites.length);
      const named = await up("site-c", monitoring({ scrape: "operator", probes: { prober, zones: ["example.org"] } }));
      expect(named.all("Probe").map(nameOf).sort()).to.deep.equal(
        exampleMesh.sites.map(({ name }) => `dns-example.org-at-${name}`).sort(),
      );
    });

    it("refuses more Probes than a cluster is to have, before anything is planned", async () => {
      const zones = Array.from({ length: 400 }, (_, i) => `z${i}.example.org`);
      const probes = { prober: "blackbox:9115", zones };
      const failure = await up("site-a", monitoring({ scrape: "operator", probes })).catch((error: unknown) => error);
      const count = zones.length * exampleMesh.sites.length;
      expect(failure).to.be.instanceOf(Error);
      expect(String(failure)).to.contain(`400 zones at ${exampleMesh.sites.length} sites are ${count} Probes`);
      expect(String(failure)).to.contain("probes.zones");
    });

    it("has the dashboard in a ConfigMap where that is wanted", async () => {
      const run = await up("site-a", monitoring({ dashboard: true }));
      const { metadata, data } = run.one("ConfigMap", "dns-mesh-dashboard")
        .inputs as k8s.types.output.core.v1.ConfigMap;
      expect(metadata.labels).to.include({ grafana_dashboard: "1" });
      expect(JSON.parse(data["dns-mesh.json"] ?? "")).to.include({ uid: "dns-mesh" });
    });
  });

  it("gives Secrets to the engine as secrets, and nothing of them to ConfigMaps", async () => {
    const reader = { name: "bind", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 9).toString("base64") };
    const [zone = { name: "" }] = exampleMesh.sites.find(({ name }) => name === "site-a")?.zones ?? [];
    const updater = { ...reader, name: "external-dns", zones: [zone.name], updateOwner: "zone", transfer: true };
    const run = await up("site-a", { config: { readers: [reader], updaters: [updater] } });
    const key = exampleSecrets("site-a").keyRing.current.secret;
    for (const secret of run.all("Secret")) expect(secret.wire).to.contain("1b47061264138c4ac30d75fd1eb44270");
    const ring =
      (run.one("Secret", "tsig-key-ring").inputs as { data: Record<string, string> }).data["ring.json"] ?? "";
    expect(Buffer.from(ring, "base64").toString()).to.contain(key);
    const data = (name: string, file: string): unknown =>
      JSON.parse(
        Buffer.from(
          (run.one("Secret", name).inputs as { data: Record<string, string> }).data[file]!,
          "base64",
        ).toString(),
      );
    expect(data("tsig-readers", "readers.json")).to.deep.equal([reader]);
    const filled = {
      ...updater,
      updateOwnerMatch: "sub-or-equal",
      updateOwnerName: [],
      updateType: defaultUpdateTypes,
    };
    expect(data("tsig-updaters", "updaters.json")).to.deep.equal([filled]);
    expect(data("tsig-local-key", "key.json")).to.include({ name: "local", algorithm: "hmac-sha256" });
    for (const other of [...run.all("ConfigMap"), run.one("StatefulSet"), run.one("CronJob")]) {
      expect(other.wire).not.to.contain(key).and.not.to.contain("PRIVATE").and.not.to.contain(reader.secret);
    }
  });

  it("refuses readers and updaters of zones that the site does not own, before anything is planned", async () => {
    const key = { name: "external-dns", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 9).toString("base64") };
    const updater = { ...key, zones: ["elsewhere.test"], updateOwner: "zone" };
    const failure = await up("site-a", { config: { updaters: [updater] } }).catch((error: unknown) => error);
    expect(String(failure)).to.match(
      /updaters\[0\]\.zones\[0\]: "elsewhere.test" is not a zone of site-a, which owns /,
    );
    expect(String(failure)).not.to.contain(key.secret);
    const reader = { ...key, zones: ["elsewhere.test"] };
    const other = await up("site-a", { config: { readers: [reader] } }).catch((error: unknown) => error);
    expect(String(other)).to.match(/readers\[0\]\.zones\[0\]: "elsewhere.test" is not a zone of site-a, which owns /);
  });

  it("refuses tenants' rules and sources for zones that are not the site's", async () => {
    const said = (records: object): Promise<string> =>
      up("site-a", { config: { records: JSON.stringify(records) } }).then(
        () => "",
        (error: unknown) => String(error),
      );
    const allow = [{ zones: ["*"] }, { zones: ["elsewhere.test"] }];
    expect(await said({ tenants: [{ namespaces: ["dns-system"], allow }] })).to.match(
      /records\.tenants\[0\]\.allow\[1\]\.zones\[0\]: "elsewhere.test" is not a zone of site-a/,
    );
    expect(await said({ sources: { zones: ["elsewhere.test"] } })).to.match(
      /dns-mesh:records\.sources\.zones\[0\]: "elsewhere.test" is not a zone of site-a/,
    );
  });

  it("lets agents reach the servers outside that are told of changes, and those in that take zones over TLS", async () => {
    const key = { name: "bind", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 9).toString("base64") };
    const run = await up("site-a", {
      config: { readers: [{ ...key, notify: ["198.51.100.53"], tls: ["203.0.113.0/24"] }] },
    });
    const policy = run.one("NetworkPolicy", "knot-readers");
    expect(policy.wire).to.contain("198.51.100.53/32").and.not.to.contain(key.secret);
    expect(run.one("NetworkPolicy", "knot-readers-tls").wire).to.contain("203.0.113.0/24");
  });

  it("has the key that sends updates on to the writer without an operator too, where there are several pods", async () => {
    const names = async (config: object): Promise<string[]> =>
      (await up("site-a", { config: { records: false, ...config } })).all("Secret").map(({ name }) => name);
    expect((await names({ replicas: 1 })).filter((name) => name.includes("records"))).to.deep.equal([]);
    expect((await names({})).filter((name) => name.includes("records"))).to.have.lengthOf(1);
  });
});
