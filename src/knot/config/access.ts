import { compareText } from "../../base/text";
import { serverName } from "../../mesh/welcome";
import { primaryRules } from "./primaries";
import type { RenderContext, SiteInput } from "./render-context";
import { section, splitList, type Stanza } from "./stanza";
import { updaterRules } from "./updaters";

/** Keys by their names: those of the ring, the site's own, and those of servers and programs outside the mesh. */
export function renderKeys(
  input: Pick<SiteInput, "ring" | "localKey" | "readers" | "updaters" | "recordsKey">,
): string {
  const { ring, localKey, readers, updaters = [], recordsKey } = input;
  const own = [localKey, ...(recordsKey ? [recordsKey] : [])];
  const keys = [...ring.accepted, ...own, ...readers, ...updaters].sort((a, b) => compareText(a.name, b.name));
  return section(
    "key",
    keys.map((key) => ({ id: key.name, algorithm: key.algorithm, secret: key.secret })),
  );
}

/**
 * Who may transfer and notify. Addresses never count: they change behind NAT, and can be made up.
 *
 * - `mesh`: a zone is given to whoever has a key of the ring and, unless transfers run over plain TCP, comes over TLS or
 *   QUIC with a certificate of the authority in the name of a site that the mesh has now. So a site is shut out as soon
 *   as the directory has it no longer.
 * - `mesh-notify`: a NOTIFY holds a zone's name and serial, which everybody may ask for; the key is enough.
 * - `local`: the site's own programs read over the pods' network, and its pods take zones from each other: this key is
 *   there before the ring turns or the mesh knows the site.
 * - `readers`, `readers-tls`: servers outside the mesh may take zones, and nothing else, over whatever they speak, or over
 *   TLS alone. They show a key and no certificate. Those that have zones named may take these alone: see {@link readerIds}.
 * - `records`: the record operator changes own zones at the writer (see {@link updateIds}), and may nothing else. Over TCP
 *   alone: an UPDATE over TLS or QUIC breaks other clients' sessions (ADR 0007), one over UDP can be sent by anybody again.
 * - others who may change own zones: see {@link updaterRules}.
 * - servers that own zones are taken from may announce these: see {@link primaryRules}.
 */
export function renderAccess(context: RenderContext): string {
  return section("acl", [
    ...rules(context),
    ...readerStanzas(context),
    ...updateRules(context),
    ...updaterRules(context),
    ...primaryRules(context),
  ]);
}

/** Ids of the rules that only zones have which are written here. */
export function updateIds(context: RenderContext): readonly string[] {
  return updateRules(context).map(({ id }) => id);
}

function updateRules({ recordsKey }: RenderContext): readonly (Stanza & { readonly id: string })[] {
  if (recordsKey === undefined) return [];
  return [{ id: "records", key: [recordsKey.name], protocol: ["tcp"], action: ["update"] }];
}

/** Ids of the rules that every zone has. */
export function accessIds(context: RenderContext): readonly string[] {
  return rules(context).map(({ id }) => id);
}

function rules(context: RenderContext): readonly (Stanza & { readonly id: string })[] {
  const { ring, localKey, readers, packet } = context;
  const key = namesOf(ring.accepted);
  const ofAll = readers.filter(({ zones }) => zones === undefined);
  const own = [
    { id: "local", key: [localKey.name], action: ["transfer"] },
    { id: "readers", key: namesOf(ofAll.filter(({ tls }) => tls === undefined)), action: ["transfer"] },
    { id: "readers-tls", key: namesOf(ofAll.filter(({ tls }) => tls !== undefined)), ...overTls },
  ].filter((rule) => rule.key.length > 0);
  if (packet.transport === "tcp") return [{ id: "mesh", key, action: ["transfer", "notify"] }, ...own];
  const transfers = splitList(hostNames(context)).map((names, i) => ({
    id: i === 0 ? "mesh" : `mesh-${i}`,
    key,
    "cert-hostname": names,
    protocol: packet.transport === "quic" ? ["quic", "tls"] : ["tls"],
    action: ["transfer"],
  }));
  // First, since Knot stops at the first that fits: a look at a certificate is dear, and a serial is no secret.
  return [{ id: "mesh-notify", key, action: ["notify"] }, ...transfers, ...own];
}

/** Knot's rules have the protocol before the action. */
const overTls = { protocol: ["tls"], action: ["transfer"] } as const;

/** Tells the ids of the rules by which readers that have zones named may take a zone. */
export function readerIds(context: Pick<RenderContext, "readers">): (zone: string) => readonly string[] {
  const rules = readerRules(context).map(({ id, zones }) => ({ id, zones: new Set(zones) }));
  return (zone) => rules.flatMap(({ id, zones }) => (zones.has(zone) ? [id] : []));
}

/** A reader that has zones named, by its place among all. */
function readerRules({ readers }: Pick<RenderContext, "readers">) {
  return readers.flatMap(({ name, zones, tls }, i) => (zones ? [{ id: `reader-${i}`, name, zones, tls }] : []));
}

function readerStanzas(context: RenderContext): readonly Stanza[] {
  return readerRules(context).map(({ id, name, tls }) => ({
    id,
    key: [name],
    ...(tls === undefined ? { action: ["transfer"] } : overTls),
  }));
}

function namesOf(keys: readonly { readonly name: string }[]): readonly string[] {
  return keys.map(({ name }) => name).sort(compareText);
}

/**
 * Names in the certificates of those that may come: the other sites, and the site itself, whose pods come and go. How
 * many there are does not count: a pod that does not know yet of a new one must let it in.
 */
function hostNames({ peers, packet }: RenderContext): readonly string[] {
  return [...peers.map(({ name }) => name), packet.site.name].map((name) => serverName(name, packet.directoryZone));
}
