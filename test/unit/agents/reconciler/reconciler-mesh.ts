import { DnsError } from "../../../../src/dns/errors";
import { type KeptKeys, keptKeysFile } from "../../../../src/contract/kept-keys";
import type { RecordData, ResourceRecord } from "../../../../src/dns/record";
import { catalogEpochName, memberId } from "../../../../src/mesh/catalog";
import { epochFacts, type SignedEpoch } from "../../../../src/mesh/epoch";
import type { AgentStatus } from "../../../../src/agents/sidecar/http/status";
import { createLogger } from "../../../../src/base/log";
import type { ReconcilerCluster } from "../../../../src/agents/reconciler/cluster";
import type { PassDeps } from "../../../../src/agents/reconciler/options";
import { runPass, type PassResult } from "../../../../src/agents/reconciler/pass";
import type { Report } from "../../../../src/contract/mesh-status";
import type { ReconcilerReport } from "../../../../src/contract/reconciler-report";
import { KubeError, type KubeObject } from "../../../../src/kube/answer";
import type { TsigKey } from "../../../../src/dns/tsig-key";
import type { WelcomePacket } from "../../../../src/mesh/model";
import { peerPolicySpec } from "../../../../src/policies/network-policy";
import { readMeshView } from "../../../../src/mesh/read-view";
import { type MeshView, viewHash } from "../../../../src/mesh/view";

const directoryZone = "dns.internal";
const catalogZone = "catalog.internal.dns";
const catalog = {
  name: "site-a",
  role: "primary-catalog",
  addresses: ["192.0.2.1"],
  sources: ["192.0.2.1/32"],
} as const;

/** What the site was welcomed with. */
export const packet: WelcomePacket = {
  version: 1,
  directoryZone,
  catalogZone,
  transport: "tls",
  site: { name: "site-b", role: "standard", addresses: ["192.0.2.2"], sources: ["192.0.2.2/32"], zones: [] },
  catalogs: [catalog],
  ca: "",
};

const key: TsigKey = { name: "local", algorithm: "hmac-sha256", secret: "c2VjcmV0LXNlY3JldC1zZWNyZXQ=" };

/** The records of both central zones of a mesh whose sites own a zone each. */
export function centralZones(
  sites: readonly string[],
  serial: number,
  epoch?: SignedEpoch,
): Record<string, ResourceRecord[]> {
  const zones = sites.map((site) => ({ site, zone: `zone-of-${site}.example` }));
  const counts = ["version=1", `sites=${sites.length}`, `zones=${sites.length}`];
  return {
    [directoryZone]: [
      soa(directoryZone, serial),
      txt(`_mesh.${directoryZone}`, [...counts, ...(epoch ? epochFacts(epoch) : [])]),
      ...sites.flatMap((site) => [
        record(`${site}.${directoryZone}`, { type: "A", address: addressOf(site) }),
        txt(`${site}.${directoryZone}`, [
          `role=${site === "site-a" ? "primary-catalog" : "standard"}`,
          `source=${addressOf(site)}/32`,
        ]),
      ]),
      ...zones.map(({ site, zone }) => txt(`${zone}._zone.${directoryZone}`, [`server=${site}.${directoryZone}`])),
    ],
    [catalogZone]: [
      soa(catalogZone, serial),
      txt(`version.${catalogZone}`, ["2"]),
      ...(epoch
        ? [txt(catalogEpochName(catalogZone), epochFacts({ number: epoch.number, primary: epoch.primary }))]
        : []),
      ...zones.flatMap(({ site, zone }) => [
        record(`${memberId(zone)}.zones.${catalogZone}`, { type: "PTR", target: zone }),
        txt(`group.${memberId(zone)}.zones.${catalogZone}`, [site]),
      ]),
    ],
  };
}

/** `site-c` is 192.0.2.3. */
export function addressOf(site: string): string {
  return `192.0.2.${site.charCodeAt(site.length - 1) - 96}`;
}

function viewOf(sites: readonly string[], serial: number): MeshView {
  const zones = centralZones(sites, serial);
  const [directory = [], members = []] = [zones[directoryZone], zones[catalogZone]];
  const discovery = readMeshView({ directoryZone, catalogZone, directory, catalog: members });
  if (discovery.kind === "refused") throw new Error(discovery.refusal.reason);
  return discovery.view;
}

function record(name: string, data: RecordData): ResourceRecord {
  return { name, class: "IN", ttl: 60, ...data };
}

function txt(name: string, strings: readonly string[]): ResourceRecord {
  return record(name, { type: "TXT", strings });
}

function soa(name: string, serial: number): ResourceRecord {
  const times = { refresh: 60, retry: 10, expire: 3_628_800, minimum: 10 };
  return record(name, { type: "SOA", mname: "invalid", rname: "invalid", serial, ...times });
}

/** One Knot pod with its agent. */
export interface FakePod {
  zones: Record<string, ResourceRecord[]>;
  knot: "up" | "down" | "no-transfer";
  agent: "up" | "down";
  status: AgentStatus;
  /** What its agent wants kept. */
  zoneKeys?: KeptKeys;
  pokes: number;
  /** What the reconciler told its agent. */
  reports: { readonly report: ReconcilerReport; readonly token: string }[];
  /** What a poke leads to. */
  onPoke: () => void;
}

/** A site with everything that the reconciler talks to, in memory. */
export class FakeSite {
  readonly pods: FakePod[];
  packet: WelcomePacket = packet;
  policy: KubeObject | undefined;
  status: KubeObject | undefined = { metadata: { name: "mesh-status" } };
  zoneKeys: KubeObject | undefined = { metadata: { resourceVersion: "1" } };
  /** What happens before they are written. */
  whenZoneKeysAreRead: () => unknown = () => undefined;
  events: KubeObject[] = [];
  apiUp = true;
  now = Date.parse("2026-11-23T12:00:00Z");
  log: string[] = [];
  /** Specs that were applied. */
  applied: unknown[] = [];
  #generation = 1;

  constructor(sites: readonly string[], replicas = 1) {
    this.policy = { metadata: { uid: "u1", generation: 1 }, spec: peerPolicySpec({ packet }) };
    this.pods = Array.from({ length: replicas }, (_, i) => ({
      zones: {},
      knot: "up",
      agent: "up",
      status: idleStatus(`knot-${i}`),
      pokes: 0,
      reports: [],
      onPoke: () => undefined,
    }));
    this.publish(sites, 100);
  }

  /** All pods serve these central zones; the agents have applied them unless told otherwise. */
  publish(sites: readonly string[], serial: number, options: { applied?: boolean } = {}): void {
    for (const pod of this.pods) {
      pod.zones = centralZones(sites, serial);
      if (options.applied !== false) this.applyAt(pod, sites, serial);
    }
  }

  applyAt(pod: FakePod, sites: readonly string[], serial: number): void {
    const at = "2026-11-23T12:00:00Z";
    const hash = viewHash(viewOf(sites, serial));
    pod.status = { ...pod.status, applied: { directorySerial: serial, catalogSerial: serial, hash, at } };
  }

  /** Somebody edits the policy by hand. */
  editPolicy(spec: unknown): void {
    this.policy = { metadata: { uid: "u1", generation: ++this.#generation }, spec };
  }

  get report(): Report {
    const data = this.status?.["data"] as Record<string, string>;
    return JSON.parse(data["report.json"]!) as Report;
  }

  /** Texts of the Events so far. */
  get told(): string[] {
    return this.events.map(
      (event) => `${String(event["type"])} ${String(event["reason"])}: ${String(event["message"])}`,
    );
  }

  /** One pass, a minute after the one before. */
  async pass(): Promise<PassResult> {
    this.now += 60_000;
    const dns = this.#dns();
    const cluster = this.#cluster();
    const options = {
      packetFile: "",
      localKeyFile: "",
      namespace: "dns-system",
      pod: "reconciler-1",
      remotePort: 53,
      securePort: 853,
      pods: this.pods.map((_, i) => ({ name: `knot-${i}`, address: String(i) })),
    };
    const log = createLogger({ write: (line) => this.log.push(line), now: () => this.now });
    // Two looks, whatever the time is: the clock goes on by itself while agents are waited for.
    let ticks = 0;
    const now = (): number => this.now + ticks++;
    const patience = { totalMs: 6, stepMs: 1 };
    return runPass({ options, packet: this.packet, key, dns, cluster, agents: this.#agents(), log, now, patience });
  }

  #dns(): PassDeps["dns"] {
    const counters = { udpQueries: 0, tcpQueries: 0, transfers: 0, notifies: 0 };
    const pod = (address: string): FakePod => this.pods[Number(address)]!;
    return {
      counters,
      querySoa: ({ address }, zone) => {
        counters.udpQueries++;
        if (pod(address).knot === "down") return Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
        const found = pod(address).zones[zone]?.[0];
        return found?.type === "SOA" ? Promise.resolve(found) : Promise.reject(new DnsError({ kind: "absent" }));
      },
      transfer: ({ address }, zone) => {
        counters.transfers++;
        const { knot, zones } = pod(address);
        if (knot !== "up") return Promise.reject(new DnsError({ kind: "incomplete", detail: "no closing SOA" }));
        return Promise.resolve(zones[zone] ?? []);
      },
    };
  }

  #agents(): PassDeps["agents"] {
    const pod = (address: string): FakePod => this.pods[Number(address)]!;
    return {
      status: ({ address }) =>
        pod(address).agent === "up"
          ? Promise.resolve(pod(address).status)
          : Promise.reject(new Error(`the agent at ${address} does not answer`)),
      zoneKeys: ({ address }) =>
        pod(address).agent === "up"
          ? Promise.resolve(pod(address).zoneKeys)
          : Promise.reject(new Error(`the agent at ${address} does not answer`)),
      poke: ({ address }) => {
        pod(address).pokes++;
        pod(address).onPoke();
        return Promise.resolve();
      },
      reportPass: ({ address }, report, token) => {
        if (pod(address).agent === "down") return Promise.reject(new Error(`the agent at ${address} does not answer`));
        pod(address).reports.push({ report, token });
        return Promise.resolve();
      },
    };
  }

  #cluster(): ReconcilerCluster {
    const counters = { reads: 0, writes: 0 };
    const call = <T>(kind: "reads" | "writes", work: () => T): Promise<T> => {
      counters[kind]++;
      if (this.apiUp) return Promise.resolve(work());
      return Promise.reject(new KubeError("GET /x: the Kubernetes API is away: connect ECONNREFUSED"));
    };
    return {
      counters,
      readPolicy: () => call("reads", () => this.policy),
      readStatus: () => call("reads", () => this.status),
      applyPolicy: (spec) =>
        call("writes", () => {
          this.applied.push(spec);
          this.policy = { metadata: { uid: "u1", generation: ++this.#generation }, spec };
          return this.policy;
        }),
      applyStatus: (status) =>
        call("writes", () => {
          this.status = { metadata: { name: "mesh-status" }, ...status };
        }),
      readZoneKeys: () =>
        call("reads", () => {
          const read = this.zoneKeys;
          this.whenZoneKeysAreRead();
          return read;
        }),
      writeZoneKeys: (copy, read) =>
        call("writes", () => {
          const version = Number(this.zoneKeys?.metadata?.resourceVersion);
          if (read.metadata?.resourceVersion !== String(version)) throw new KubeError("PATCH /x: 409: Conflict");
          const data = { [keptKeysFile]: Buffer.from(JSON.stringify(copy)).toString("base64") };
          this.zoneKeys = { metadata: { resourceVersion: String(version + 1) }, data };
        }),
      createEvent: (event) => call("writes", () => void this.events.push(event)),
    };
  }
}

function idleStatus(pod: string): AgentStatus {
  return {
    site: "site-b",
    pod,
    ready: true,
    observed: {},
    peers: 0,
    zones: 0,
    emptyZones: 0,
    held: [],
    problems: [],
    counters: { dnsQueries: 0, transfers: 0, notifies: 0, passes: 0, reloads: 0 },
  };
}
