import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";
import { messageOf, UserError } from "../../src/errors";
import type { CentralZones } from "../../src/knot/central-parts";
import type { WelcomePacket, WelcomeSecrets } from "../../src/mesh/model";
import { parseKeyRing, parseWelcomePacket } from "../../src/mesh/welcome";
import type { SiteConfig } from "../config";
import { asRunError } from "../run-error";
import type { VaultPaths } from "../shared/vault-shelf";

/** All that a site's stack takes from the shared one. */
export interface Welcome {
  readonly packet: WelcomePacket;
  /** A secret as a whole. */
  readonly secrets: pulumi.Output<WelcomeSecrets>;
  readonly central: CentralZones;
  /** Where this site reaches the Vault that holds its secrets; absent when the stacks hold them. */
  readonly vaultAddress?: string;
}

type WelcomeConfig = Pick<SiteConfig, "shared" | "site" | "vault">;

/**
 * Fetches a site's welcome from the shared stack, and its secrets from Vault when the shared stack put them there.
 *
 * @throws UserError when the shared stack does not exist, was never brought up, or does not know the site.
 */
export async function fetchWelcome(config: WelcomeConfig): Promise<Welcome> {
  await requireStack(config.shared);
  const reference = new pulumi.StackReference(config.shared);
  const sites = await plainOutput(reference, "sites", config.shared);
  const packet = findPacket(sites, config);
  return {
    packet,
    central: {
      directory: String(await plainOutput(reference, "directory", config.shared)),
      catalog: String(await plainOutput(reference, "catalog", config.shared)),
    },
    secrets: await siteSecrets(reference, config),
    ...(await vaultAddress(reference, config)),
  };
}

async function vaultAddress(
  reference: pulumi.StackReference,
  config: WelcomeConfig,
): Promise<Pick<Welcome, "vaultAddress">> {
  const shelf = (await reference.getOutputDetails("vaultPaths")).value as VaultPaths | undefined;
  return shelf === undefined ? {} : { vaultAddress: config.vault?.address ?? shelf.address };
}

/**
 * Makes sure that the shared stack can be read. A StackReference that cannot ends the whole run before anybody can say
 * what to do about it; this call merely fails.
 */
async function requireStack(shared: string): Promise<void> {
  try {
    await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name: shared });
  } catch (error) {
    const reason = messageOf(error).replace(/^.*returned an error: /s, "");
    throw new UserError(
      `the shared stack "${shared}" cannot be read: ${reason}; check dns-mesh:shared, or ${bringUp(shared)}`,
    );
  }
}

function bringUp(shared: string): string {
  return `bring it up first (pulumi up -s ${shared.split("/").at(-1) ?? shared})`;
}

async function plainOutput(reference: pulumi.StackReference, name: string, shared: string): Promise<unknown> {
  const { value } = (await reference.getOutputDetails(name)) as { value?: unknown };
  if (value !== undefined) return value;
  throw new UserError(
    `the shared stack "${shared}" has no output "${name}": it was never brought up; ${bringUp(shared)}`,
  );
}

function findPacket(sites: unknown, config: WelcomeConfig): WelcomePacket {
  const known = typeof sites === "object" && sites !== null ? (sites as Readonly<Record<string, unknown>>) : {};
  if (!Object.hasOwn(known, config.site)) {
    throw new UserError(
      `the shared stack "${config.shared}" knows no site "${config.site}" (it knows ${Object.keys(known).join(", ")}); ` +
        `add it to dns-mesh:mesh there and bring that stack up, or name another one in dns-mesh:site`,
    );
  }
  return parseWelcomePacket(known[config.site]);
}

async function siteSecrets(
  reference: pulumi.StackReference,
  config: WelcomeConfig,
): Promise<pulumi.Output<WelcomeSecrets>> {
  const details = await reference.getOutputDetails("vaultPaths");
  if (details.value !== undefined) return fromVault(details.value as VaultPaths, config);
  return pulumi
    .secret(reference.requireOutput("siteSecrets"))
    .apply((all: unknown) => readSecrets((all as Readonly<Record<string, unknown>>)[config.site], config.site));
}

function fromVault(shelf: VaultPaths, config: WelcomeConfig): pulumi.Output<WelcomeSecrets> {
  const path = shelf.paths[config.site];
  if (path === undefined)
    throw new UserError(
      `the shared stack "${config.shared}" has no Vault path for site "${config.site}"; bring it up again`,
    );
  const provider = new vault.Provider("vault", { address: config.vault?.address ?? shelf.address });
  const found = vault.kv.getSecretV2Output({ mount: shelf.mount, name: path }, { provider });
  return pulumi.secret(found.dataJson).apply((text) => readSecrets(JSON.parse(text), config.site));
}

/** Checks the secrets' shape. No message shows any of their content. */
function readSecrets(json: unknown, site: string): WelcomeSecrets {
  const found = (typeof json === "object" && json !== null ? json : {}) as Partial<
    Record<keyof WelcomeSecrets, unknown>
  >;
  const { certificate, privateKey } = found;
  try {
    if (typeof certificate !== "string" || typeof privateKey !== "string") {
      throw new UserError(
        `the secrets of site "${site}" have no certificate or no private key; bring the shared stack up again`,
      );
    }
    return { keyRing: parseKeyRing(found.keyRing), certificate, privateKey };
  } catch (error) {
    throw asRunError(error);
  }
}
