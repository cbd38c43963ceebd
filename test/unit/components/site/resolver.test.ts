import type * as k8s from "@pulumi/kubernetes";
import { expect } from "chai";
import { parse } from "yaml";
import { blocksOf } from "../../../../harness/docs/blocks";
import { resolverLabels } from "../../../../src/contract/names";
import { nameOf, type Run } from "../recorded-stack";
import { containersOf, environment, up } from "./site-run";

type Deployment = k8s.types.output.apps.v1.Deployment;
type Service = k8s.types.output.core.v1.Service;

function deployment(run: Run): Deployment {
  return run.one("Deployment", "resolver").inputs as Deployment;
}

describe("a site's resolver", () => {
  it("is not there unless it is asked for", async () => {
    const run = await up("site-c");
    const names = run.resources.map(nameOf);
    expect(names.filter((name) => name.includes("resolver"))).to.deep.equal([]);
  });

  it("has two pods that keep apart, of which one may be away at a time", async () => {
    const run = await up("site-c", { config: { resolver: {} } });
    const { spec } = deployment(run);
    expect(spec.replicas).to.equal(2);
    expect(spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution).to.have.length(
      1,
    );
    expect((run.one("PodDisruptionBudget", "resolver").inputs as { spec: object }).spec).to.deep.include({
      maxUnavailable: 1,
    });
  });

  it("runs as Pod Security `restricted` wants it, without a token, and finds every file that it reads", async () => {
    const run = await up("site-c", { config: { resolver: { tlsSecret: "resolver-tls" } } });
    const pod = deployment(run).spec.template.spec;
    expect(pod.automountServiceAccountToken).to.equal(false);
    expect(pod.securityContext).to.deep.include({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    for (const { securityContext } of containersOf(pod))
      expect(securityContext).to.deep.equal({
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
        capabilities: { drop: ["ALL"] },
      });
    const agent = pod.containers.find(({ name }) => name === "agent");
    const mounted = (agent?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
    const files = Object.values<string | undefined>(environment(agent)).filter((value) => value?.startsWith("/"));
    for (const file of files)
      expect(mounted.some((path) => file === path || file?.startsWith(`${path}/`))).to.equal(true);
    expect(files).to.have.length(4);
    const kresd = pod.containers.find(({ name }) => name === "kresd");
    expect(kresd?.volumeMounts.map(({ mountPath }) => mountPath)).to.deep.equal([
      "/resolver",
      "/etc/dns-mesh-resolver-tls",
    ]);
  });

  it("is ended and left out for what Knot Resolver itself does, not for its agent, and gets nobody before it listens", async () => {
    const run = await up("site-c", { config: { resolver: {} } });
    const [kresd, agent] = deployment(run).spec.template.spec.containers;
    const { startupProbe, livenessProbe, readinessProbe } = kresd!;
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      expect(probe).not.to.have.any.keys("httpGet", "exec");
      expect(kresd!.ports).to.deep.include({
        ...{ name: "dns-tcp", protocol: "TCP" },
        containerPort: probe.tcpSocket.port,
      });
    }
    // It has all the time in the world for its first configuration, which may take until the site has a Knot.
    expect(startupProbe.failureThreshold * startupProbe.periodSeconds).to.be.greaterThan(365 * 86_400);
    expect(agent!.readinessProbe.httpGet.path).to.equal("/ready");
    expect(agent!.livenessProbe.httpGet.path).to.equal("/live");
  });

  it("answers on the address that the settings give, over TLS where there is a Secret, and asks upstreams", async () => {
    const resolver = { clusterIP: "10.96.0.53", tlsSecret: "resolver-tls", upstreams: ["10.0.0.2", "10.0.0.3"] };
    const run = await up("site-c", { config: { resolver } });
    const { spec } = run.one("Service", "resolver").inputs as Service;
    expect(spec.clusterIP).to.equal("10.96.0.53");
    expect(spec.ports.map(({ name, port }) => `${name} ${port}`)).to.deep.equal([
      ...["dns-udp 53", "dns-tcp 53", "dns-tls 853"],
    ]);
    const [, agent] = deployment(run).spec.template.spec.containers;
    expect(environment(agent)).to.include({ DNS_MESH_UPSTREAMS: "10.0.0.2,10.0.0.3" });
    const lax = await up("site-c", { config: { resolver: { ...resolver, validateUpstreams: false } } });
    const [, laxAgent] = deployment(lax).spec.template.spec.containers;
    expect(environment(laxAgent))
      .to.include({ DNS_MESH_UNVALIDATED_UPSTREAMS: "10.0.0.2,10.0.0.3" })
      .and.not.to.have.any.keys("DNS_MESH_UPSTREAMS");
  });

  it("is watched where the site is, and only then is somebody let in for that", async () => {
    const monitoring = { namespaceSelector: { team: "dns" }, scrape: "operator" };
    const run = await up("site-c", { config: { resolver: {}, monitoring } });
    expect((run.one("PodMonitor", "resolver").inputs as { spec: object }).spec).to.deep.include({
      selector: { matchLabels: resolverLabels },
    });
    const watched = async (config: Record<string, unknown>): Promise<readonly string[]> => {
      const policy = (await up("site-c", { config })).one("NetworkPolicy", "knot-metrics");
      const { spec } = policy.inputs as { spec: { podSelector: { matchExpressions: { values: string[] }[] } } };
      return spec.podSelector.matchExpressions.flatMap(({ values }) => values);
    };
    expect(await watched({ resolver: {}, monitoring })).to.deep.equal(["knot", "record-operator", "resolver"]);
    expect(await watched({ monitoring })).to.deep.equal(["knot", "record-operator"]);
  });

  it("is brought up by the settings of the guide, and answers where its pod asks", async () => {
    const [settings = "", pod = ""] = blocksOf("docs/clients.md#a-resolver-in-the-cluster", "yaml");
    const { config } = parse(settings) as { config: Record<string, unknown> };
    const run = await up("site-c", { config: { resolver: config["dns-mesh:resolver"] } });
    const { spec } = run.one("Service", "resolver").inputs as Service;
    const client = parse(pod) as k8s.types.output.core.v1.Pod;
    expect(client.spec.dnsConfig.nameservers).to.deep.equal([spec.clusterIP]);
  });
});
