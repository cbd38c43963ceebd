import { setTimeout as delay } from "node:timers/promises";

import { messageOf, UserError } from "../../base/errors";
import { ensureFolder, readText } from "../../base/files";
import { readJsonFile } from "../../base/json-file";
import type { Logger } from "../../base/log";
import { parseLiveSettings } from "../../contract/live-settings";
import type { DnsClient } from "../../dns/client/dns-client";
import { relayTargets } from "../../knot/config/remotes";
import { renderSiteFiles, signedTemplate } from "../../knot/config/site-config";
import { isWriter } from "../../knot/config/site-runtime";
import { KnotVolume } from "../../knot/config/volume";
import type { WelcomePacket } from "../../mesh/model";
import { notePacket, SiteFiles, siteInput, standingView } from "./apply";
import {
  bringFormer,
  bringRestoredKeys,
  dropRestored,
  noteBegun,
  readRestored,
  type Restored,
  restoredAmong,
} from "./backups/restored";
import { keeperOf } from "./credentials/vault-keeper";
import { answering } from "./first-look";
import { CentralFiles } from "./inputs/central-files";
import { type Inputs, readInputs, standingInputs } from "./inputs/inputs";
import type { AgentOptions } from "./inputs/options";
import { copyStoreOf } from "./keys/copy-store";
import { restoreKeys } from "./keys/restoring";
import { CopySearch } from "./own-zones/copy-search";
import { Seeder, type SeedResult } from "./own-zones/seeding";
import { otherSources } from "./own-zones/zone-source";
import { latestView, type LoadedState, noteSeeded, StateStore } from "./state-store";
import { requireWritable } from "./volume-watch";

/** What {@link prepare} works with. */
export interface PrepareParts {
  readonly options: AgentOptions;
  readonly dns: Pick<DnsClient, "querySoa" | "transfer">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Makes the volume ready for Knot's start: folders, the DNSSEC keys that a volume lacks, files from the last good state, a
 * first content for own zones, and on the primary the central zones; with Vault, key ring and certificate first. What stands there and cannot be made anew now is left for Knot to start from.
 *
 * @throws UserError when there is nothing that Knot could start from, the volume is read-only, or Knot would sign with new keys although there are others.
 */
export async function prepare(parts: PrepareParts): Promise<void> {
  const volume = new KnotVolume(parts.options.runtime.storage);
  await requireWritable(volume.root);
  for (const folder of volume.folders) await ensureFolder(folder);
  const standing = await readText(volume.ownStanzas);
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (standing === undefined) throw error;
      parts.log.error("Knot starts from the files that stand on the volume", { reason: messageOf(error) });
      return undefined;
    }
  };
  const inputs = await attempt(async () => {
    await keeperOf({ ...parts, random: Math.random })?.prepare();
    return readInputs(parts.options, parts.now());
  });
  const restored = inputs && standing === undefined ? await awaitRestored(parts, inputs.packet) : undefined;
  await bringKeys(parts, { packet: inputs?.packet, standing, areFromBackup: restored !== undefined });
  if (inputs !== undefined) await attempt(() => render(parts, inputs, restored));
}

/** The backup that the writer's new volume is to begin with, and its DNSSEC keys, when there is one or the site's stack says so. */
async function awaitRestored(parts: PrepareParts, { site }: WelcomePacket): Promise<Restored | undefined> {
  const { runtime, settingsFile } = parts.options;
  if (!isWriter(runtime)) return undefined;
  const isAwaited = async () => (await readJsonFile(settingsFile, parseLiveSettings)).awaitsRestore === true;
  const volume = new KnotVolume(runtime.storage);
  let restored = await readRestored(volume, site.name);
  for (let looks = 0; restored === undefined && (await isAwaited()); looks++) {
    if (looks % noteEvery === 0)
      parts.log.warn("this new volume waits for a restore: `mesh restore`, or take backups.awaitRestore back");
    await delay(restoreLookMs);
    restored = await readRestored(volume, site.name);
  }
  if (restored === undefined) return undefined;
  const keys = await bringRestoredKeys(volume);
  await bringFormer(volume);
  parts.log.warn("this volume begins with a backup", {
    madeAt: restored.order.at,
    snapshot: restored.order.snapshot,
    keys,
  });
  return restored;
}

/** Between looks whether a restore has come, and looks between notes that it has not. */
const restoreLookMs = 500;
const noteEvery = 120;

/** The writer's DNSSEC keys, where the volume lacks them. Whatever stands in the way of that must keep Knot from signing with others. */
async function bringKeys(
  parts: PrepareParts,
  known: {
    readonly packet: WelcomePacket | undefined;
    readonly standing: string | undefined;
    readonly areFromBackup: boolean;
  },
): Promise<void> {
  const { runtime } = parts.options;
  const store = isWriter(runtime) ? copyStoreOf(parts) : undefined;
  if (store === undefined) return;
  const signs =
    known.packet?.site.zones.some(({ dnssec }) => dnssec !== false) === true ||
    known.standing?.includes(signedTemplate) === true;
  const { areFromBackup } = known;
  const site = known.packet?.site.name ?? "";
  await restoreKeys({ ...parts, storage: runtime.storage, site, store, signs, areFromBackup });
}

async function render(parts: PrepareParts, mounted: Inputs, restored: Restored | undefined): Promise<void> {
  const { runtime } = parts.options;
  const store = new StateStore(new KnotVolume(runtime.storage));
  const loaded = await store.load();
  if (loaded.kind === "damaged") throw new UserError(loaded.reason);
  const inputs = standingInputs(mounted, loaded.state.fence?.highest);
  const { seeded, sought, outside = [] } = await seed(parts, { inputs, loaded, restored });
  const isPrimary = inputs.packet.site.role === "primary-catalog";
  if (parts.options.centralFolder !== undefined && isPrimary && isWriter(runtime)) await takeCentral(parts, inputs);
  await store.update((state) => noteSeeded(notePacket(state, inputs), { seeded, sought, outside }));
  const own = inputs.packet.site.zones.map(({ name }) => name);
  const begun = restored && (await begin(runtime.storage, restored, own));
  const view = standingView(inputs, store.state);
  const { reached = [] } = store.state;
  const answers = await answering(relayTargets(siteInput({ inputs, state: store.state, view })), reached);
  if (answers !== reached) await store.update((state) => ({ ...state, reached: answers }));
  const input = siteInput({ inputs, state: store.state, view });
  const changed = await new SiteFiles(runtime.storage).replace(renderSiteFiles(input));
  if (begun !== undefined) await finishRestored(runtime.storage, begun, sought);
  parts.log.info("the volume is ready", { state: loaded.kind, written: [...changed.keys()], ownZones: seeded });
}

/** From here on no zone is put back by it: each began with it, or does so beside Knot. */
async function begin(storage: string, restored: Restored, own: readonly string[]): Promise<Restored> {
  const zones = await restoredAmong(restored, own);
  return { ...restored, order: await noteBegun(new KnotVolume(storage), restored.order, zones) };
}

/** It stays for zones that wait, which begin with it beside Knot. */
async function finishRestored(storage: string, restored: Restored, sought: readonly string[]): Promise<void> {
  const waiting = await restoredAmong(restored, sought);
  if (waiting.length === 0) await dropRestored(new KnotVolume(storage), restored.order);
}

async function seed(
  parts: PrepareParts,
  known: { readonly inputs: Inputs; readonly loaded: LoadedState; readonly restored: Restored | undefined },
): Promise<SeedResult> {
  const { inputs, restored } = known;
  const { kind, state } = known.loaded;
  const view = latestView(state);
  const { runtime } = parts.options;
  const { packet } = inputs;
  const search = () =>
    new CopySearch({
      dns: parts.dns,
      directoryZone: packet.directoryZone,
      sources: otherSources(inputs),
      isFirst: false,
    });
  const seeder = new Seeder({ runtime, dns: parts.dns, now: parts.now });
  await seeder.restore(packet);
  const result = await seeder.seed({
    packet,
    ...(view !== undefined && { view }),
    seeded: state.seeded,
    sought: state.sought ?? [],
    outside: state.outside ?? [],
    former: state.former ?? [],
    ...(restored && { restored }),
    ...(kind === "fresh" ? { moment: "fresh", search: search() } : { moment: "restart" }),
  });
  for (const reason of result.waiting) parts.log.warn("an own zone has no content yet", { reason });
  return result;
}

async function takeCentral(parts: PrepareParts, { packet }: Inputs): Promise<void> {
  const { centralFolder, runtime } = parts.options;
  if (centralFolder === undefined) return;
  const files = new CentralFiles({ folder: centralFolder, storage: runtime.storage, now: parts.now });
  const result = await files.take(packet, true);
  if (result.kind !== "incomplete") return;
  const volume = new KnotVolume(runtime.storage);
  const zones = [packet.directoryZone, packet.catalogZone];
  const standing = await Promise.all(zones.map((zone) => readText(volume.zoneFile(zone))));
  if (standing.some((text) => text === undefined)) {
    throw new UserError(`${centralFolder} does not hold all parts of the central zones (yet)`);
  }
  parts.log.warn("the mounted parts of the central zones do not belong together; Knot starts from those before");
}
