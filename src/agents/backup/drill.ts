import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { messageOf } from "../../base/errors";
import { listFolder, readText, writeAtomically } from "../../base/files";
import { sha256 } from "../../base/json";
import { readJsonFile } from "../../base/json-file";
import { backupFiles, type BackupManifest } from "../../contract/backups";
import type { DnsClient } from "../../dns/client/dns-client";
import { zoneDigest } from "../../dns/zone-digest";
import { randomKey } from "../../keyring/fresh-key";
import { parseTsigKey } from "../../keyring/tsig-key";
import { KnotControl } from "../../knot/control/knot-control";
import { BackupError } from "./failure";
import type { Snapshot } from "./repository";
import type { BackupOptions } from "./restic";
import { readManifest, type RunParts } from "./runs";
import { ScratchKnot } from "./scratch-knot";

/** Where a drill's Knot answers, unless its pod says otherwise: nobody else is in that pod. */
const usualDns = { address: "127.0.0.1", port: 5353 };
/** For the scratch Knot to start, to restore all zones, and to load the last of them. */
const [startMs, restoreMs, loadMs] = [120_000, 600_000, 60_000];
/** Differences that are named. */
const mostNamed = 5;

/** Brings the last backup into the drill's folder, and what its Knot is configured from. */
export async function fetchForDrill(parts: RunParts): Promise<void> {
  const { options, site, repository } = parts;
  const scratch = new ScratchKnot(options.folder);
  const snapshot = await repository.find(undefined);
  await repository.fetch(snapshot.id, scratch.backup);
  const manifest = await readManifest(scratch.backup, site);
  await scratch.configure(manifest, { dns: options.drillDns ?? usualDns, key: randomKey("drill") });
  await writeAtomically(join(options.folder, snapshotFile), snapshot.id);
}

const snapshotFile = "snapshot";

/** What a comparison found. */
export interface Comparison {
  readonly manifest: BackupManifest;
  /** Sentences. */
  readonly differences: readonly string[];
  readonly withoutDigest: number;
}

/** Restores the backup that was fetched into the Knot beside us, and compares every zone and all keys. Leaves Knot running. */
export async function compareRestored(parts: {
  readonly options: Pick<BackupOptions, "folder" | "drillDns">;
  readonly site: string;
  readonly dns: Pick<DnsClient, "transfer">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}): Promise<Comparison> {
  const { options, site, dns, now } = parts;
  const scratch = new ScratchKnot(options.folder);
  const manifest = await readManifest(scratch.backup, site);
  const key = await readJsonFile(scratch.keyFile, (json) => parseTsigKey(json, "key"));
  const control = new KnotControl(scratch.socket, { timeoutMs: restoreMs });
  await eventually(() => control.status(), { ms: startMs, now });
  await control.zoneRestore(join(scratch.backup, backupFiles.knot));
  await loaded(control, manifest, now);
  const differences: string[] = [];
  for (const { zone, serial, digest } of manifest.zones) {
    const records = await dns.transfer(options.drillDns ?? usualDns, zone, key).catch((error: unknown) => {
      differences.push(`zone ${zone} is not served: ${messageOf(error)}`);
    });
    if (records === undefined) continue;
    const [soa] = records;
    if (soa?.type !== "SOA" || soa.serial !== serial)
      differences.push(`zone ${zone} has another serial than ${serial}`);
    else if (digest !== undefined && zoneDigest(records) !== digest)
      differences.push(`zone ${zone} has another content`);
  }
  const keys = new Set((await listFolder(join(scratch.keys, "keys"))).map((name) => name.replace(/\.pem$/, "")));
  for (const id of manifest.keys) if (!keys.has(id)) differences.push(`key ${id} is not there`);
  for (const { file, digest } of manifest.former ?? []) {
    const text = await readText(join(scratch.backup, backupFiles.former, file));
    if (text === undefined || sha256(text) !== digest)
      differences.push(`${file}, of a zone that left the site, is not as it was`);
  }
  return { manifest, differences, withoutDigest: manifest.zones.filter(({ digest }) => digest === undefined).length };
}

/** Restores into the scratch Knot, compares, reports, and ends that Knot. */
export async function drill(parts: RunParts & { readonly dns: Pick<DnsClient, "transfer"> }): Promise<void> {
  const { options, agent, now, log } = parts;
  const began = now();
  const scratch = new ScratchKnot(options.folder);
  try {
    const { manifest, differences, withoutDigest } = await compareRestored(parts);
    if (differences.length > 0) throw new BackupError("different", named(differences));
    const snapshot = await snapshotOf(options.folder);
    const { at: madeAt, zones } = manifest;
    const counts = { snapshot, madeAt, zones: zones.length, withoutDigest };
    log.info("the last backup was restored, and nothing differs", counts);
    await agent.report({
      kind: "drill",
      at: new Date(now()).toISOString(),
      ...counts,
      seconds: (now() - began) / 1000,
    });
  } finally {
    await new KnotControl(scratch.socket).stop().catch(() => undefined);
  }
}

async function snapshotOf(folder: string): Promise<Snapshot["id"]> {
  return ((await readText(join(folder, snapshotFile))) ?? "").trim();
}

function named(differences: readonly string[]): string {
  const more = differences.length - mostNamed;
  return `${differences.slice(0, mostNamed).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** Knot answers before the last zone is loaded. One that is not by then is a difference. */
async function loaded(control: KnotControl, { zones }: BackupManifest, now: () => number): Promise<void> {
  const isLoaded = async (): Promise<void> => {
    const known = await control.zoneStatus();
    if (known.filter(({ serial }) => serial !== undefined).length < zones.length)
      throw new Error("zones are not loaded");
  };
  await eventually(isLoaded, { ms: loadMs, now }).catch(() => undefined);
}

async function eventually(
  work: () => Promise<unknown>,
  { ms, now }: { readonly ms: number; readonly now: () => number },
): Promise<void> {
  const end = now() + ms;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (now() > end) throw error;
      await delay(200);
    }
  }
}
