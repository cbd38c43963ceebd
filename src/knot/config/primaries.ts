import { compareText } from "../../base/text";
import { splitServer } from "../../dns/address";
import type { Primary, Zone } from "../../mesh/model";
import type { RenderContext } from "./render-context";
import { isWriter } from "./site-runtime";
import type { Stanza } from "./stanza";

/** The template of own zones that are taken from a server outside the mesh. */
export const outsideTemplate = "outside";

/**
 * Whether Knot takes an own zone from outside. One whose signatures of ours have not been withdrawn stays what it is.
 */
export function isTakenIn({ primaries, dnssec }: Pick<Zone, "primaries" | "dnssec">): boolean {
  return primaries !== undefined && dnssec === false;
}

/** What all such zones have at the writer beside what own zones have: a transfer becomes a difference, which is kept and passed on. */
export const outsideFields: Stanza = { "ixfr-from-axfr": true, "retry-max-interval": 30 };

/** The primaries of a site's own zones as sources. Nothing is asked of them before there is a guard that judges what they give. */
export function primaryRemotes(context: RenderContext): readonly Stanza[] {
  if (!asks(context)) return [];
  return allPrimaries(context).map(({ address, key }, i) => {
    const server = splitServer(address);
    return { id: remoteIdOf(i), address: [`${server.address}@${server.port}`], key };
  });
}

/** Tells what a zone has so that it is taken from its primaries. */
export function primariesOf(context: RenderContext): (zone: Zone) => Stanza {
  if (!asks(context)) return () => ({});
  const usable = usableIn(context);
  const ids = new Map(allPrimaries(context).map((primary, i) => [identityOf(primary), remoteIdOf(i)]));
  return (zone) => {
    const master = usable(zone).flatMap((primary) => ids.get(identityOf(primary)) ?? []);
    return master.length === 0 ? {} : { master };
  };
}

/** Rules by which primaries may send NOTIFY, and nothing else, by their keys: an address changes behind NAT. */
export function primaryRules(context: RenderContext): readonly Stanza[] {
  return notifyingKeys(context).map((key, i) => ({ id: ruleIdOf(i), key: [key], action: ["notify"] }));
}

/** Tells the ids of those rules that a zone has, at each of the site's pods: a NOTIFY comes to any of them. */
export function primaryIds(context: RenderContext): (zone: Zone) => readonly string[] {
  const usable = usableIn(context);
  const rules = notifyingKeys(context).map((key, i) => ({ key, id: ruleIdOf(i) }));
  return (zone) => {
    const keys = new Set(usable(zone).map(({ key }) => key));
    return keys.size === 0 ? [] : rules.flatMap(({ key, id }) => (keys.has(key) ? [id] : []));
  };
}

/** Knot would refuse its whole configuration for a key that it does not have. */
function usableIn({ readers }: Pick<RenderContext, "readers">): (zone: Zone) => readonly Primary[] {
  const keys = new Set(readers.map(({ name }) => name));
  return (zone) => (isTakenIn(zone) ? (zone.primaries ?? []).filter(({ key }) => keys.has(key)) : []);
}

function asks({ runtime, isGuarded }: RenderContext): boolean {
  return isWriter(runtime) && isGuarded === true && (runtime.guard ?? false) !== false;
}

function allPrimaries(context: RenderContext): readonly Primary[] {
  const all = context.packet.site.zones.flatMap(usableIn(context));
  const byIdentity = new Map(all.map((primary) => [identityOf(primary), primary]));
  return [...byIdentity].sort(([a], [b]) => compareText(a, b)).map(([, primary]) => primary);
}

function notifyingKeys(context: RenderContext): readonly string[] {
  const keys = context.packet.site.zones.flatMap(usableIn(context)).map(({ key }) => key);
  return [...new Set(keys)].sort();
}

function identityOf({ address, key }: Primary): string {
  return `${address} ${key}`;
}

function remoteIdOf(i: number): string {
  return `primary-${i}`;
}

function ruleIdOf(i: number): string {
  return `primary-${i}-notify`;
}
