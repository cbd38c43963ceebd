import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { StorageServer } from "../harness/backups/storage";
import { eventually } from "../harness/eventually";
import { ensureTools } from "../harness/tools";
import { Lab, type LabSite } from "../lab";
import { SiteBackups } from "../lab/site-backups";
import { ownSource } from "../src/agents/sidecar/own-zones/zone-source";
import { inParallel } from "../src/base/in-parallel";
import { table } from "../src/base/table";
import { DnsClient } from "../src/dns/client/dns-client";
import { recordKey, typeNameOf } from "../src/dns/rdata";
import { signerTypes } from "../src/dns/rdata/trust-types";
import type { ResourceRecord } from "../src/dns/record";
import { isNewerSerial } from "../src/dns/serial";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";

const options = {
  zones: wholeNumber(100, { most: 10_000 }),
  signed: wholeNumber(10, { least: 0, most: 1000 }),
  records: wholeNumber(20, { most: 10_000 }),
};

/** Seconds for all zones to answer. */
const patience = 300;
const owner = "site-b";
/** Questions that are under way at a time. */
const askWidth = 16;

function log(line: string): void {
  console.error(line);
}

/** What must come back of a zone: its serial, its records but for those that signing makes, and its keys. */
interface ZoneContent {
  readonly serial: number;
  readonly records: string;
  readonly keys: string;
}

/**
 * Loses a site with everything on its volume and the second place of its keys, while all other sites are away, and brings it
 * back from its backup: seconds from the command to the last zone's answer, and zones that are not as they were.
 */
async function restoring({ zones, signed, records }: Values<typeof options>): Promise<object> {
  await ensureTools(["knot", "restic", "versitygw"], log);
  const folder = await mkdtemp(join(tmpdir(), "bench-restore-"));
  await using storage = await StorageServer.start(folder);
  await using lab = await Lab.create(2);
  try {
    const names = Array.from({ length: zones }, (_, i) => `zone-${i + 1}.example`);
    const lines = Array.from({ length: records }, (_, i) => `host-${i} A 192.0.2.${i % 256}\n`).join("");
    const zoneFile = `$TTL 60\n@ SOA a. b. 1 3600 60 86400 60\n@ NS a.\n${lines}`;
    const listed = lab.list.find(({ name }) => name === owner);
    listed?.zones.push(...names.map((name, i) => ({ name, zoneFile, dnssec: i < signed })));
    log(`starting a mesh of two sites; ${owner} owns ${zones} zones`);
    await lab.upAll();
    await lab.converged(patience);
    return await loseAndRestore(lab, { storage, names, signed: new Set(names.slice(0, signed)) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function loseAndRestore(
  lab: Lab,
  given: { readonly storage: StorageServer; readonly names: readonly string[]; readonly signed: ReadonlySet<string> },
): Promise<object> {
  const { storage, names } = given;
  const site = lab.site(owner);
  const content = contentAt(site);
  await eventually(patience, async () => {
    for (const name of given.signed)
      if ((await content(name)).keys === "") throw new Error(`${name} is not signed yet`);
  });
  await using backups = await SiteBackups.of(site, storage);
  const backup = await timed(() => backups.run("backup"));
  if (backup.result.code !== 0) throw new Error(backup.result.log);
  const before = new Map<string, ZoneContent>();
  for (const name of names) before.set(name, await content(name));
  log(`${owner} is lost, and every other site is away`);
  for (const other of lab.sites.values()) await other.stop("SIGKILL");
  await site.loseVolume();
  await site.loseZoneKeys();
  await site.settle({ awaitsRestore: true });
  const restore = await timed(async () => {
    const starting = site.start();
    // By its time: without one it waits for the other sites, which may have something newer.
    const { code, log: said } = await backups.run("restore", { at: new Date().toISOString() });
    if (code !== 0) throw new Error(said);
    await starting;
    const dns = new DnsClient({ timeoutMs: 2000 });
    const waiting = new Set(names);
    await eventually(patience, async () => {
      await inParallel(askWidth, [...waiting], async (name) => {
        await dns.querySoa(site.server, name).then(
          () => waiting.delete(name),
          () => undefined,
        );
      });
      if (waiting.size > 0) throw new Error(`${waiting.size} zones are not answered`);
    });
  });
  const differences: string[] = [];
  for (const [name, was] of before) {
    const is = await content(name);
    const isSame = is.records === was.records && is.keys === was.keys && isNewerSerial(is.serial, was.serial);
    if (!isSame) differences.push(name);
  }
  for (const name of differences.slice(0, 10)) log(`${name} differs`);
  print({ zones: names.length, backup: backup.seconds, restore: restore.seconds, differences: differences.length });
  return {
    zones: names.length,
    backupSeconds: backup.seconds,
    seconds: restore.seconds,
    differences: differences.length,
  };
}

function contentAt({ server, localKey }: LabSite): (zone: string) => Promise<ZoneContent> {
  const [source, dns] = [ownSource(server, { localKey }), new DnsClient()];
  return async (zone) => {
    const all = await dns.transfer(source.server, zone, source.key);
    const [soa] = all;
    if (soa?.type !== "SOA") throw new Error(`${zone} has no SOA record`);
    const text = (some: readonly ResourceRecord[]): string =>
      some
        .map((each) => `${recordKey(each)} ${each.ttl}`)
        .sort()
        .join("\n");
    return {
      serial: soa.serial,
      records: text(all.filter((each) => each.type !== "SOA" && !signerTypes.has(typeNameOf(each)))),
      keys: text(all.filter((each) => typeNameOf(each) === "DNSKEY")),
    };
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
  const began = performance.now();
  const result = await work();
  return { result, seconds: Math.round(performance.now() - began) / 1000 };
}

function print(found: { zones: number; backup: number; restore: number; differences: number }): void {
  console.log(
    table([
      ["zones", "backup, s", "restore, s", "differences"],
      [String(found.zones), found.backup.toFixed(1), found.restore.toFixed(1), String(found.differences)],
    ]),
  );
}

export const bench = defineBench(module, {
  about: `Seconds until a site that lost its volume and the second place of its keys, while every other site is away, answers all of its
zones again from its backup, and how many of them are not as they were.`,
  options,
  seconds: ({ zones, signed }) => 40 + 0.2 * zones + signed,
  smallest: ["--zones", "2", "--signed", "1", "--records", "1"],
  run: restoring,
});
