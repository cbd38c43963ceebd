import { messageOf } from "../../../base/errors";
import { moveFile, readText, removeFile, writeAtomically } from "../../../base/files";
import { inParallel } from "../../../base/in-parallel";
import type { DnsClient } from "../../../dns/client/dns-client";
import { stampSerial } from "../../../dns/master-file";
import { type ResourceRecord, serialIn } from "../../../dns/record";
import { isNewerSerial } from "../../../dns/serial";
import { renderOwnZone } from "../../../knot/config/own-zone";
import { type FixedRuntime, isWriter } from "../../../knot/config/site-runtime";
import { KnotVolume } from "../../../knot/config/volume";
import { type KnotControl, KnotControlError } from "../../../knot/control/knot-control";
import type { WelcomePacket, Zone } from "../../../mesh/model";
import type { MeshView } from "../../../mesh/view";
import { serverName } from "../../../mesh/welcome";
import { contentFrom, type Restored } from "../backups/restored";
import { readNote } from "../keys/note";
import { type CopySearch, type FoundCopy, saysNo } from "./copy-search";
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
  /** Zones that a new volume lacked and that are looked for since. */
  readonly sought: readonly string[];
  /** Zones that were taken from a primary outside the mesh and are not wholly the site's own yet. */
  readonly outside?: readonly string[];
  /** Zones that went to another owner, and that Knot's own files go on having. */
  readonly former?: readonly string[];
  /**
   * When it is:
   * - `fresh`: before Knot's first start on an empty volume. Other servers may hold what a lost volume held.
   * - `restart`: before a later start. Whatever the mesh knows already waits for `running`.
   * - `running`: beside Knot, which is the one source and must answer.
   */
  readonly moment: "fresh" | "restart" | "running";
  /** This server, when it runs. */
  readonly own?: ZoneSource;
  /** Where zones are looked for that a new volume lacks. Without it they wait. */
  readonly search?: Pick<CopySearch, "find">;
  /** What a restore brought, for zones that are looked for. */
  readonly restored?: Pick<Restored, "order" | "textOf">;
}

/** What became of the own zones. */
export interface SeedResult {
  /** All own zones that have, or had, a first content. */
  readonly seeded: readonly string[];
  /** Those of the others that a new volume lacked and that are looked for. */
  readonly sought: readonly string[];
  /** Those that a primary outside the mesh gives, or gave until now: none is given a content here. Missing where there are none. */
  readonly outside?: readonly string[];
  /** Zones that wait, each with the reason, as sentences. */
  readonly waiting: readonly string[];
}

/**
 * The serial that a zone from the model starts with. It is older than that of any copy that other sites may hold, so that
 * a site that lost its volume while no peer answered cannot push an empty zone over the real one (RFC 1982).
 */
export const firstSerial = 1;

/** Own zones that are looked for at a time. */
const seedWidth = 16;

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
   * be worse than a late one. So does a zone that a new volume lacks, until it is found or somebody who must have it
   * denies it. The file of a zone that the mesh has no longer is put aside, so that its old content is not taken for the
   * current one should the zone come back; that of one that went to another owner is copied, since Knot goes on with it.
   */
  async seed(input: SeedInput): Promise<SeedResult> {
    const { zones } = input.packet.site;
    const names = zones.map(({ name }) => name);
    if (!isWriter(this.options.runtime)) return { seeded: names, sought: [], waiting: [] };
    const outside = outsideIn(input.packet, input.outside);
    const [own, before, elsewhere] = [new Set(names), new Set(input.seeded), new Set(outside)];
    const owners = new Map(input.view?.zones.map(({ name, owner }) => [name, owner]));
    const left = new Set([...input.seeded, ...(input.outside ?? [])].filter((name) => !own.has(name)));
    const former = new Set(input.former?.filter((name) => !own.has(name)));
    for (const zone of left) await this.#putAside(zone, input, owners.has(zone));
    for (const zone of former) if (!owners.has(zone)) await this.#putAside(zone, input, false);
    const waiting = new Map<string, string>();
    const [lost, sought] = [new Set(input.sought), new Set<string>()];
    await inParallel(
      seedWidth,
      zones.filter(({ name }) => !before.has(name) && !elsewhere.has(name)),
      async (zone) => {
        const owner = owners.get(zone.name);
        const looked = isSought(zone, { ...input, lost }, owner);
        try {
          await this.#seedZone(zone, { ...input, owner, isSought: looked });
        } catch (error) {
          if (looked) sought.add(zone.name);
          waiting.set(zone.name, `zone ${zone.name} is to be taken over: ${messageOf(error)}`);
        }
      },
    );
    return {
      seeded: names.filter((name) => !waiting.has(name) && !elsewhere.has(name)),
      sought: names.filter((name) => sought.has(name)),
      ...(outside.length > 0 && { outside }),
      waiting: names.flatMap((name) => waiting.get(name) ?? []),
    };
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
    if (!(await isLoaded())) return;
    await removeFile(this.#volume.firstContent(zone.name));
    await removeFile(this.#volume.damagedContent(zone.name));
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
      if (!isNewerSerial(serial, serialIn(records) ?? 0)) return records;
    }
    throw new Error(`${source.server.address} gives older copies of zone ${zone} than the one with serial ${serial}`);
  }

  /** Puts the file of a zone aside that Knot cannot load. */
  async putDamagedAside(zone: string): Promise<void> {
    await moveFile(this.#volume.zoneFile(zone), this.#volume.damagedContent(zone));
  }

  /** Own zones whose files stand on the volume: all that is known of them when the state is lost. */
  async standing(packet: WelcomePacket): Promise<readonly string[]> {
    const names = packet.site.zones.map(({ name }) => name);
    if (!isWriter(this.options.runtime)) return names;
    const files = await Promise.all(names.map((name) => readText(this.#volume.zoneFile(name))));
    return names.filter((_, i) => files[i] !== undefined);
  }

  /** Zones that went to another owner by the files that Knot has. */
  async standingFormer(): Promise<readonly string[]> {
    const text = (await readText(this.#volume.formerStanzas)) ?? "";
    return [...text.matchAll(/^ {2}- domain: (\S+)$/gm)].map(([, name = ""]) => name);
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

  async #seedZone(zone: Zone, input: ZoneInput): Promise<void> {
    const standing = await readText(this.#volume.zoneFile(zone.name));
    if (standing !== undefined && input.moment === "fresh") return;
    const content =
      (await this.#takeOver(zone, input)) ?? standing ?? (await this.#former(zone)) ?? this.#begin(zone, input.packet);
    await writeAtomically(this.#volume.firstContent(zone.name), content);
    await writeAtomically(this.#volume.zoneFile(zone.name), content);
  }

  /** As Knot serves it as long as it does: its file may be minutes behind the journal. */
  async #putAside(zone: string, { own }: SeedInput, stays: boolean): Promise<void> {
    const records = own && (await this.options.dns.transfer(own.server, zone, own.key).catch(() => undefined));
    const content =
      records === undefined
        ? await readText(this.#volume.zoneFile(zone))
        : renderTakenOverZone({ records, now: Math.floor(this.options.now() / 1000) });
    if (content !== undefined) await writeAtomically(this.#volume.formerContent(zone), content);
    if (!stays) await removeFile(this.#volume.zoneFile(zone));
  }

  /** The zone as other servers, or this one, serve it; undefined when there is nothing to wait for. Throws when there is. */
  async #takeOver(zone: Zone, input: ZoneInput): Promise<string | undefined> {
    const backup = input.isSought ? await input.restored?.textOf(zone.name) : undefined;
    const records = input.isSought
      ? await this.#find(zone, input, backup !== undefined)
      : await this.#held(zone, input);
    const isForced = input.restored?.order.forced === true;
    const restored =
      backup && contentFrom(backup, { isForced, served: records && (serialIn(records) ?? 0), now: this.options.now() });
    if (restored !== undefined) return restored;
    if (records === undefined) return undefined;
    const following = followOwner(records, { packet: input.packet, formerOwner: input.owner });
    return renderTakenOverZone({ records: following, now: Math.floor(this.options.now() / 1000) });
  }

  /** What a lost volume may have held. */
  async #find(
    { name }: Zone,
    { search, restored }: ZoneInput,
    hasBackup: boolean,
  ): Promise<readonly ResourceRecord[] | undefined> {
    const isForced = hasBackup && restored?.order.forced === true;
    if (search === undefined && isForced) return undefined;
    if (search === undefined) throw new Error("Knot has to run for that");
    const found = await search.find(name);
    if (found.kind === "copy") return found.records;
    if (isForced) return undefined;
    if (hasBackup) {
      // Also where a zone without a backup would begin anew, the primary's among them: a backup would win over newer copies.
      const unclear = found.kind === "unknown" ? found.reason : found.unclear;
      if (unclear === undefined) return undefined;
      throw new Error(`${backupWaits} whoever may have it does not give it: ${unclear}`);
    }
    const reason = await this.#whyItWaits(name, found);
    if (reason === undefined) return undefined;
    throw new Error(reason);
  }

  /** Why a zone of which no copy was found does not begin from the model; undefined when it does. */
  async #whyItWaits(name: string, found: Exclude<FoundCopy, { kind: "copy" }>): Promise<string | undefined> {
    const damaged = this.#volume.damagedContent(name);
    const isDamaged = (await readText(damaged)) !== undefined;
    const why = isDamaged ? `its file is damaged (now ${damaged})` : "this volume is new";
    if (found.kind === "unknown") return `${why}, and whoever may have the zone does not give it: ${found.reason}`;
    if (isDamaged) return `${why}, and nobody else has it`;
    if (found.unclear === undefined || !(await this.#hadKeys(name))) return undefined;
    return `it was signed with keys that are here, and not everybody who may have it says whether: ${found.unclear}`;
  }

  /** Whether the DNSSEC keys on this volume are also those of a zone that is not: a new volume got them from the second place. */
  async #hadKeys(zone: string): Promise<boolean> {
    return (await readNote(this.#volume.keptKeys))?.zones?.includes(zone) === true;
  }

  /** What this server's Knot has of a zone that comes from another site. */
  async #held({ name }: Zone, { own, owner, packet }: ZoneInput): Promise<readonly ResourceRecord[] | undefined> {
    if (own === undefined) {
      if (owner !== undefined) throw new Error("Knot has to run for that");
      return undefined;
    }
    try {
      return await this.options.dns.transfer(own.server, name, own.key);
    } catch (error) {
      const elsewhere = owner !== undefined && owner !== packet.site.name;
      if (elsewhere || !saysNo(error)) throw error;
      return undefined;
    }
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

/** What is said of a zone with a backup that others may have newer. */
const backupWaits =
  "a backup is on the volume, and waits for others, who may have a newer version (a restore with --at does not);";

/** What a zone is seeded with. */
interface ZoneInput extends SeedInput {
  /** The site that owns the zone as far as the mesh knows; undefined when it does not know the zone. */
  readonly owner: string | undefined;
  readonly isSought: boolean;
}

/** Whether a zone may be one that a lost volume held, rather than one that comes from another site or is new. */
function isSought(
  { name }: Zone,
  { moment, lost, packet }: Pick<SeedInput, "moment" | "packet"> & { readonly lost: ReadonlySet<string> },
  owner: string | undefined,
): boolean {
  if (moment === "fresh") return true;
  return lost.has(name) && (owner === undefined || owner === packet.site.name);
}

/** Own zones that a primary outside the mesh gives, or gave until they are wholly the site's own. */
export function outsideIn({ site }: WelcomePacket, before: readonly string[] = []): readonly string[] {
  const were = new Set(before);
  return site.zones.filter(({ name, primaries }) => primaries !== undefined || were.has(name)).map(({ name }) => name);
}

/** The packet with only those own zones that have a first content, or get theirs from outside the mesh: the others stay members until they are taken over. */
export function withoutUnseeded(packet: WelcomePacket, seeded: readonly string[]): WelcomePacket {
  const has = new Set(seeded);
  const zones = packet.site.zones.filter(({ name, primaries }) => has.has(name) || primaries !== undefined);
  return { ...packet, site: { ...packet.site, zones } };
}
