import { existsSync } from "node:fs";

import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { foldName, zoneNameProblem } from "../../base/names";
import type { DnsServer } from "../../dns/client/dns-client";
import type { VaultClient } from "../../vault/client";
import { addCommand, printJson, withJson } from "../command";
import type { LivingSite } from "../living-mesh";

interface Options {
  readonly from?: string;
  readonly without?: string;
  readonly confirm?: string;
  readonly lost?: string;
  readonly server?: string;
  readonly file: string;
  readonly ring?: boolean;
  readonly json?: boolean;
}

/** `mesh recover`: a new shared stack in the place of one whose state was lost. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "recover",
    summary: "the shared stack's settings from the living mesh, when its state was lost",
    description:
      "Reads the clusters of the sites that --from names, by their Pulumi.NAME.yaml in this folder, asks every catalog site for directory and catalog, and Vault (VAULT_TOKEN) where the mesh has one. Roots and keys that sign epochs are taken from what most of these sites were brought up with; what one site alone has is named and left out unless --confirm names it. Whether a zone is signed whose owner is not read, the zone itself shows, as any site gives it; where none does, the command ends, unless --lost names the zone. It writes a new file and never over one that is there. What could not be rebuilt stands there as comments. With --ring it prints the secret setting dns-mesh:recoveredRing instead, for `pulumi config set`, and nothing to a terminal.",
    examples: [
      "recover --from site-a,site-b,site-c",
      "recover --from site-b,site-c --without site-a",
      "recover --from site-b --ring | pulumi -s shared config set --secret dns-mesh:recoveredRing",
    ],
  });
  command
    .option("--from <NAMES>", "sites that live, as many as can be had, with commas in between")
    .option("--without <NAMES>", "catalog sites that are gone for good")
    .option(
      "--confirm <FINGERPRINTS>",
      "roots and keys that sign epochs which too few sites have and which you know to be the mesh's, by SHA-256",
    )
    .option("--lost <ZONES>", "zones that no site has any more, to be listed as not signed and named as not rebuilt")
    .option(
      "--server <NAME=ADDRESS@PORT>",
      "where a site's pod answers instead, through a tunnel; several with commas in between",
    )
    .option("--file <FILE>", "the file to write", "Pulumi.shared.yaml")
    .option("--ring", "prints the key ring of the sites");
  withJson(command).action(recoverTo);
}

async function recoverTo({ from, without, confirm, lost, server, file, ring, json }: Options): Promise<void> {
  const names = namesIn(from);
  if (names.length === 0) throw new UserError("the sites that live are missing: --from NAME,NAME");
  if (ring === true && process.stdout.isTTY)
    throw new UserError(
      'this prints keys, and not to a terminal: hand them on, "| pulumi -s shared config set --secret dns-mesh:recoveredRing"',
    );
  const servers = await serversIn(server);
  const { fingerprintIn } = await import("../../settings/agreed-trust");
  const confirmed = namesIn(confirm).map(fingerprintIn);
  if (ring !== true && existsSync(file)) throw isThere(file);
  const sites = await readSites(names);
  const { recover, ringText, settingsText } = await import("../recover");
  if (ring === true) {
    process.stdout.write(ringText(sites));
    return;
  }
  const { portsOf } = await import("../place");
  const { DnsClient } = await import("../../dns/client/dns-client");
  const vault = await vaultOf(sites);
  const found = await recover({
    dns: new DnsClient({ timeoutMs: 5000 }),
    sites,
    servers,
    ports: portsOf(names[0] ?? ""),
    now: Date.now(),
    without: namesIn(without),
    confirmed,
    lost: zonesIn(lost),
    ...(vault && { vault }),
  });
  await writeNew(file, settingsText(found));
  if (json === true) {
    printJson({ file, notRebuilt: Object.fromEntries(found.gaps) });
    return;
  }
  console.log(`${file}: the shared stack's settings, as the mesh has them. Nothing else has changed`);
  for (const [site, gaps] of found.gaps)
    for (const gap of gaps) console.log(`not rebuilt${site && ` of ${site}`}: ${gap}`);
}

async function readSites(names: readonly string[]): Promise<readonly LivingSite[]> {
  const { placeOf } = await import("../place");
  const { clusterClient } = await import("../../kube/cluster-client");
  const { readLivingSite } = await import("../living-mesh");
  const sites: LivingSite[] = [];
  for (const name of names) {
    const { namespace, ...choice } = placeOf(name, {});
    sites.push(await readLivingSite({ kube: await clusterClient(choice), namespace }, name));
  }
  return sites;
}

/**
 * Vault as whoever runs this reaches it, where the mesh has one and he has a token. The token goes nowhere that a site names.
 *
 * @throws UserError where there is a token and no address.
 */
async function vaultOf(sites: readonly LivingSite[]): Promise<VaultClient | undefined> {
  const { VAULT_ADDR, VAULT_TOKEN: token, VAULT_CACERT: caFile } = process.env;
  const named = sites[0]?.packet.vault?.address;
  if (named === undefined || token === undefined || token === "") return undefined;
  const address = VAULT_ADDR?.replace(/\/+$/, "");
  if (address === undefined || address === "")
    throw new UserError(
      `VAULT_TOKEN is set and VAULT_ADDR is not; ${sites[0]?.packet.site.name ?? ""} says that Vault is at ${named}: set VAULT_ADDR to it if that is your Vault`,
    );
  const { VaultClient: Client } = await import("../../vault/client");
  return new Client({ address, auth: { method: "token", token }, ...(caFile !== undefined && { caFile }) });
}

/** @throws UserError where there is such a file: what is in it may be all that is left. */
async function writeNew(file: string, text: string): Promise<void> {
  const { createAtomically } = await import("../../base/files");
  try {
    await createAtomically(file, text, 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw isThere(file);
  }
}

function isThere(file: string): UserError {
  return new UserError(`${file} is there, and is not written over: name another one with --file, and compare the two`);
}

function namesIn(text: string | undefined): readonly string[] {
  return [...new Set((text ?? "").split(",").map((name) => name.trim()))].filter((name) => name !== "");
}

/** @throws UserError for a text that is not a zone's name. */
function zonesIn(text: string | undefined): readonly string[] {
  return namesIn(text).map((name) => {
    const zone = foldName(name);
    const problem = zoneNameProblem(zone);
    if (problem !== undefined) throw new UserError(`--lost "${name}" ${problem}`);
    return zone;
  });
}

async function serversIn(text: string | undefined): Promise<ReadonlyMap<string, DnsServer>> {
  const { ipVersion } = await import("../../dns/address");
  return new Map(
    namesIn(text).map((entry) => {
      const [, name = "", address = "", port = "53"] = /^([^=]+)=([^@]+)(?:@(\d{1,5}))?$/.exec(entry) ?? [];
      if (ipVersion(address) === undefined || Number(port) < 1 || Number(port) > 65_535)
        throw new UserError(
          `--server "${entry}" is not a site and where its pod answers, such as site-a=127.0.0.1@15353`,
        );
      return [name, { address, port: Number(port) }] as const;
    }),
  );
}
