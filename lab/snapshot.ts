import { inParallel } from "../src/base/in-parallel";
import { table } from "../src/base/table";
import { isNewerSerial } from "../src/dns/serial";
import type { Lab } from "./lab";

/** One site at one moment, or one pod of a site that has several. */
export interface LabSiteView {
  /** The site's; `site/ordinal` for a pod that is not the writer. */
  readonly name: string;
  readonly role: string;
  readonly address: string;
  /** Whether its programs run and its link is there. */
  readonly state: "up" | "cut" | "no knot" | "no agent" | "down";
  /** What only its agent knows; missing when that could not be asked. */
  readonly agent?: { readonly ready: boolean; readonly peers: number; readonly problems: readonly string[] };
  /** Zones of the mesh that it has with their owner's serial, that it has older, and that it has not at all. */
  readonly current: number;
  readonly lagging: readonly string[];
  readonly empty: readonly string[];
  /** Sent and received since it joined, where the network counts. */
  readonly packets?: number;
}

/** All sites at one moment. */
export interface Snapshot {
  readonly sites: readonly LabSiteView[];
  readonly zones: number;
}

/** Sites that are asked at a time. */
const width = 16;

/** Serial of each zone that a Knot has, by name. */
type Serials = ReadonlyMap<string, number>;

/** Asks every Knot over its control socket, so that a cut site is seen too, and every agent that can be reached. */
export async function takeSnapshot(lab: Lab): Promise<Snapshot> {
  const zones = lab.zones();
  const serials = new Map<string, Serials>();
  const agents = new Map<string, LabSiteView["agent"]>();
  const pods = lab.list.flatMap((site) => lab.podNames(site.name).map((name) => ({ ...site, name, site: site.name })));
  await inParallel(width, pods, async ({ name, site }) => {
    serials.set(name, await serialsOf(lab, name));
    agents.set(name, lab.network.isCut(site) ? undefined : await agentOf(lab, name));
  });
  const wanted = new Map(zones.map((zone) => [zone, wantedSerial(zone, lab.plan.owner(zone) ?? "", serials)]));
  const sites = pods.map(({ name, site, role, addresses }): LabSiteView => {
    const own = serials.get(name) ?? new Map<string, number>();
    const empty = zones.filter((zone) => !own.has(zone));
    const lagging = zones.filter((zone) =>
      isNewerSerial(wanted.get(zone) ?? 0, own.get(zone) ?? wanted.get(zone) ?? 0),
    );
    const agent = agents.get(name);
    const packets = name === site ? lab.network.packets(site) : undefined;
    const address = lab.sites.get(name)?.address ?? addresses[0] ?? "";
    return {
      name,
      role,
      address,
      state: stateOf(lab, name, site),
      ...(agent !== undefined && { agent }),
      current: zones.length - empty.length - lagging.length,
      lagging,
      empty,
      ...(packets !== undefined && { packets: packets.sent + packets.received }),
    };
  });
  return { sites, zones: zones.length };
}

async function serialsOf(lab: Lab, name: string): Promise<Serials> {
  const states = await lab.sites
    .get(name)
    ?.control.zoneStatus()
    .catch(() => undefined);
  return new Map(states?.flatMap(({ zone, serial }) => (serial === undefined ? [] : [[zone, serial] as const])));
}

async function agentOf(lab: Lab, name: string): Promise<LabSiteView["agent"]> {
  const site = lab.sites.get(name);
  if (site?.pids.agent === undefined) return undefined;
  const status = await site.status().catch(() => undefined);
  return status && { ready: status.ready, peers: status.peers, problems: status.problems.map(({ kind }) => kind) };
}

function stateOf(lab: Lab, name: string, site: string): LabSiteView["state"] {
  const pids = lab.sites.get(name)?.pids;
  if (pids?.knot === undefined && pids?.agent === undefined) return "down";
  if (lab.network.isCut(site)) return "cut";
  if (pids.knot === undefined) return "no knot";
  return pids.agent === undefined ? "no agent" : "up";
}

/** The owner's serial; that of the newest copy while the owner is away. */
function wantedSerial(zone: string, owner: string, serials: ReadonlyMap<string, Serials>): number {
  const own = serials.get(owner)?.get(zone);
  if (own !== undefined) return own;
  const copies = [...serials.values()].flatMap((of) => of.get(zone) ?? []);
  return copies.reduce((newest, copy) => (isNewerSerial(copy, newest) ? copy : newest), copies[0] ?? 0);
}

/** Whether a site is ready and has every zone as its owner has it. */
export function isCurrent({ agent, lagging, empty }: LabSiteView): boolean {
  return agent?.ready === true && lagging.length + empty.length === 0;
}

/** All sites in one line. */
export function summarise({ sites, zones }: Snapshot): string {
  const ready = sites.filter(({ agent }) => agent?.ready === true).length;
  const sum = (count: (site: LabSiteView) => number): number => sites.reduce((total, site) => total + count(site), 0);
  const away = sites.filter(({ state }) => state !== "up").map(({ name, state }) => `${name} ${state}`);
  return [
    `${ready} of ${sites.length} sites ready`,
    `${zones} zones`,
    `${sum(({ lagging }) => lagging.length)} lag`,
    `${sum(({ empty }) => empty.length)} empty`,
    `${sum(({ agent }) => agent?.problems.length ?? 0)} problems`,
    ...away,
  ].join(", ");
}

/**
 * The table of all sites. With fewer rows than sites those come first that something is left to do at.
 *
 * @param mostRows - rows for sites
 */
export function renderSnapshot({ sites }: Snapshot, mostRows = Infinity): string {
  const shown = sites.length <= mostRows ? sites : foremost(sites, Math.max(1, mostRows - 1));
  const counted = sites.some(({ packets }) => packets !== undefined);
  const heading = ["site", "role", "address", "state", "ready", "peers", "zones", "lag", "empty", "problems"];
  const rows = shown.map((site) => [...row(site), ...(counted ? [String(site.packets ?? "")] : [])]);
  const left = sites.length - shown.length;
  const text = table([[...heading, ...(counted ? ["packets"] : [])], ...rows]);
  return left === 0 ? text : `${text}\n… and ${left} more`;
}

function foremost(sites: readonly LabSiteView[], count: number): readonly LabSiteView[] {
  const isWell = (site: LabSiteView): boolean =>
    site.state === "up" && isCurrent(site) && (site.agent?.problems.length ?? 0) === 0;
  return [...new Set([...sites.filter((site) => !isWell(site)), ...sites])].slice(0, count);
}

function row({ name, role, address, state, agent, current, lagging, empty }: LabSiteView): string[] {
  const ready = agent === undefined ? "?" : agent.ready ? "yes" : "no";
  return [
    ...[name, role, address, state, ready, String(agent?.peers ?? "?")],
    ...[String(current), lagging.length === 0 ? "-" : String(lagging.length)],
    empty.length === 0 ? "-" : String(empty.length),
    agent === undefined || agent.problems.length === 0 ? "-" : [...new Set(agent.problems)].join(","),
  ];
}
