import { messageOf } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import type { DnsClient } from "../dns/client/dns-client";
import { DnsError, isUnreachable } from "../dns/errors";
import type { SoaData } from "../dns/record";
import { type MeshAccess, serversOf } from "./mesh-access";

/** What a site answered for a zone's SOA. */
export type ZoneAnswer =
  | { readonly kind: "serial"; readonly serial: number; readonly expire: number }
  | { readonly kind: "failure"; readonly reason: string };

/** A zone, and whose it is; the central ones are the primary's. */
export interface LookedZone {
  readonly name: string;
  readonly owner: string;
}

/** A zone at a site. */
export interface Copy {
  readonly site: string;
  readonly zone: string;
}

/** An address that does not answer. `noRoute`: this machine cannot send there, as one without IPv6, which says nothing of the site. */
export interface DeadAddress {
  readonly address: string;
  readonly reason: string;
  readonly noRoute: boolean;
}

/** What one site was asked, and what it answered. */
export interface SiteLook {
  readonly site: string;
  /** The address that answered last; missing when none did. */
  readonly address?: string;
  /** Why there was no answer at all. */
  readonly silence?: string;
  /** Addresses without an answer, of a site that answers at another; missing where there are none. */
  readonly dead?: readonly DeadAddress[];
  readonly answers: ReadonlyMap<string, ZoneAnswer>;
}

/** What all sites answered. */
export interface Look {
  readonly zones: readonly LookedZone[];
  readonly sites: readonly SiteLook[];
  /** Pairs of a site and a zone: how many there are, and how many were asked. */
  readonly pairs: number;
  readonly asked: number;
  /** Whether there were too many to ask all. */
  readonly sampled: boolean;
}

/** Up to this many pairs of a site and a zone all are asked; each takes a question. */
export const mostPairs = 5000;
const width = 256;
/** How often, and after how long, those are asked again that do not answer as the owner does. */
const [mostAgain, againMs] = [2, 700];

/** The zones of a mesh, the central ones first. */
export function zonesOf({ mesh }: Pick<MeshAccess, "mesh">): readonly LookedZone[] {
  const primary = mesh.sites.find(({ role }) => role === "primary-catalog")?.name ?? "";
  const central = [mesh.directoryZone, mesh.catalogZone].map((name) => ({ name, owner: primary }));
  return [...central, ...mesh.sites.flatMap(({ name: owner, zones }) => zones.map(({ name }) => ({ name, owner })))];
}

/** How {@link lookAtSites} looks. */
export interface LookOptions {
  readonly dns: Pick<DnsClient, "querySoa">;
  /** Any number that rises from look to look. */
  readonly turn: number;
  readonly pause: (ms: number) => Promise<void>;
  /** Pairs of a site and a zone up to which all are asked. */
  readonly most?: number;
  /** Copies that are asked for in any case, up to {@link mostPairs}: those that were late at the last look. */
  readonly also?: readonly Copy[];
}

/**
 * Asks the sites for the serials of zones. In a large mesh not every site is asked for every zone: each for the central
 * zones, and each zone at its owner and at one other site, which differs from turn to turn; and for what was late before, which
 * would be out of sight for as many turns as there are sites. Where answers differ, they are asked again: a change is on its way for
 * a moment, which is no fault.
 */
export async function lookAtSites(
  access: MeshAccess,
  { dns, turn, pause, most = mostPairs, also = [] }: LookOptions,
): Promise<Look> {
  const zones = zonesOf(access);
  const pairs = zones.length * access.mesh.sites.length;
  const sampled = pairs > most;
  const wanted = sampled ? withCopies(sample(access, zones, turn), also) : everything(access, zones);
  const looks = new Map(access.mesh.sites.map((site) => [site.name, new SiteQuestions(access, site, dns)]));
  // The first question of each site finds out whether it is there, so that a dead one costs one silence, not thousands.
  await inParallel(width, [...looks.values()], (site) => site.meet(access.mesh.directoryZone));
  const rest = wanted.filter(({ zone }) => zone !== access.mesh.directoryZone);
  await inParallel(width, rest, async ({ site, zone }) => looks.get(site)?.ask(zone));
  for (let again = 0; again < mostAgain; again++) {
    const open = unsettled(zones, looks);
    if (open.length === 0) break;
    await pause(againMs);
    await inParallel(width, open, async ({ site, zone }) => looks.get(site)?.ask(zone));
  }
  const sites = [...looks.values()].map((site) => site.look());
  return { zones, sites, pairs, sampled, asked: sites.reduce((sum, { answers }) => sum + answers.size, 0) };
}

function everything({ mesh }: MeshAccess, zones: readonly LookedZone[]): readonly Copy[] {
  return mesh.sites.flatMap(({ name: site }) => zones.map(({ name: zone }) => ({ site, zone })));
}

function sample({ mesh }: MeshAccess, zones: readonly LookedZone[], turn: number): readonly Copy[] {
  const names = mesh.sites.map(({ name }) => name);
  const central = [mesh.directoryZone, mesh.catalogZone];
  const own = zones.filter(({ name }) => !central.includes(name));
  return [
    ...names.flatMap((site) => central.map((zone) => ({ site, zone }))),
    ...own.map(({ name: zone, owner: site }) => ({ site, zone })),
    ...own.flatMap(({ name: zone, owner }, i) => {
      const others = names.filter((name) => name !== owner);
      const site = others[(i + turn) % Math.max(1, others.length)];
      return site === undefined ? [] : [{ site, zone }];
    }),
  ];
}

/** So many of the copies besides, each once. */
function withCopies(sampled: readonly Copy[], also: readonly Copy[]): readonly Copy[] {
  const keyOf = ({ site, zone }: Copy): string => `${site} ${zone}`;
  const asked = new Set(sampled.map(keyOf));
  return [...sampled, ...also.slice(0, mostPairs).filter((copy) => !asked.has(keyOf(copy)))];
}

/** Pairs of zones of which the answers differ, the owner's own among them. */
function unsettled(zones: readonly LookedZone[], looks: ReadonlyMap<string, SiteQuestions>): readonly Copy[] {
  const byZone = new Map(zones.map(({ name }) => [name, new Map<string, number>()]));
  for (const [site, { serials }] of looks) for (const [zone, serial] of serials) byZone.get(zone)?.set(site, serial);
  return [...byZone].flatMap(([zone, serials]) =>
    new Set(serials.values()).size < 2 ? [] : [...serials.keys()].map((site) => ({ site, zone })),
  );
}

/** One site that is asked. Once none of its addresses answers, it is not asked again. */
class SiteQuestions {
  readonly #answers = new Map<string, ZoneAnswer>();
  #address: string | undefined;
  #silence: string | undefined;
  readonly #dead: DeadAddress[] = [];

  constructor(
    private readonly access: MeshAccess,
    private readonly site: MeshAccess["mesh"]["sites"][number],
    private readonly dns: Pick<DnsClient, "querySoa">,
  ) {}

  /** The first question: at every address, since clients do not know which of them lives. */
  async meet(zone: string): Promise<void> {
    await this.ask(zone);
    if (this.#silence !== undefined) return;
    for (const server of serversOf(this.access, this.site)) {
      if (server.address === this.#address) continue;
      try {
        await this.dns.querySoa(server, zone);
      } catch (error) {
        if (isUnreachable(error)) this.#dead.push(deadAddress(server.address, error));
      }
    }
  }

  async ask(zone: string): Promise<void> {
    if (this.#silence !== undefined) return;
    const failures: unknown[] = [];
    const dead = new Set(this.#dead.map(({ address }) => address));
    for (const server of serversOf(this.access, this.site).filter(({ address }) => !dead.has(address))) {
      try {
        this.#take(zone, server.address, await this.dns.querySoa(server, zone));
        return;
      } catch (error) {
        if (!isUnreachable(error)) {
          this.#address = server.address;
          this.#answers.set(zone, { kind: "failure", reason: reasonOf(error) });
          return;
        }
        failures.push(error);
      }
    }
    const reason = failures.map(reasonOf).join("; ");
    if (this.#answers.size === 0) this.#silence = reason;
    else this.#answers.set(zone, { kind: "failure", reason });
  }

  /** By zone, of those that it answered. */
  get serials(): readonly (readonly [string, number])[] {
    return [...this.#answers].flatMap(([zone, answer]) => (answer.kind === "serial" ? [[zone, answer.serial]] : []));
  }

  look(): SiteLook {
    return {
      site: this.site.name,
      ...(this.#address !== undefined && { address: this.#address }),
      ...(this.#silence !== undefined && { silence: this.#silence }),
      ...(this.#dead.length > 0 && { dead: this.#dead }),
      answers: this.#answers,
    };
  }

  #take(zone: string, address: string, { serial, expire }: SoaData): void {
    this.#address = address;
    this.#answers.set(zone, { kind: "serial", serial, expire });
  }
}

const noRouteCodes = ["ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"];

/** An address of which an error says that it does not answer. */
export function deadAddress(address: string, error: unknown): DeadAddress {
  const failure = error instanceof DnsError ? error.failure : undefined;
  const noRoute = failure?.kind === "unreachable" && noRouteCodes.includes(failure.code);
  return { address, reason: reasonOf(error), noRoute };
}

/** What went wrong, without the question that the error repeats. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/^(SOA|AXFR) of "[^"]*" (at|from) /, "");
}
