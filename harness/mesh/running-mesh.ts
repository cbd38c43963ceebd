import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { packProgram } from "../../components/site/packed-program";
import type { AgentStatus } from "../../src/agents/sidecar/http/status";
import { DnsClient, type DnsServer } from "../../src/dns/client/dns-client";
import type { SoaData } from "../../src/dns/record";
import type { TsigKey } from "../../src/dns/tsig-key";
import { effectiveRing, signingKey } from "../../src/keyring/ring-document";
import type { WelcomePacket, WelcomeSecrets } from "../../src/mesh/model";
import { serverName } from "../../src/mesh/welcome";
import type { Cluster } from "../clusters";
import { podSerials } from "../dns/pod-serials";
import { eventually } from "../eventually";
import { ensureImages } from "../images";
import { createDriver, type DriverOptions, type MeshDriver, type OperationResult } from "../pulumi/driver";
import { type ReconcilerRun, runReconciler } from "./reconciler-run";

/** A zone in the one list with more than its name. */
interface ListedZone {
  name: string;
  retired?: string;
  dnssec?: boolean;
  zoneFile?: string;
  primaries?: readonly { address: string; key: string }[];
}

/** A site in the one list, as a user writes it. */
export interface ListedSite {
  name: string;
  role: "primary-catalog" | "secondary-catalog" | "standard";
  addresses: string[];
  /** What its load balancer has, where {@link withAuto} says that the addresses come from there. */
  found?: string[];
  sources: string[];
  zones: (string | ListedZone)[];
  retired?: string;
  vault?: { serviceAccountKeys: string[] };
}

/** The seed's three sites, and what each owns; further sites are standard. */
const seedSites = [
  { role: "primary-catalog", zone: "catalog-primary.internal.dns" },
  { role: "secondary-catalog", zone: "catalog-secondary.internal.dns" },
] as const;

/** The list entry of a cluster's site: asked at the load balancer's address, transferring from the node's. */
export function listedSite(cluster: Cluster, index: number): ListedSite {
  const seed = seedSites[index];
  return {
    name: cluster.name,
    role: seed?.role ?? "standard",
    addresses: cluster.families.map((family) => cluster.addressesIn(family).site),
    sources: cluster.families.map((family) => `${cluster.addressesIn(family).node}/${family === "IPv4" ? 32 : 128}`),
    zones: [seed?.zone ?? `standard-${index - 1}.internal.dns`],
  };
}

/** The same site with its addresses from its load balancer, as the list has that. */
export function withAuto(site: ListedSite): ListedSite {
  return { ...site, addresses: "auto" as never, found: site.addresses };
}

/** Names of the zones that a listed site owns. */
export function zoneNames(site: ListedSite): string[] {
  return site.zones.map((zone) => (typeof zone === "string" ? zone : zone.name));
}

/** What the two central zones are called in every test mesh. */
export const centralZones = ["dns.internal", "catalog.internal.dns"] as const;

export interface MeshOptions {
  readonly clusters: readonly Cluster[];
  /** Settings for every site's stack beside `shared`, `context` and `kubeconfig`. */
  readonly siteConfig?: Record<string, unknown>;
  readonly sharedConfig?: Record<string, unknown>;
  /** Fields of the list beside the central zones and the sites. */
  readonly list?: Readonly<Record<string, unknown>>;
  /** When the engine writes its state, as {@link DriverOptions} says. @default "each step" */
  readonly writes?: DriverOptions["writes"];
  /** Keeps Pulumi's state there instead of in a folder that goes with the mesh. */
  readonly workDir?: string;
}

/** A mesh on clusters, driven by the real engine with the program that users run. */
export class RunningMesh implements AsyncDisposable {
  readonly dns = new DnsClient({ timeoutMs: 2000 });
  readonly driver: MeshDriver;
  sites: ListedSite[];
  /** Where Pulumi keeps state and settings. */
  readonly workDir: string;
  /** By site, what stands at the end of the agent's program, which makes it another one. */
  readonly agentComments = new Map<string, string>();
  /** By site, a program in the place of the agent's. */
  readonly agentPrograms = new Map<string, string>();
  private readonly changes = new Map<string, Record<string, unknown>>();
  private sharedOutputs: ReturnType<MeshDriver["outputs"]> | undefined;

  constructor(private readonly options: MeshOptions) {
    this.workDir = options.workDir ?? mkdtempSync(join(tmpdir(), "dns-mesh-run-"));
    this.sites = [];
    this.driver = createDriver({
      workDir: this.workDir,
      projectName: "dns-mesh",
      program: () => loadProgram(this),
      ...(options.writes && { writes: options.writes }),
    });
  }

  /** Writes the list; `up("shared")` makes it so. */
  async list(sites: ListedSite[]): Promise<void> {
    this.sites = sites;
    await this.driver.setConfig("shared", {
      "dns-mesh:mesh": { directoryZone: centralZones[0], catalogZone: centralZones[1], ...this.options.list, sites },
      ...this.options.sharedConfig,
    });
  }

  /** Settings that a site's stack was given last, beside those of every stack. */
  settings(site: string): Readonly<Record<string, unknown>> {
    return this.changes.get(site) ?? {};
  }

  /** Points a site's stack at its cluster. */
  async configureSite(cluster: Cluster, changes: Record<string, unknown> = {}): Promise<void> {
    this.changes.set(cluster.name, changes);
    await this.driver.setConfig(cluster.name, {
      "dns-mesh:shared": "organization/dns-mesh/shared",
      ...(cluster.kubeconfig !== "" && { "dns-mesh:kubeconfig": cluster.kubeconfig }),
      "dns-mesh:context": cluster.context,
      // Tests and benches say where they are about several pods: those of a test share one machine.
      "dns-mesh:replicas": "1",
      ...(cluster.local ? await localSettings() : givenSettings()),
      ...this.options.siteConfig,
      ...changes,
    });
  }

  up(stack: string): Promise<OperationResult> {
    return this.driver.up(stack);
  }

  /** Brings up several stacks beside each other, and waits for all before it fails: none goes on in clusters that are gone. */
  async upAll(stacks: readonly string[]): Promise<void> {
    const ups = stacks.map((stack) => this.up(stack));
    await Promise.allSettled(ups);
    await Promise.all(ups);
  }

  cluster(site: string): Cluster {
    const cluster = this.options.clusters.find((one) => one.name === site);
    if (!cluster) throw new Error(`no cluster for site ${site}`);
    return cluster;
  }

  /** Every zone that a site must answer, central zones first. */
  zones(): string[] {
    return [...centralZones, ...this.sites.flatMap(zoneNames)];
  }

  /** The SOA that a site answers for a zone, asked from outside its cluster at the address in the list. */
  soa(site: string, zone: string): Promise<SoaData> {
    return this.dns.querySoa(this.server(site), zone);
  }

  /** Where a site is asked from outside its cluster: at the address in the list. */
  server(site: string): DnsServer {
    return { address: this.#address(site), port: 53 };
  }

  #address(site: string): string {
    const listed = this.sites.find((one) => one.name === site);
    return (listed?.found ?? listed?.addresses)?.[0] ?? this.cluster(site).siteAddress;
  }

  /** Waits until each pod of each of the sites answers each of the zones with one and the same serial. Returns zone → serial. */
  async converged(seconds: number, scope: { sites?: string[]; zones?: string[] } = {}): Promise<Map<string, number>> {
    const sites = scope.sites ?? this.sites.map((site) => site.name);
    const serials = new Map<string, number>();
    await eventually(seconds, async () => {
      for (const zone of scope.zones ?? this.zones()) {
        const answers = (await Promise.all(sites.map((site) => podSerials(this.dns, this.server(site), zone)))).flat();
        if (new Set(answers).size !== 1) throw new Error(`${zone}: ${sites.join(", ")} answer ${answers.join(", ")}`);
        serials.set(zone, answers[0] ?? 0);
      }
    });
    return serials;
  }

  /** Runs a command in a container of the site's first Knot pod, without the Kubernetes API where the cluster is our own. */
  private exec(site: string, container: "knot" | "agent", command: string[]): Promise<string> {
    return this.cluster(site).execInPod({ namespace: "dns-system", pod: "knot-0", container }, command);
  }

  /** What Knot's own tool says about a site's server. */
  knotc(site: string, ...args: string[]): Promise<string> {
    return this.exec(site, "knot", ["knotc", "-s", "/rundir/knot.sock", ...args]);
  }

  /** Each of Knot's files that names peers or zones, in one text. */
  knotFiles(site: string): Promise<string> {
    return this.exec(site, "knot", [
      "sh",
      "-c",
      "cat /storage/conf/peers.d/* /storage/conf/zones.d/* /storage/zones/local-catalog.invalid.zone",
    ]);
  }

  private agentGet(site: string, path: string): Promise<string> {
    const script = `fetch("http://127.0.0.1:8053${path}").then((r) => r.text()).then((t) => process.stdout.write(t))`;
    return this.exec(site, "agent", ["node", "-e", script]);
  }

  /** The agent's `/status`. */
  async status(site: string): Promise<AgentStatus> {
    return JSON.parse(await this.agentGet(site, "/status")) as AgentStatus;
  }

  /** What the agent of the site's first Knot pod logged. */
  agentLog(site: string): Promise<string> {
    return this.cluster(site).kubectl(["-n", "dns-system", "logs", "knot-0", "-c", "agent"]);
  }

  /** Messages of the Events of the site's namespace since a moment, in milliseconds since 1970. */
  async events(site: string, since: number): Promise<string> {
    const text = await this.cluster(site).kubectl(["-n", "dns-system", "get", "events", "-o", "json"]);
    const { items } = JSON.parse(text) as { items: { message: string; metadata: { creationTimestamp: string } }[] };
    const recent = items.filter(({ metadata }) => Date.parse(metadata.creationTimestamp) >= since);
    return recent.map(({ message }) => message).join("\n");
  }

  metrics(site: string): Promise<string> {
    return this.agentGet(site, "/metrics");
  }

  /** Ends the agent's working process as a crash would. */
  async killAgent(site: string): Promise<void> {
    const script =
      'const fs=require("node:fs");for(const p of fs.readdirSync("/proc"))' +
      'if(/^[0-9]+$/.test(p)&&Number(p)!==1&&Number(p)!==process.pid){const c=fs.readFileSync(`/proc/${p}/cmdline`,"utf8");' +
      'if(c.includes("agent.js"))process.kill(Number(p),"SIGKILL")}';
    await this.exec(site, "agent", ["node", "-e", script]);
  }

  /** Runs the reconciler's CronJob once, now, and waits for it. */
  async reconcile(site: string, options: { expectFailure?: boolean } = {}): Promise<ReconcilerRun> {
    const run = await runReconciler(this.cluster(site));
    if (run.failed && options.expectFailure !== true) throw new Error(`reconciler of ${site} failed:\n${run.log}`);
    return run;
  }

  /** The key that a site signs with now. */
  async signingKey(site: string): Promise<TsigKey> {
    return signingKey(effectiveRing((await this.#secretsOf(site)).keyRing, Date.now()));
  }

  /** Where a site gives zones to other sites, and what one of these shows there. */
  async transferServer(site: string, as: string): Promise<DnsServer> {
    const { certificate, privateKey } = await this.#secretsOf(as);
    const { ca } = await this.packet(as);
    const address = this.#address(site);
    const tls = { ca, cert: certificate, key: privateKey, serverName: serverName(site, centralZones[0]) };
    return { address, port: 853, tls };
  }

  /** What the shared stack tells a site. */
  async packet(site: string): Promise<WelcomePacket> {
    const packets = (await this.#shared())["sites"]?.value as Record<string, WelcomePacket> | undefined;
    const found = packets?.[site];
    if (found === undefined) throw new Error(`the shared stack has no packet for ${site}`);
    return found;
  }

  /** From the shared stack's secret outputs. */
  async #secretsOf(site: string): Promise<WelcomeSecrets> {
    const secrets = (await this.#shared())["siteSecrets"]?.value as Record<string, WelcomeSecrets> | undefined;
    const found = secrets?.[site];
    if (found === undefined) throw new Error(`the shared stack has no secrets for ${site}`);
    return found;
  }

  /** The shared stack's outputs, which are asked for once. */
  #shared(): ReturnType<MeshDriver["outputs"]> {
    this.sharedOutputs ??= this.driver.outputs("shared");
    return this.sharedOutputs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    if (this.options.workDir === undefined) rmSync(this.workDir, { recursive: true, force: true });
  }
}

/** Clusters of our own have no registry, only the images that were imported; and they go away as a whole. */
async function localSettings(): Promise<Record<string, unknown>> {
  const { knot, node, restic } = await ensureImages();
  return {
    "dns-mesh:images": { knot: knot.name, node: node.name, restic: restic.name },
    "dns-mesh:protect": "false",
    // Most tests that end a pod are not about whom it served.
    "dns-mesh:drainSeconds": "0",
  };
}

/** Given clusters pull the stock images, or those that DNS_MESH_KNOT_IMAGE and DNS_MESH_NODE_IMAGE name. */
function givenSettings(): Record<string, unknown> {
  const { DNS_MESH_KNOT_IMAGE: knot, DNS_MESH_NODE_IMAGE: node } = process.env;
  const images = { ...(knot !== undefined && { knot }), ...(node !== undefined && { node }) };
  return Object.keys(images).length > 0 ? { "dns-mesh:images": images } : {};
}

/** Runs program.ts as `pulumi up` would: the module exports an async function. */
async function loadProgram({
  agentComments,
  agentPrograms,
}: Pick<RunningMesh, "agentComments" | "agentPrograms">): Promise<Record<string, unknown>> {
  const [comment, text] = [agentComments.get(pulumi.getStack()), agentPrograms.get(pulumi.getStack())];
  if (comment !== undefined) pulumi.runtime.registerStackTransformation(otherAgent(comment));
  if (text !== undefined) pulumi.runtime.registerStackTransformation(withAgent(text));
  const module = (await import("../../program")) as unknown as { default: () => Promise<Record<string, unknown>> };
  return module.default();
}

/** Puts a program in the place of the agent's, from the beginning on: the pod template does not tell. */
function withAgent(text: string): pulumi.ResourceTransformation {
  return ({ props, opts }) => {
    const { data } = props as { data?: Record<string, unknown> };
    if (typeof data?.["agent.js"] === "string") Object.assign(props, packProgram("agent", text));
    return { props: props, opts };
  };
}

/** Changes the agent's program, and the pod template with it, as another version of this program would. */
function otherAgent(comment: string): pulumi.ResourceTransformation {
  return ({ type, props, opts }) => {
    const { data, spec } = props as {
      data?: Record<string, unknown>;
      spec?: { template: { metadata: { labels: Record<string, string> } } };
    };
    const program = data?.["agent.js"];
    if (data !== undefined && typeof program === "string") data["agent.js"] = `${program}// ${comment}\n`;
    if (type === "kubernetes:apps/v1:StatefulSet" && spec)
      spec.template.metadata.labels["dns-mesh/agent"] = comment.replace(/\W+/g, "-").replace(/-$/, "");
    return { props: props, opts };
  };
}
