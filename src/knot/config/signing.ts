import { compareText } from "../../base/text";
import { memberId } from "../../mesh/catalog";
import type { Dnssec } from "../../mesh/model";
import type { SiteInput } from "./render-context";
import { defaultSigningTimes, isWriter } from "./site-runtime";
import { section, type Stanza } from "./stanza";

/** Id of the policy that a signed zone has unless its settings say otherwise. */
export const defaultPolicy = "signed";

/** Id of the policy for a zone's settings: equal settings, equal policy. */
export function policyOf(dnssec: true | Dnssec): string {
  const { nsec3, withdraw, parents } = settingsOf(dnssec);
  return [
    defaultPolicy,
    ...(nsec3 === true ? ["nsec3"] : []),
    ...(withdraw === true ? ["withdraw"] : []),
    ...(parents === undefined ? [] : [parentsHash(parents)]),
  ].join("-");
}

/**
 * The policies that the site's signed zones have, and whom Knot asks for DS records. Only the writer signs; the default
 * policy stands everywhere, since a template names it.
 *
 * One algorithm, 13 (RFC 8624). The key-signing key changes on command only. CDS and CDNSKEY are always there, so that a
 * parent which reads them (RFC 7344, RFC 8078) always finds what it should have, and so that we do.
 */
export function renderSigning({ packet, runtime }: Pick<SiteInput, "packet" | "runtime">): string {
  const signed = isWriter(runtime) ? packet.site.zones.map(({ dnssec }) => dnssec) : [];
  const wanted = new Map<string, Dnssec>([[defaultPolicy, {}]]);
  for (const dnssec of signed) if (dnssec !== false) wanted.set(policyOf(dnssec), settingsOf(dnssec));
  const policies = [...wanted].sort(([a], [b]) => compareText(a, b));
  const groups = new Map(policies.flatMap(([, { parents }]) => (parents ? [[groupId(parents), parents]] : [])));
  const servers = [...new Set([...groups.values()].flat())].sort(compareText);
  const times = runtime.signing ?? defaultSigningTimes;
  return (
    section(
      "remote",
      servers.map((server) => ({ id: serverId(server), address: server.includes("@") ? server : `${server}@53` })),
    ) +
    section(
      "submission",
      [...groups].map(([id, parents]) => ({
        id,
        "check-interval": times.parentCheck,
        "parent-delay": times.parentDelay,
        parent: parents.map(serverId),
      })),
    ) +
    section(
      "policy",
      policies.map(([id, settings]) => policy(id, settings, times)),
    )
  );
}

function policy(id: string, { nsec3, withdraw, parents }: Dnssec, times: typeof defaultSigningTimes): Stanza {
  return {
    id,
    algorithm: "ecdsap256sha256",
    "rrsig-lifetime": times.signature,
    "rrsig-refresh": times.refresh,
    // Signatures that come due soon are made along with those that are due.
    "rrsig-pre-refresh": Math.min(3600, Math.floor(times.refresh / 10)),
    "zsk-lifetime": times.zoneKey,
    "ksk-lifetime": 0,
    "dnskey-ttl": times.keyTtl,
    "propagation-delay": times.propagation,
    "cds-cdnskey-publish": withdraw === true ? "delete-dnssec" : "always",
    ...(parents !== undefined && { "ksk-submission": groupId(parents) }),
    // RFC 9276 section 3.1: no further iterations, no salt.
    ...(nsec3 === true && { nsec3: true, "nsec3-iterations": 0, "nsec3-salt-length": 0 }),
  };
}

function settingsOf(dnssec: true | Dnssec): Dnssec {
  return dnssec === true ? {} : dnssec;
}

function groupId(parents: readonly string[]): string {
  return `parents-${parentsHash(parents)}`;
}

/** Ids may have some hundred octets at the most. */
function parentsHash(parents: readonly string[]): string {
  return memberId(parents.join(" ")).slice(0, 10);
}

function serverId(server: string): string {
  return `parent-${plainId(server)}`;
}

/** Ids take neither colons nor `@`. */
function plainId(server: string): string {
  return server.replace(/[:@]/g, (char) => (char === "@" ? "-p" : "-"));
}
