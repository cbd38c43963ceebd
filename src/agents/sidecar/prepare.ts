import { messageOf, UserError } from "../../base/errors";
import { ensureFolder, readText } from "../../base/files";
import type { Logger } from "../../base/log";
import type { DnsClient } from "../../dns/client/dns-client";
import { renderSiteFiles, signedTemplate } from "../../knot/config/site-config";
import { isWriter } from "../../knot/config/site-runtime";
import { KnotVolume } from "../../knot/config/volume";
import type { WelcomePacket } from "../../mesh/model";
import { notePacket, SiteFiles, siteInput, standingView } from "./apply";
import { keeperOf } from "./credentials/vault-keeper";
import { CentralFiles } from "./inputs/central-files";
import { type Inputs, readInputs } from "./inputs/inputs";
import type { AgentOptions } from "./inputs/options";
import { copyStoreOf } from "./keys/copy-store";
import { restoreKeys } from "./keys/restoring";
import { CopySearch } from "./own-zones/copy-search";
import { Seeder, type SeedResult } from "./own-zones/seeding";
import { otherSources } from "./own-zones/zone-source";
import { type LoadedState, noteSeeded, StateStore } from "./state-store";
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
  await bringKeys(parts, { packet: inputs?.packet, standing });
  if (inputs !== undefined) await attempt(() => render(parts, inputs));
}

/** The writer's DNSSEC keys, where the volume lacks them. Whatever stands in the way of that must keep Knot from signing with others. */
async function bringKeys(
  parts: PrepareParts,
  known: { readonly packet: WelcomePacket | undefined; readonly standing: string | undefined },
): Promise<void> {
  const { runtime } = parts.options;
  const store = isWriter(runtime) ? copyStoreOf(parts) : undefined;
  if (store === undefined) return;
  const signs =
    known.packet?.site.zones.some(({ dnssec }) => dnssec !== false) === true ||
    known.standing?.includes(signedTemplate) === true;
  await restoreKeys({ ...parts, storage: runtime.storage, site: known.packet?.site.name ?? "", store, signs });
}

async function render(parts: PrepareParts, inputs: Inputs): Promise<void> {
  const { runtime } = parts.options;
  const store = new StateStore(new KnotVolume(runtime.storage));
  const loaded = await store.load();
  if (loaded.kind === "damaged") throw new UserError(loaded.reason);
  const { seeded, sought } = await seed(parts, inputs, loaded);
  if (parts.options.centralFolder !== undefined && isWriter(runtime)) await takeCentral(parts, inputs);
  await store.update((state) => noteSeeded(notePacket(state, inputs), { seeded, sought }));
  const input = siteInput({ inputs, state: store.state, view: standingView(inputs, store.state) });
  const changed = await new SiteFiles(runtime.storage).replace(renderSiteFiles(input));
  parts.log.info("the volume is ready", { state: loaded.kind, written: [...changed.keys()], ownZones: seeded });
}

async function seed(parts: PrepareParts, inputs: Inputs, { kind, state }: LoadedState): Promise<SeedResult> {
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
    ...(state.view !== undefined && { view: state.view }),
    seeded: state.seeded,
    sought: state.sought ?? [],
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
