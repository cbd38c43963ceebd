import * as pulumi from "@pulumi/pulumi";
import * as vault from "@pulumi/vault";

import { messageOf, UserError } from "../../src/base/errors";
import { fields, parseJson } from "../../src/base/json";
import { parseRingDocument, type RingDocument } from "../../src/keyring/ring-document";
import type { CentralZones } from "../../src/mesh/central-parts";
import type { WelcomePacket, WelcomeSecrets } from "../../src/mesh/model";
import { siteView } from "../../src/mesh/peers";
import type { SiteView } from "../../src/mesh/view";
import { parseWelcomePacket } from "../../src/mesh/welcome";
import { findStack, type FormerOutputs, type FoundStack } from "../../src/preflight/former-outputs";
import { type Published, readPublished } from "../../src/preflight/published";
import { isAuto } from "../../src/preflight/waiting-sites";
import type { SiteConfig } from "../../src/settings/site-settings";
import { asRunError } from "../run-error";

/** What an authority outside the cluster and outside Vault issued: the site's certificate, or that of the site's own issuer. */
export type SiteCertificate = Pick<WelcomeSecrets, "certificate" | "privateKey">;

/** All that a site's stack takes from the shared one. */
export interface Welcome {
  readonly packet: WelcomePacket;
  readonly central: CentralZones;
  /** All sites with their zones, as the list has them. */
  readonly published: Published;
  /** All sites of the list; for the primary alone, which lets new ones in. */
  readonly listed?: readonly SiteView[];
  /** All sites of the list, where the site's cluster probes them. */
  readonly probed?: readonly SiteView[];
  /** A secret. Left out with Vault: the pods fetch it from there. */
  readonly ring?: pulumi.Output<RingDocument>;
  /** A secret as a whole. Left out where Vault issues. */
  readonly issued?: pulumi.Output<SiteCertificate>;
  /** Nobody issues at present: the site keeps the certificate, or the issuer, that its cluster has. */
  readonly issuedStays?: true;
  /** The list takes the site's addresses from its load balancer. */
  readonly isAuto?: true;
  /** A way into Vault, where the stack itself needs one: for AppRole, and for certificates that lie there. */
  readonly vault?: vault.Provider;
}

type WelcomeConfig = Pick<SiteConfig, "shared" | "site" | "vault" | "namespace" | "monitoring">;

/**
 * Fetches a site's welcome from the shared stack, and from Vault what lies there and the pods do not fetch themselves.
 *
 * @param known - What {@link requireStack} returned. @default looked up
 * @throws UserError when the shared stack does not exist, was never brought up, does not know the site, or has given Vault
 * another namespace than the site's.
 */
export async function fetchWelcome(config: WelcomeConfig, known?: FormerOutputs): Promise<Welcome> {
  const outputs = known ?? (await requireStack(config.shared));
  const reference = new pulumi.StackReference(config.shared);
  const sites = await plainOutput(reference, "sites", config.shared);
  const packet = findPacket(sites, config);
  requireNamespace(packet, config);
  return {
    packet,
    ...(isAuto(outputs, config.site) && { isAuto: true as const }),
    published: readPublished(sites),
    ...(packet.site.role === "primary-catalog" && { listed: sitesIn(sites) }),
    ...(config.monitoring?.probes && { probed: sitesIn(sites) }),
    central: {
      directory: String(await plainOutput(reference, "directory", config.shared)),
      catalog: String(await plainOutput(reference, "catalog", config.shared)),
    },
    ...(packet.vault === undefined ? await fromStack(reference, config.site) : fromVault(packet, config)),
  };
}

/** Vault would refuse the pods, which shows only when they start. */
function requireNamespace({ vault }: WelcomePacket, { site, namespace }: WelcomeConfig): void {
  if (vault?.auth.method !== "jwt" || vault.auth.namespace === namespace) return;
  throw new UserError(
    `Vault lets in pods of site "${site}" from the namespace "${vault.auth.namespace}", but dns-mesh:namespace is "${namespace}"; ` +
      `set "vault: { namespace: ${namespace} }" for the site in the shared stack's dns-mesh:mesh and bring that stack up, or change dns-mesh:namespace`,
  );
}

/**
 * Makes sure that the shared stack can be read. A StackReference that cannot ends the whole run before anybody can say
 * what to do about it; this call merely fails.
 *
 * @returns what it said when it was brought up last, secrets covered.
 * @throws UserError with the cure.
 */
export async function requireStack(shared: string): Promise<FormerOutputs> {
  let found: FoundStack;
  try {
    found = await findStack(shared);
  } catch (error) {
    throw new UserError(
      `the shared stack "${shared}" cannot be read: ${messageOf(error)}; make it readable (pulumi stack output -s ${shared}), or check dns-mesh:shared`,
      { cause: error },
    );
  }
  if (found.kind === "missing")
    throw new UserError(
      `the shared stack "${shared}" does not exist, or you may not see it; check dns-mesh:shared, or ${bringUp(shared)}`,
    );
  return found.outputs;
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

/** The sites of the list, by their packets. */
function sitesIn(packets: unknown): readonly SiteView[] {
  return Object.values(fields(packets)).map((packet) => siteView(parseWelcomePacket(packet).site));
}

async function fromStack(
  reference: pulumi.StackReference,
  site: string,
): Promise<Pick<Welcome, "ring" | "issued" | "issuedStays">> {
  const { value: stays } = (await reference.getOutputDetails("certificatesStay")) as { value?: unknown };
  const secrets = pulumi
    .secret(reference.requireOutput("siteSecrets"))
    .apply((all: unknown) => fields(fields(all)[site]));
  return {
    ring: secrets.apply(({ keyRing }) => asUserSees(() => parseRingDocument(keyRing))),
    ...(stays === true
      ? { issuedStays: true }
      : { issued: secrets.apply((found) => asUserSees(() => readIssued(found, site))) }),
  };
}

function fromVault(packet: WelcomePacket, config: WelcomeConfig): Pick<Welcome, "issued" | "vault"> {
  const { vault: access, certificates } = packet;
  if (access === undefined || (certificates === "vault" && access.auth.method === "jwt")) return {};
  const provider = new vault.Provider("vault", {
    address: config.vault?.engineAddress ?? config.vault?.address ?? access.address,
  });
  if (certificates === "vault") return { vault: provider };
  const path = `${certificates === "cert-manager" ? "issuers" : "sites"}/${config.site}`;
  const found = vault.kv.getSecretV2Output({ mount: access.mount, name: path }, { provider });
  const issued = pulumi
    .secret(found.dataJson)
    .apply((text) =>
      asUserSees(() => readIssued(fields(parseJson(text, `${access.mount}/${path} in Vault`)), config.site)),
    );
  return { vault: provider, issued };
}

/** Checks the shape. No message shows any of the content. */
function readIssued({ certificate, privateKey }: Readonly<Record<string, unknown>>, site: string): SiteCertificate {
  if (typeof certificate === "string" && typeof privateKey === "string") return { certificate, privateKey };
  throw new UserError(
    `the secrets of site "${site}" have no certificate or no private key; bring the shared stack up again`,
  );
}

function asUserSees<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asRunError(error);
  }
}
