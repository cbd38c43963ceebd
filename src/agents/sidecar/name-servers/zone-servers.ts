import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import type { KnotControl } from "../../../knot/control/knot-control";
import {
  areNameServersSaid,
  enclosingZone,
  isServerName,
  type NameServer,
  nameServersOf,
  parentZone,
  planAddresses,
  planServers,
} from "../../../mesh/name-servers";
import type { MeshView, ZoneView } from "../../../mesh/view";
import { type Answer, Survey, whyNot } from "./answering";
import { isSignal } from "./scope";
import { isSigned } from "./signal";
import { Edits, readSet, typeOf } from "./stored";

/** At once, whatever the serial is: what stands in the zone answers already, at every server that it names. */
const followUs = "0 1 A NS AAAA";

/** What one look at a zone works with. */
export interface ZoneLook {
  readonly zone: ZoneView;
  /** Of the zone, here. */
  readonly serial: number;
  readonly view: MeshView;
  /** Names of all zones of the mesh. */
  readonly zones: ReadonlySet<string>;
  readonly directory: string;
  readonly self: string;
  /** Port at which other sites are asked. */
  readonly port: number;
  /** Names of servers outside the directory that the zone has because the list says, or said, so. */
  readonly noted: readonly string[];
  /** Addresses that gave no answer in this round, whatever they were asked for. */
  readonly silent: Map<string, Answer>;
}

/** What is asked and read. */
export interface ZoneServersParts {
  readonly control: Pick<KnotControl, "zoneRead">;
  /** Asks other sites. */
  readonly dns: Pick<DnsClient, "querySoa">;
  /** Asks this site's own Knot, which has every zone of the mesh. */
  readonly ownDns: Pick<DnsClient, "query">;
  readonly knot: DnsServer;
}

/** What a look found, and what is to be done. */
export interface ZoneFinding {
  readonly edits: Edits;
  /** Names that are to be noted: those that stand, or will. */
  readonly noted: readonly string[];
  /** Names in the zone's NS records now, and once the edits are made. */
  readonly standing: readonly string[];
  readonly servers: readonly string[];
  /** Of these, names that the mesh has nothing to do with. */
  readonly kept: readonly string[];
  /** What is not as the list says yet, and why, as ends of sentences. */
  readonly waiting: readonly string[];
}

/** The addresses of a server's name within the zone. */
interface HostPlan {
  readonly name: string;
  /** Whether the name has an address once the edits are made. */
  readonly isThere: boolean;
}

/** Compares one own zone with what the directory says of its name servers. Reads and asks; changes nothing. */
export async function lookAtZone(parts: ZoneServersParts, look: ZoneLook): Promise<ZoneFinding> {
  return new ZoneServers(parts, look).find();
}

class ZoneServers {
  readonly #survey: Survey;
  readonly #zones: ReadonlySet<string>;
  readonly #waiting: string[] = [];

  constructor(
    private readonly parts: ZoneServersParts,
    private readonly look: ZoneLook,
  ) {
    const { zone, serial, port, self, zones, silent } = look;
    this.#survey = new Survey(parts.dns, { zone: zone.name, serial, port }, { self, silent });
    this.#zones = zones;
  }

  async find(): Promise<ZoneFinding> {
    const { zone, view, directory } = this.look;
    const wanted = nameServersOf(zone, { view, directory });
    const standing = await readSet(this.parts.control, zone.name, { owner: zone.name, type: "NS" });
    const edits = new Edits(zone.name, standing.ttl);
    const hosts: HostPlan[] = [];
    for (const host of this.#hosts) hosts.push(await this.#planHost(host, edits));
    const plan = planServers({
      wanted: wanted?.map(({ name }) => name) ?? [],
      standing: standing.values,
      isOwn: (name) =>
        isServerName(name, { view, directory }) ||
        [name, noteOfOutside(name)].some((note) => this.look.noted.includes(note)),
      answers: await this.#readyAmong(wanted ?? [], standing.values, hosts),
    });
    edits.change({ owner: zone.name, type: "NS", ttl: standing.ttl }, plan);
    const servers = [...standing.values.filter((name) => !plan.remove.includes(name)), ...plan.add].sort();
    const former = await this.#dropFormer(servers, edits);
    await this.#askParent(edits);
    const others = new Set(wanted?.flatMap(({ site, name }) => (site === undefined ? [name] : [])));
    const outside = servers
      .filter((name) => !plan.kept.includes(name) && !name.endsWith(`.${directory}`))
      .filter((name) => !this.look.noted.includes(noteOfOutside(name)))
      .map((name) => (others.has(name) ? noteOfOutside(name) : name));
    const present = hosts.flatMap(({ name, isThere }) => (isThere ? [name] : []));
    return {
      edits,
      noted: [...new Set([...outside, ...present, ...former])].sort(),
      standing: [...standing.values].sort(),
      servers,
      kept: plan.kept,
      waiting: this.#waiting,
    };
  }

  /** Servers whose names lie in this very zone, so that their addresses do. */
  get #hosts(): readonly SiteServer[] {
    const { view, zone } = this.look;
    return view.sites.flatMap(({ name: site, nameServer, addresses }) =>
      nameServer !== undefined && enclosingZone(nameServer, this.#zones) === zone.name
        ? [{ site, name: nameServer, addresses }]
        : [],
    );
  }

  async #planHost(host: SiteServer, edits: Edits): Promise<HostPlan> {
    const { control } = this.parts;
    const { zone } = this.look;
    const { name } = host;
    const alias = await readSet(control, zone.name, { owner: name, type: "CNAME" });
    if (alias.values.length > 0) {
      this.#waiting.push(
        `${name} (${host.site}) is an alias in the zone, which no name server may be; remove the CNAME`,
      );
      return { name, isThere: false };
    }
    const [v4, v6] = await Promise.all([
      readSet(control, zone.name, { owner: name, type: "A" }),
      readSet(control, zone.name, { owner: name, type: "AAAA" }),
    ]);
    const standing = [...v4.values, ...v6.values];
    const answers = host.addresses.every((address) => standing.includes(address))
      ? new Map<string, Answer>()
      : await this.#survey.of(host);
    const plan = planAddresses({
      wanted: host.addresses,
      standing,
      answers: (address) => answers.get(address)?.kind === "has",
    });
    for (const address of plan.waiting)
      this.#waiting.push(`address ${address} of ${name} (${host.site}) ${reasonOf(answers.get(address))}`);
    for (const [type, { ttl }] of [["A", v4] as const, ["AAAA", v6] as const]) {
      const isOf = (address: string): boolean => typeOf(address) === type;
      edits.change({ owner: name, type, ttl }, { add: plan.add.filter(isOf), remove: plan.remove.filter(isOf) });
    }
    return { name, isThere: standing.length - plan.remove.length + plan.add.length > 0 };
  }

  /** Which of the servers that are not named yet may be. */
  async #readyAmong(
    wanted: readonly NameServer[],
    standing: readonly string[],
    hosts: readonly HostPlan[],
  ): Promise<(name: string) => boolean> {
    const missing = wanted.filter(({ name }) => !standing.includes(name));
    const reasons = await Promise.all(
      missing.map(async (server) => (await this.#whyNoAddress(server, hosts)) ?? (await this.#whyNoAnswer(server))),
    );
    const ready = new Set<string>();
    for (const [i, { name, site }] of missing.entries()) {
      const why = reasons[i];
      if (why === undefined) ready.add(name);
      else this.#waiting.push(`${name} (${site ?? "outside the mesh"}) is no name server yet: ${why}`);
    }
    return (name) => ready.has(name);
  }

  /** A server outside the mesh is named because the list says so: where it is asked is not known here, nor let out by a policy. */
  async #whyNoAnswer(server: NameServer): Promise<string | undefined> {
    return server.site === undefined ? undefined : whyNot([...(await this.#survey.of(server)).values()]);
  }

  /** A name in a zone of the mesh needs an address there. Of a name elsewhere nothing can be known here. */
  async #whyNoAddress({ name, site }: NameServer, hosts: readonly HostPlan[]): Promise<string | undefined> {
    const { zone, directory } = this.look;
    if (name.endsWith(`.${directory}`)) return undefined;
    const home = enclosingZone(name, this.#zones);
    if (home === undefined) return undefined;
    if (home === zone.name && site !== undefined)
      return hosts.some((host) => host.name === name && host.isThere) ? undefined : "its name has no address yet";
    const { ownDns, knot } = this.parts;
    const answers = await Promise.all(["A", "AAAA"].map((type) => ownDns.query(knot, name, type)));
    const hasAddress = answers.some((answer) =>
      answer.answers.some(({ type, name: owner }) => owner === name && (type === "A" || type === "AAAA")),
    );
    return hasAddress ? undefined : `its name has no address in zone ${home} yet`;
  }

  /**
   * Asks a parent outside the mesh, in a signed zone, to take over NS records and addresses (RFC 7477): a parent that does
   * not look for that passes it over. A record that somebody else wrote stays what it is.
   */
  async #askParent(edits: Edits): Promise<void> {
    const { control } = this.parts;
    const { zone, view } = this.look;
    const place = { owner: zone.name, type: "CSYNC" } as const;
    const standing = await readSet(control, zone.name, place);
    if (standing.values.some((value) => value !== followUs)) return;
    const isOutside = areNameServersSaid(zone, view) && parentZone(zone.name, this.#zones) === undefined;
    const isWanted = isOutside && (await isSigned({ control }, zone.name));
    const isThere = standing.values.length > 0;
    if (isWanted !== isThere)
      edits.change(place, isWanted ? { add: [followUs], remove: [] } : { add: [], remove: [followUs] });
  }

  /** Takes away addresses of servers that the list no longer has, and whose names nobody is sent to. Returns the noted names that stay. */
  async #dropFormer(servers: readonly string[], edits: Edits): Promise<readonly string[]> {
    const { zone, noted } = this.look;
    const hosts = new Set(this.#hosts.map(({ name }) => name));
    const stay: string[] = [];
    for (const name of noted) {
      if (hosts.has(name)) continue;
      const outside = nameInNote(name);
      if (outside !== undefined) {
        // Its addresses are whoever's who wrote them.
        if (servers.includes(outside)) stay.push(name);
        continue;
      }
      if (isSignal(name)) {
        stay.push(name);
        continue;
      }
      if (servers.includes(name)) stay.push(name);
      else if (enclosingZone(name, this.#zones) === zone.name)
        for (const type of ["A", "AAAA"] as const) {
          const { values } = await readSet(this.parts.control, zone.name, { owner: name, type });
          edits.change({ owner: name, type }, { add: [], remove: values });
        }
    }
    return stay;
  }
}

/** A site's, whose addresses are known. */
type SiteServer = NameServer & { readonly site: string };

/** How the name of a server outside the mesh is noted, whose addresses are never the mesh's own: no name has a blank. */
const outsideMark = "outside ";

function noteOfOutside(name: string): string {
  return `${outsideMark}${name}`;
}

/** The name in such a note; undefined for another one. */
function nameInNote(note: string): string | undefined {
  return note.startsWith(outsideMark) ? note.slice(outsideMark.length) : undefined;
}

function reasonOf(answer: Answer | undefined): string {
  return answer === undefined || answer.kind === "has" ? "is not there yet" : `is not there yet: ${answer.reason}`;
}
