import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { messageOf } from "../../base/errors";
import { listFolder, readText, removeFile, writeAtomically } from "../../base/files";
import {
  localCatalogFile,
  localCatalogZone,
  ownerTemplate,
  renderLocalCatalog,
  renderSiteFiles,
  type SiteInput,
  takenZones,
} from "../../knot/config/site-config";
import { volumeFolders } from "../../knot/config/volume";
import type { KnotControl, ZoneStatus } from "../../knot/control/knot-control";
import type { WelcomePacket } from "../../mesh/model";
import { areNameServersSaid, parentZone } from "../../mesh/name-servers";
import { bootstrapView, withPacketCatalogs } from "../../mesh/peers";
import { noteSigning, withKeptSigned } from "../../mesh/signing-state";
import type { MeshView } from "../../mesh/view";
import type { Inputs } from "./inputs/inputs";
import { withoutUnseeded } from "./own-zones/seeding";
import { type AgentState, latestView } from "./state-store";

/** The part of Knot's control that applying needs. */
export type ApplyControl = Pick<KnotControl, "reload" | "zoneReload" | "zoneStatus">;

/** Knot did not take what it was given; what stood before is back in place. */
export class ApplyError extends Error {
  override readonly name = "ApplyError";
}

/** What an {@link Applier} works with. */
export interface ApplierOptions {
  readonly control: ApplyControl;
  readonly files: SiteFiles;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds in which Knot must show what it was given. @default 20000 */
  readonly verifyMs?: number;
}

/** Brings a site's files into Knot, all or nothing. */
export class Applier {
  reloads = 0;
  /** Members that Knot was seen to run, with their templates; undefined when that is not known. */
  #seen: Members | undefined;

  constructor(private readonly options: ApplierOptions) {}

  /**
   * Writes what differs, loads it and waits until Knot shows it.
   *
   * @param load.force - Loads also when no file differs: what a predecessor got loaded is unknown.
   * @param load.accepted - Called once Knot took the configuration, before its members are verified.
   * @returns the paths that differed.
   * @throws ApplyError when Knot refused or did not follow; the files from before stand and are loaded again.
   */
  async apply(
    input: SiteInput,
    load: { readonly force?: boolean; readonly accepted?: () => Promise<void> } = {},
  ): Promise<readonly string[]> {
    const before = await this.options.files.replace(renderSiteFiles(input));
    const paths = [...before.keys()];
    if (paths.length === 0 && load.force !== true) return paths;
    const known = load.force === true || !isMembershipAlone(paths) ? undefined : this.#seen;
    this.#seen = undefined;
    try {
      await this.#load(paths, load.force === true);
      await load.accepted?.();
      this.#seen = await this.#verify(input, known);
    } catch (error) {
      await this.options.files.write(before);
      await this.#loadAgain(paths);
      throw new ApplyError(messageOf(error), { cause: error });
    }
    return paths;
  }

  /** Has files stand with which Knot starts, while it is away. */
  async leave(input: SiteInput): Promise<void> {
    await this.options.files.replace(renderSiteFiles(input));
  }

  /** A membership alone takes a reload of the one zone that lists it. */
  async #load(paths: readonly string[], force: boolean): Promise<void> {
    this.reloads += 1;
    if (!force && isMembershipAlone(paths)) {
      await this.options.control.zoneReload(localCatalogZone);
    } else {
      await this.options.control.reload();
    }
  }

  /** Knot keeps its old configuration when it refuses a new one, so that this only matters after a failed verification. */
  async #loadAgain(paths: readonly string[]): Promise<void> {
    try {
      await this.#load(paths, false);
    } catch {
      // Reported already, as the reason for loading again; the next pass retries.
    }
  }

  /** @param known - What Knot ran before, if nothing but the membership changed: then the others need no look. */
  async #verify(input: SiteInput, known: Members | undefined): Promise<Members> {
    const wanted: Members = new Map(takenZones(input).members.map(({ name, owner }) => [name, ownerTemplate(owner)]));
    const began = this.options.now();
    const deadline = began + (this.options.verifyMs ?? 20_000);
    let isShed = known !== undefined;
    for (let wait = 20; ; wait = Math.min(wait * 1.6, 500)) {
      if (!isShed && this.options.now() - began > strayMs) {
        isShed = true;
        await this.#shed(input);
      }
      const missing = await (known === undefined ? this.#difference(input, wanted) : this.#step(known, wanted));
      if (missing === undefined) return wanted;
      if (this.options.now() > deadline) throw new Error(`Knot did not follow: ${missing}`);
      await delay(wait);
    }
  }

  /**
   * Has Knot drop zones that are in none of its files and yet there: one that was a catalog's member once, and then an own zone, it
   * goes on with for good when that goes from its files. As a member it goes with its membership.
   */
  async #shed(input: SiteInput): Promise<void> {
    const { members, former } = takenZones(input);
    const { packet } = input;
    const wanted = [...packet.site.zones, ...members, ...former].map(({ name }) => name);
    const known = new Set([...wanted, packet.directoryZone, packet.catalogZone, localCatalogZone]);
    const strays = [...(await this.#statuses()).values()]
      .filter(({ zone, member }) => member === undefined && !known.has(zone))
      .map(({ zone }) => zone);
    if (strays.length === 0) return;
    const { files, control } = this.options;
    for (const text of [renderLocalCatalog(input, strays), renderLocalCatalog(input)]) {
      await files.write(new Map([[localCatalogFile, text]]));
      await control.zoneReload(localCatalogZone);
      // Knot takes its catalog's members after the zone.
      await delay(memberMs);
    }
  }

  /** A sentence on what Knot does not show yet. */
  async #difference(input: SiteInput, wanted: Members): Promise<string | undefined> {
    const statuses = await this.#statuses();
    const { packet } = input;
    const zones = [...packet.site.zones, ...takenZones(input).former].map(({ name }) => name);
    const fixed = [packet.directoryZone, packet.catalogZone, ...zones];
    for (const zone of [...fixed, localCatalogZone]) {
      const status = statuses.get(zone);
      if (status === undefined || status.member !== undefined) return `zone ${zone} is not there`;
      statuses.delete(zone);
    }
    for (const [name, template] of wanted) {
      if (statuses.get(name)?.member?.group !== template) return absence(name, template);
      statuses.delete(name);
    }
    const [surplus] = statuses.keys();
    return surplus === undefined ? undefined : presence(surplus);
  }

  /** The same, of the members alone that come, go or move. */
  async #step(known: Members, wanted: Members): Promise<string | undefined> {
    const came = [...wanted].filter(([name, template]) => known.get(name) !== template);
    const gone = [...known.keys()].filter((name) => !wanted.has(name));
    const statuses = await this.#statuses([...came.map(([name]) => name), ...gone]);
    const missing = came.find(([name, template]) => statuses.get(name)?.member?.group !== template);
    if (missing !== undefined) return absence(...missing);
    const surplus = gone.find((name) => statuses.has(name));
    return surplus === undefined ? undefined : presence(surplus);
  }

  async #statuses(zones?: readonly string[]): Promise<Map<string, ZoneStatus>> {
    return new Map((await this.options.control.zoneStatus(zones)).map((status) => [status.zone, status]));
  }
}

/** Templates by the names of members. */
type Members = ReadonlyMap<string, string>;

/** After so long what is still there is not on its way out. */
const strayMs = 500;
/** So long Knot may take to make members of what a catalog lists. */
const memberMs = 200;

function isMembershipAlone(paths: readonly string[]): boolean {
  return paths.every((path) => path === localCatalogFile);
}

function absence(zone: string, template: string): string {
  return `zone ${zone} is not there under the template ${template}`;
}

function presence(zone: string): string {
  return `zone ${zone} is still there`;
}

/** The view that files are rendered from: what was accepted last, or the packet's catalog servers on a fresh volume. */
export function standingView(inputs: Inputs, state: AgentState): MeshView {
  return latestView(state) ?? bootstrapView(inputs.packet);
}

/** What Knot's files are rendered from, given the state. One function for the init container and the agent, so that they agree. */
export function siteInput(facts: {
  readonly inputs: Inputs;
  readonly state: AgentState;
  readonly view: MeshView;
  /** Whether we judge changes of own zones from now on. @default false */
  readonly isGuarded?: boolean;
}): SiteInput {
  const { inputs, state, view, isGuarded = false } = facts;
  const ahead = state.packetAhead !== undefined && state.packetAhead === view.directorySerial;
  const known = withoutSought(view, inputs.packet, state.sought ?? []);
  return {
    packet: withMeshParents(
      withKeptSigned(withoutUnseeded(inputs.packet, [...state.seeded, ...(state.outside ?? [])]), state.signing ?? {}),
      {
        view: known,
        runtime: inputs.runtime,
      },
    ),
    ring: inputs.ring,
    localKey: inputs.localKey,
    readers: inputs.readers,
    updaters: inputs.updaters,
    ...(inputs.recordsKey && { recordsKey: inputs.recordsKey }),
    ...(inputs.identity && { identity: inputs.identity }),
    view: ahead ? withPacketCatalogs(known, inputs.packet) : known,
    ...(inputs.packet.signers !== undefined && state.fence && { behind: state.fence.behind }),
    former: state.former ?? [],
    reached: state.reached ?? [],
    runtime: inputs.runtime,
    isGuarded,
  };
}

/**
 * The view without this site's own zones that are looked for. As a catalog's member such a zone would be purged with its
 * DNSSEC keys at the moment that it becomes an own zone again.
 */
function withoutSought(view: MeshView, { site }: WelcomePacket, sought: readonly string[]): MeshView {
  if (sought.length === 0) return view;
  const names = new Set(sought);
  return { ...view, zones: view.zones.filter(({ name, owner }) => owner !== site.name || !names.has(name)) };
}

/**
 * The packet with our own Knot as the parent's server of signed zones below another zone of the mesh, where the list says
 * nothing else: the parent's owner sees to the DS records (ADR 0046), our Knot has the parent, and a roll-over of the
 * key-signing key goes on by itself. Only where the mesh keeps the zone's delegation.
 */
export function withMeshParents(
  packet: WelcomePacket,
  { view, runtime }: { readonly view: MeshView; readonly runtime: Pick<Inputs["runtime"], "listen"> },
): WelcomePacket {
  const names = new Set(view.zones.map(({ name }) => name));
  const kept = new Map(view.zones.map((zone) => [zone.name, zone]));
  const zones = packet.site.zones.map((zone) => {
    const { name, dnssec } = zone;
    const listed = kept.get(name);
    const settings = dnssec === true ? {} : dnssec;
    if (listed === undefined || settings === false || settings.parents !== undefined) return zone;
    if (parentZone(name, names) === undefined || !areNameServersSaid(listed, view)) return zone;
    const [own] = runtime.listen.map(loopback);
    return own === undefined ? zone : { ...zone, dnssec: { ...settings, parents: [own] } };
  });
  const isSame = zones.every((zone, i) => zone === packet.site.zones[i]);
  return isSame ? packet : { ...packet, site: { ...packet.site, zones } };
}

/** A socket of Knot's as somebody on this machine asks there. */
function loopback(listen: string): string {
  return listen.replace(/^0\.0\.0\.0(?=@)/, "127.0.0.1").replace(/^::(?=@)/, "::1");
}

/** Takes note of what a packet says that must outlive it. */
export function notePacket(state: AgentState, inputs: Inputs): AgentState {
  const signing = noteSigning(state.signing ?? {}, inputs.packet.site.zones);
  const noted = noteCatalogs(state, inputs);
  return JSON.stringify(signing) === JSON.stringify(state.signing ?? {}) ? noted : { ...noted, signing };
}

/** Takes note of a packet whose catalog servers are not the ones that were used last. */
function noteCatalogs(state: AgentState, inputs: Inputs): AgentState {
  const catalogs = JSON.stringify(inputs.packet.catalogs);
  if (state.catalogs === catalogs) return state;
  const changed = state.catalogs !== undefined && state.view !== undefined;
  return { ...state, catalogs, ...(changed && { packetAhead: state.view.directorySerial }) };
}

/** Folders in which no other file may stand: Knot includes everything that it finds there. */
const ownedFolders = [volumeFolders.peers, volumeFolders.zoneStanzas];

/** Texts by path below the volume; undefined stands for a file that is not there. */
type FileTexts = ReadonlyMap<string, string | undefined>;

/** Knot's files that change while it runs, on the volume. */
export class SiteFiles {
  constructor(readonly root: string) {}

  /** What stands on the volume where it differs from what is wanted: by path, the text to go back to. */
  async differing(wanted: FileTexts): Promise<FileTexts> {
    const before = new Map<string, string | undefined>();
    for (const [path, text] of [...wanted, ...(await this.#surplus(wanted))]) {
      const standing = await readText(join(this.root, path));
      if (standing !== text) before.set(path, standing);
    }
    return before;
  }

  /** Writes each text, and takes away what has none. */
  async write(texts: FileTexts): Promise<void> {
    for (const [path, text] of texts) {
      const full = join(this.root, path);
      if (text === undefined) await removeFile(full);
      else await writeAtomically(full, text);
    }
  }

  /** Makes the volume hold what is wanted; returns what stood there before where it differed. */
  async replace(wanted: FileTexts): Promise<FileTexts> {
    const before = await this.differing(wanted);
    await this.write(new Map([...before.keys()].map((path) => [path, wanted.get(path)])));
    return before;
  }

  async #surplus(wanted: FileTexts): Promise<readonly (readonly [string, undefined])[]> {
    const found = await Promise.all(
      ownedFolders.map(async (folder) =>
        (await listFolder(join(this.root, folder))).map((name) => `${folder}/${name}`),
      ),
    );
    return found
      .flat()
      .filter((path) => path.endsWith(".conf") && !wanted.has(path))
      .map((path) => [path, undefined] as const);
  }
}
