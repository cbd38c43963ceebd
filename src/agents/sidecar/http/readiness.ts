import { messageOf } from "../../../base/errors";
import { Turns } from "../../../base/turns";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { WelcomePacket } from "../../../mesh/model";
import { sourcesOf } from "../../../mesh/topology";
import type { MeshView } from "../../../mesh/view";
import { answeredByAny } from "../../pods";
import { Silence } from "../silence";
import { OwnAnswers, type OwnFindings } from "./own-answers";

/** What a look at readiness needs to know. */
export interface ReadinessInput {
  readonly packet: WelcomePacket;
  /** Own zones that have a first content here. */
  readonly own: readonly string[];
  /** Whether this server was ready once. */
  readonly wasReady: boolean;
  /** The site's other pods. */
  readonly siblings: readonly DnsServer[];
  /** Every zone of the mesh, and who has them, once Knot has taken them from the central zones. */
  readonly view: MeshView | undefined;
  /** Port that other sites answer on. */
  readonly remotePort: number;
}

/** Whether traffic may come, and if not, why; and own zones that are not answered here, at a server that was ready once. */
export type Readiness = ({ readonly ready: true } | { readonly ready: false; readonly reason: string }) & {
  readonly unanswered?: readonly string[];
};

/** Of so many zones is asked in one look; the next look goes on with others. */
const mostZones = 20;
const cacheMs = 1000;
/** So long a new pod waits for zones that others have, and for its own: one that lacks some is better than none. */
const longestWaitMs = 60_000;
/** Sites that are asked in one look whether they are there; the next look goes on with others. */
const mostSites = 64;

/**
 * Readiness is about content. At the first boot both central zones must be answered with authority. The pod waits, for a minute
 * each, until every own zone is answered too, and until it has the zones that the site's other pods and the sites that it takes
 * them from answer; whoever does not answer is not waited for, since the first site of a mesh would wait for sites that are still
 * to come. Later the own zones alone count, so that a central zone that is missing or expired takes no site out of service; and one
 * of them that is missing does only where another pod serves better ({@link OwnAnswers}).
 */
export class ReadinessCheck {
  #cached: { at: number; readiness: Readiness } | undefined;
  readonly #zoneTurns = new Turns(mostZones);
  readonly #siteTurns = new Turns(mostSites);
  /** Since when no central zone is missing, and since when nothing is but zones that others have. */
  #waitingForOwnSince: number | undefined;
  #waitingSince: number | undefined;
  readonly #silence = new Silence();
  readonly #own: OwnAnswers;

  constructor(
    private readonly parts: {
      readonly dns: Pick<DnsClient, "querySoa">;
      readonly control: Pick<KnotControl, "zoneStatus" | "loadingZones">;
      readonly knot: DnsServer;
      /** Milliseconds since 1970. */
      readonly now: () => number;
    },
  ) {
    this.#own = new OwnAnswers(parts);
  }

  /** Never throws. */
  async look(input: ReadinessInput): Promise<Readiness> {
    const now = this.parts.now();
    if (this.#cached !== undefined && now - this.#cached.at < cacheMs) return this.#cached.readiness;
    const readiness = await this.#ask(input);
    this.#cached = { at: now, readiness };
    return readiness;
  }

  async #ask(input: ReadinessInput): Promise<Readiness> {
    const { packet, own, siblings, wasReady } = input;
    const central = [packet.directoryZone, packet.catalogZone];
    try {
      if (wasReady) return readinessOf(await this.#own.look({ own, central, siblings }));
      for (const zone of central) await this.parts.dns.querySoa(this.parts.knot, zone);
      const lacking = await this.#lackingOwn(input);
      if (lacking !== undefined) this.#meet(input);
      if (lacking !== undefined && !this.#hasWaitedForOwn) return { ready: false, reason: lacking };
      const awaited = await this.#awaited(input);
      if (awaited !== undefined) return { ready: false, reason: awaited };
      return lacking === undefined ? { ready: true } : readinessOf(await this.#own.look({ own, central, siblings }));
    } catch (error) {
      return { ready: false, reason: messageOf(error) };
    }
  }

  /** Why a new pod waits for its own zones; undefined when it has them all. */
  async #lackingOwn({ packet, own }: ReadinessInput): Promise<string | undefined> {
    this.#waitingForOwnSince ??= this.parts.now();
    if (own.length < packet.site.zones.length) return "an own zone has no content yet";
    try {
      for (const zone of own) await this.parts.dns.querySoa(this.parts.knot, zone);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  get #hasWaitedForOwn(): boolean {
    return this.parts.now() - (this.#waitingForOwnSince ?? Infinity) >= longestWaitMs;
  }

  /** Finds out, beside the look, which sites and pods are silent while own zones are waited for: nobody waits for that afterwards. */
  #meet({ packet, view, siblings, remotePort: port }: ReadinessInput): void {
    if (view === undefined) return;
    const zone = packet.directoryZone;
    const others = view.sites.map(({ name }) => name).filter((name) => name !== packet.site.name);
    void this.#answering(view, new Set(others), { port, zone });
    void Promise.allSettled(siblings.map((pod) => this.#answers(pod, zone)));
  }

  /** The server, once it answers. Throws at once when it did not at the last look. */
  async #answers(server: DnsServer, zone: string): Promise<DnsServer> {
    const ask = () => this.parts.dns.querySoa(server, zone);
    const silent = this.#silence.of(server, ask);
    if (silent !== undefined) throw silent.error;
    try {
      await ask();
    } catch (error) {
      if (isUnreachable(error)) this.#silence.note(server, error);
      throw error;
    }
    return server;
  }

  /** What a new pod waits for; undefined when it need not. */
  async #awaited({ packet, view, siblings, remotePort: port }: ReadinessInput): Promise<string | undefined> {
    const now = this.parts.now();
    this.#waitingSince ??= now;
    if (now - this.#waitingSince >= longestWaitMs) return undefined;
    if (view === undefined) return "the zones of the mesh are not known yet";
    const statuses = await this.parts.control.zoneStatus();
    const served = new Set(statuses.filter(({ serial }) => serial !== undefined).map(({ zone }) => zone));
    const lacking = view.zones.filter(({ name }) => !served.has(name));
    const sourcesFor = sourcesOf({ packet, view });
    const up = await this.#answering(view, new Set(lacking.flatMap(({ owner }) => sourcesFor(owner))), {
      port,
      zone: packet.directoryZone,
    });
    const pods = siblings.filter(
      (pod) => this.#silence.of(pod, () => this.parts.dns.querySoa(pod, packet.directoryZone)) === undefined,
    );
    const obtainable = lacking.flatMap(({ name, owner }) => {
      const sites = sourcesFor(owner).flatMap((site) => up.get(site) ?? []);
      const servers = [...pods, ...sites];
      return servers.length === 0 ? [] : [{ name, servers }];
    });
    const { dns } = this.parts;
    const answered = this.#zoneTurns
      .next(obtainable)
      .map(async ({ name, servers }) => answeredByAny(dns, servers, [name]));
    const zone = (await Promise.all(answered)).find((name) => name !== undefined);
    return zone && `zone ${zone}, which other servers of the mesh have, has no content yet`;
  }

  /** Those of these sites that answer at all, with one server each that does: what is not there yet is asked for nothing more. */
  async #answering(
    { sites }: MeshView,
    names: ReadonlySet<string>,
    { port, zone }: { readonly port: number; readonly zone: string },
  ): Promise<ReadonlyMap<string, DnsServer>> {
    const wanted = sites.filter(({ name }) => names.has(name));
    const up = new Map<string, DnsServer>();
    await Promise.all(
      this.#siteTurns.next(wanted).map(async ({ name, addresses }) => {
        const tried = addresses.map((address) => this.#answers({ address, port }, zone));
        const server = await Promise.any(tried).catch(() => undefined);
        if (server !== undefined) up.set(name, server);
      }),
    );
    return up;
  }
}

function readinessOf({ reason, unanswered }: OwnFindings): Readiness {
  const found = unanswered.length === 0 ? {} : { unanswered };
  return reason === undefined ? { ready: true, ...found } : { ready: false, reason, ...found };
}
