import type { Updater } from "../../records/updater";
import type { RenderContext } from "./render-context";
import { isWriter, siblings } from "./site-runtime";
import type { Stanza } from "./stanza";

/** Id of the server that updates go on to from a site's other pods. */
export const updateWriter = "update-writer";

type Rule = Stanza & { readonly id: string };

/**
 * Who may change own zones from outside, and transfer them where that is allowed: each rule stands with the zones of its updater alone.
 *
 * Over UDP and TCP: an UPDATE over TLS or QUIC breaks other clients' sessions (ADR 0007). Knot answers one that no rule
 * lets through with NOTAUTH.
 */
export function updaterRules(context: RenderContext): readonly Rule[] {
  return updatersOf(context).flatMap((updater, i) => [
    ...(takesUpdates(context) ? [updateRule(updater, i)] : []),
    ...(updater.transfer ? [{ id: transferId(i), key: [updater.name], protocol: ["tcp"], action: ["transfer"] }] : []),
  ]);
}

/** Tells the ids of those rules that a zone has. */
export function updaterIds(context: RenderContext): (zone: string) => readonly string[] {
  const rules = updatersOf(context).map(({ zones, transfer }, i) => ({
    zones: new Set(zones),
    ids: [...(takesUpdates(context) ? [updateId(i)] : []), ...(transfer ? [transferId(i)] : [])],
  }));
  return (zone) => rules.flatMap(({ zones, ids }) => (zones.has(zone) ? ids : []));
}

/**
 * Where a pod that is not the writer sends updates on to of a zone that has updaters, once its own rules let them through. Knot leaves the
 * sender's signature out and signs anew: with the key by which the site's own programs change its zones.
 */
export function forwarding(context: RenderContext): Stanza {
  return !isWriter(context.runtime) && takesUpdates(context) ? { "ddns-master": updateWriter } : {};
}

/** The writer as somebody to send updates on to, for the site's other pods. In the clear: see {@link updaterRules}. */
export function updateRemotes(context: RenderContext): readonly Stanza[] {
  const { runtime, recordsKey } = context;
  const [writer] = siblings(runtime);
  if (isWriter(runtime) || writer === undefined || recordsKey === undefined) return [];
  if (updatersOf(context).length === 0) return [];
  return [{ id: updateWriter, address: `${writer.address}@${writer.port}`, key: recordsKey.name }];
}

function updatersOf({ updaters }: RenderContext): readonly Updater[] {
  return updaters ?? [];
}

/** The writer does; another pod if it can sign what it sends on. */
function takesUpdates({ runtime, recordsKey }: RenderContext): boolean {
  return isWriter(runtime) || recordsKey !== undefined;
}

function updateId(i: number): string {
  return `updater-${i}`;
}

function transferId(i: number): string {
  return `updater-${i}-transfer`;
}

function updateRule(updater: Updater, i: number): Rule {
  const { name, zones, updateOwner, updateOwnerMatch, updateOwnerName, updateType } = updater;
  const names = updateOwnerName.flatMap((owner) => (owner === "@" ? zones.map((zone) => `${zone}.`) : [owner]));
  return {
    id: updateId(i),
    key: [name],
    protocol: ["udp", "tcp"],
    action: ["update"],
    "update-type": updateType,
    "update-owner": updateOwner,
    "update-owner-match": updateOwnerMatch,
    ...(names.length > 0 && { "update-owner-name": names.map((owner) => `"${owner}"`) }),
  };
}
