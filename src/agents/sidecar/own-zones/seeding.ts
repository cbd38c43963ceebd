import { messageOf } from "../../../base/errors";
import { moveFile, readText, removeFile, writeAtomically } from "../../../base/files";
import type { DnsClient } from "../../../dns/client/dns-client";
import { DnsError } from "../../../dns/errors";
import { stampSerial } from "../../../dns/master-file";
import type { ResourceRecord } from "../../../dns/record";
import { isNewerSerial } from "../../../dns/serial";
import { renderOwnZone } from "../../../knot/config/own-zone";
import { type FixedRuntime, isWriter } from "../../../knot/config/site-runtime";
import { KnotVolume } from "../../../knot/config/volume";
import { type KnotControl, KnotControlError } from "../../../knot/control/knot-control";
import type { WelcomePacket, Zone } from "../../../mesh/model";
import type { MeshView } from "../../../mesh/view";
import { serverName } from "../../../mesh/welcome";
import { followOwner, renderTakenOverZone } from "./taking-over";
import type { ZoneSource } from "./zone-source";

/** What seeding works with. */
export interface SeederOptions {
  readonly runtime: FixedRuntime;
  readonly dns: Pick<DnsClient, "transfer">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What a site knows when it looks at its own zones. */
export interface SeedInput {
  readonly packet: WelcomePacket;
  /** The last good view, if there is any. */
  readonly view?: MeshView;
  readonly seeded: readonly string[];
  /**
   * When it is:
   * - `fresh`: before Knot's first start on an empty volume. `sources` are other sites, which may hold what a lost
   *   volume held; whoever does not answer is not waited for, since the first site of a mesh would wait for ever.
   * - `restart`: before a later start. Whatever the mesh knows already waits for `running`.
   * - `running`: beside Knot, which is the one source and must answer.
   */
  readonly moment: "fresh" | "restart" | "running";
  readonly sources: readonly ZoneSource[];
}

/** What became of the own zones. */
export interface SeedResult {
  /** All own zones that have, or had, a first content. */
  readonly seeded: readonly string[];
  /** Zones that wait, each with the reason, as sentences. */
  readonly waiting: readonly string[];
}

/**
 * The serial that a zone from the model starts with. It is older than that of any copy that other sites may hold, so that
 * a site that lost its volume while no peer answered cannot push an empty zone over the real one (RFC 1982).
 */
export const firstSerial = 1;

/** Transfers of one zone that are tried until one is as new as what was seen. */
const mostTransfers = 8;

/** Gives own zones their first content, each once and never again. */
export class Seeder {
  readonly #volume: KnotVolume;

  constructor(private readonly options: SeederOptions) {
    this.#volume = new KnotVolume(options.runtime.storage);
  }

  /**
   * Seeds what was never seeded. A zone that the mesh already serves is taken over as it is; one that only the model
   * knows starts from there. A zone of another site that cannot be taken over yet waits: an empty one in its place would
   * be worse than a late one. The file of a zone that is no longer ours is put aside, so that its old content is not
   * taken for the current one should the zone come back.
   */
  async seed(input: SeedInput): Promise<SeedResult> {
    const { zones } = input.packet.site;
    const names = zones.map(({ name }) => name);
    if (!isWriter(this.options.runtime)) return { seeded: names, waiting: [] };
    const [own, before] = [new Set(names), new Set(input.seeded)];
    const owners = new Map(input.view?.zones.map(({ name, owner }) => [name, owner]));
    for (const zone of input.seeded.filter((name) => !own.has(name))) await this.#putAside(zone, input);
    const seeded: string[] = [];
    const waiting: string[] = [];
    for (const zone of zones) {
      try {
        if (!before.has(zone.name)) await this.#seedZone(zone, input, owners.get(zone.name));
        seeded.push(zone.name);
      } catch (error) {
        waiting.push(`zone ${zone.name} is to be taken over: ${messageOf(error)}`);
      }
    }
    return { seeded, waiting };
  }

  /**
   * Puts a first content back that Knot purged: it forgets a catalog's member with its file when the zone becomes the
   * server's own.
   *
   * @returns a sentence for each zone that Knot cannot load; the others go on.
   */
  async finish(
    packet: WelcomePacket,
    control: Pick<KnotControl, "zoneReload" | "zoneStatus">,
  ): Promise<readonly string[]> {
    const failures: string[] = [];
    for (const zone of packet.site.zones) {
      try {
        await this.#finishZone(zone, packet, control);
      } catch (error) {
        if (!(error instanceof KnotControlError)) throw error;
        failures.push(`zone ${zone.name} is not loaded: ${messageOf(error)}`);
      }
    }
    return failures;
  }

  async #finishZone(
    zone: Zone,
    packet: WelcomePacket,
    control: Pick<KnotControl, "zoneReload" | "zoneStatus">,
  ): Promise<void> {
    const first = await readText(this.#volume.firstContent(zone.name));
    if (first === undefined) return;
    const isLoaded = async () => (await control.zoneStatus([zone.name]))[0]?.serial !== undefined;
    const purged = (await readText(this.#volume.zoneFile(zone.name))) === undefined;
    if (purged) await writeAtomically(this.#volume.zoneFile(zone.name), first);
    if (purged || !(await isLoaded())) await this.#reloadFirst({ zone, packet, first, control });
    if (await isLoaded()) await removeFile(this.#volume.firstContent(zone.name));
  }

  /** A content that Knot cannot load gives way to the model's, which may have been mended since. */
  async #reloadFirst(reload: {
    readonly zone: Zone;
    readonly packet: WelcomePacket;
    readonly first: string;
    readonly control: Pick<KnotControl, "zoneReload">;
  }): Promise<void> {
    try {
      await reload.control.zoneReload(reload.zone.name);
    } catch (error) {
      const content = this.#begin(reload.zone, reload.packet);
      if (!(error instanceof KnotControlError) || reload.zone.zoneFile === undefined || content === reload.first)
        throw error;
      await writeAtomically(this.#volume.firstContent(reload.zone.name), content);
      await writeAtomically(this.#volume.zoneFile(reload.zone.name), content);
      await reload.control.zoneReload(reload.zone.name);
    }
  }

  /**
   * Takes a zone back from a site that holds a newer copy than this server, its owner: the volume was lost while no peer
   * could be asked. Only a zone that is still as the model has it gives way.
   *
   * @param copy.serial - What the site was seen to hold: behind its address there may be pods that do not have it yet.
   * @returns whether it did.
   * @throws Error when no pod that answers has that version.
   */
  async regain(copy: {
    readonly zone: string;
    readonly packet: WelcomePacket;
    readonly source: ZoneSource;
    readonly serial: number;
    readonly control: Pick<KnotControl, "zoneReload" | "zoneStatus">;
  }): Promise<boolean> {
    const isUntouched = async () => (await copy.control.zoneStatus([copy.zone]))[0]?.serial === firstSerial;
    if (!isWriter(this.options.runtime) || !(await isUntouched())) return false;
    const held = await this.#transferAtLeast(copy.zone, copy.source, copy.serial);
    const records = followOwner(held, { packet: copy.packet });
    const content = renderTakenOverZone({ records, now: Math.floor(this.options.now() / 1000) });
    if (!(await isUntouched())) return false;
    await writeAtomically(this.#volume.zoneFile(copy.zone), content);
    await copy.control.zoneReload(copy.zone);
    return true;
  }

  /** Each connection may come to another pod. */
  async #transferAtLeast(zone: string, source: ZoneSource, serial: number): Promise<readonly ResourceRecord[]> {
    for (let tries = 0; tries < mostTransfers; tries++) {
      const records = await this.options.dns.transfer(source.server, zone, source.key);
      if (!isNewerSerial(serial, serialOf(records))) return records;
    }
    throw new Error(`${source.server.address} gives older copies of zone ${zone} than the one with serial ${serial}`);
  }

  /** Own zones whose files stand on the volume: all that is known of them when the state is lost. */
  async standing(packet: WelcomePacket): Promise<readonly string[]> {
    const names = packet.site.zones.map(({ name }) => name);
    if (!isWriter(this.options.runtime)) return names;
    const files = await Promise.all(names.map((name) => readText(this.#volume.zoneFile(name))));
    return names.filter((_, i) => files[i] !== undefined);
  }

  /** Puts back, before Knot starts, what it purged and what could not be restored since. */
  async restore(packet: WelcomePacket): Promise<void> {
    for (const { name } of packet.site.zones) {
      const first = await readText(this.#volume.firstContent(name));
      if (first !== undefined && (await readText(this.#volume.zoneFile(name))) === undefined) {
        await writeAtomically(this.#volume.zoneFile(name), first);
      }
    }
  }

  /** @param owner - The site that owns the zone as far as the mesh knows; undefined when it does not know the zone. */
  async #seedZone(zone: Zone, input: SeedInput, owner: string | undefined): Promise<void> {
    const standing = await readText(this.#volume.zoneFile(zone.name));
    if (standing !== undefined && input.moment === "fresh") return;
    const content =
      (await this.#takeOver(zone, input, owner)) ??
      standing ??
      (await this.#former(zone)) ??
      this.#begin(zone, input.packet);
    await writeAtomically(this.#volume.firstContent(zone.name), content);
    await writeAtomically(this.#volume.zoneFile(zone.name), content);
  }

  /** As Knot serves it as long as it does: its file may be minutes behind the journal. */
  async #putAside(zone: string, { moment, sources }: SeedInput): Promise<void> {
    const [source] = moment === "running" ? sources : [];
    const records = source && (await this.options.dns.transfer(source.server, zone, source.key).catch(() => undefined));
    if (records === undefined) return moveFile(this.#volume.zoneFile(zone), this.#volume.formerContent(zone));
    const content = renderTakenOverZone({ records, now: Math.floor(this.options.now() / 1000) });
    await writeAtomically(this.#volume.formerContent(zone), content);
    await removeFile(this.#volume.zoneFile(zone));
  }

  /** The zone as a source serves it; undefined when there is nothing to wait for. Throws when there is. */
  async #takeOver(zone: Zone, input: SeedInput, owner: string | undefined): Promise<string | undefined> {
    if (input.moment === "restart" && owner !== undefined) throw new Error("Knot has to run for that");
    let newest: readonly ResourceRecord[] | undefined;
    for (const source of input.sources) {
      try {
        const records = await this.options.dns.transfer(source.server, zone.name, source.key);
        if (newest === undefined || isNewerSerial(serialOf(records), serialOf(newest))) newest = records;
      } catch (error) {
        const elsewhere = owner !== undefined && owner !== input.packet.site.name;
        if (input.moment === "running" && (elsewhere || !saysNo(error))) throw error;
      }
    }
    if (newest === undefined) return undefined;
    const records = followOwner(newest, { packet: input.packet, formerOwner: owner });
    return renderTakenOverZone({ records, now: Math.floor(this.options.now() / 1000) });
  }

  /** What the zone held when it left this site, unless a newer copy exists. */
  async #former(zone: Zone): Promise<string | undefined> {
    const former = await readText(this.#volume.formerContent(zone.name));
    return former === undefined ? undefined : stampSerial(former, Math.floor(this.options.now() / 1000));
  }

  /** What the model says. */
  #begin(zone: Zone, packet: WelcomePacket): string {
    const { site, directoryZone, catalogs } = packet;
    const nameServers = catalogs.map(({ name }) => serverName(name, directoryZone));
    return renderOwnZone({ zone, site, directoryZone, serial: firstSerial, nameServers });
  }
}

function serialOf(records: readonly ResourceRecord[]): number {
  const soa = records.find((record) => record.type === "SOA");
  return soa?.type === "SOA" ? soa.serial : 0;
}

/** Whether a server answered that it has no such zone, or no content for it. Knot signs no such answer to an AXFR. */
function saysNo(error: unknown): boolean {
  if (!(error instanceof DnsError)) return false;
  const { failure } = error;
  if (failure.kind === "unsigned") return failure.rcode !== undefined && failure.rcode !== "NOERROR";
  return error.isNegative;
}

/** The packet with only those own zones that have a first content: the others stay members until they are taken over. */
export function withoutUnseeded(packet: WelcomePacket, seeded: readonly string[]): WelcomePacket {
  const has = new Set(seeded);
  const zones = packet.site.zones.filter(({ name }) => has.has(name));
  return { ...packet, site: { ...packet.site, zones } };
}
