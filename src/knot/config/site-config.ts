import { compareText } from "../../base/text";
import { printZone, soaRecord } from "../../dns/zone-text";
import { encodeCatalog } from "../../mesh/catalog";
import type { WelcomePacket, Zone } from "../../mesh/model";
import { formatPodId } from "../../mesh/pod-id";
import { centralSourcesOf, sourcesOf } from "../../mesh/topology";
import type { SiteView } from "../../mesh/view";
import { accessIds, readerIds, renderAccess, renderKeys, updateIds } from "./access";
import { guardedBy, renderGuard } from "./guard";
import { renderCookies, renderLimits } from "./modules";
import { isTakenIn, outsideFields, outsideTemplate, primariesOf, primaryIds } from "./primaries";
import { audienceLists, remoteId, renderRemotes, siblingLists, sourceIds } from "./remotes";
import { ownerTemplate, type RenderContext, renderContext, type SiteInput, type TlsIdentity } from "./render-context";
import { defaultPolicy, policyOf, renderSigning } from "./signing";
import { isWriter, siblings } from "./site-runtime";
import { section, type Stanza } from "./stanza";
import { centralTimers, memberTimers, type Timers } from "./timers";
import { forwarding, updaterIds } from "./updaters";
import { volumeFiles, volumeFolders, zoneFileOf } from "./volume";

export { renderKnotConf } from "./knot-conf";
export { takenZones, ownerTemplate, type TlsIdentity, type SiteInput } from "./render-context";
export type { SiteRuntime } from "./site-runtime";

/** The template of own zones that Knot signs. */
export const signedTemplate = "own-signed";

/** The zone that Knot interprets: the members that the plan lets through. Never leaves the server. */
export const localCatalogZone = "local-catalog.invalid";

/** Where the local catalog's file stands on the volume. Rewriting it and `zone-reload` is all that a membership takes. */
export const localCatalogFile = zoneFileOf(localCatalogZone);

/**
 * Every file that changes while a site runs, by its path on the volume.
 *
 * Own zones are those of the packet and stay static, whatever the view says of them: nothing in a central zone can
 * purge an origin. Every other zone of the view is a member of the local catalog, under the template of its owner. A
 * zone that the view gives to this site, but the packet does not yet, stays a member (fetched from the catalog sites),
 * so that it is served until this site takes it over. A zone that went to another owner stays static, too: it is another's from
 * one moment to the next, without one in which Knot has it not.
 */
export function renderSiteFiles(input: SiteInput): Map<string, string> {
  const context = renderContext(input);
  const { peers, zoneStanzas } = volumeFolders;
  return new Map([
    ...(input.identity ? identityTexts(input.identity) : []),
    [volumeFiles.keys, renderKeys(input)],
    ["conf/peers.d/00-server.conf", renderServer(context)],
    [`${peers}/05-access.conf`, renderAccess(context)],
    [volumeFiles.cookies, renderCookies(input.ring, input.packet.site.name)],
    [volumeFiles.limits, renderLimits(input.runtime)],
    [`${peers}/10-remotes.conf`, renderRemotes(context)],
    [`${peers}/15-signing.conf`, renderSigning(input)],
    ...renderGuard(input).map((text): [string, string] => [`${peers}/17-guard.conf`, text]),
    [`${peers}/20-templates.conf`, renderTemplates(context)],
    [`${peers}/30-catalog.conf`, renderLocalCatalogStanza(context)],
    [`${zoneStanzas}/central.conf`, renderCentralStanzas(input.packet)],
    [volumeFiles.ownStanzas, renderOwnStanzas(context)],
    ...(context.former.length > 0
      ? [[volumeFiles.formerStanzas, renderFormerStanzas(context)] as [string, string]]
      : []),
    [localCatalogFile, localCatalogOf(context)],
  ]);
}

/**
 * Which pod it is, for whoever asks for that (NSID, RFC 5001): an address alone cannot tell, and how many pods there are
 * changes while they run.
 */
function renderServer({ packet, runtime }: RenderContext): string {
  const { self: ordinal, addresses } = runtime.replicas ?? { self: 0, addresses: [""] };
  // A pod that the list has no longer answers until it ends: as long as it does, there is one more.
  const replicas = Math.max(addresses.length, ordinal + 1);
  const pod = formatPodId({ site: packet.site.name, ordinal, replicas });
  return `server:\n    nsid: "${pod}"\n\n`;
}

/** Certificate and key stand in one file, which is replaced as a whole: a pair that does not fit never stands there. */
function identityTexts({ certificate, privateKey, roots }: TlsIdentity): readonly (readonly [string, string])[] {
  return [
    [volumeFiles.certificate, `${certificate.trimEnd()}\n${privateKey.trimEnd()}\n`],
    [volumeFiles.roots, roots],
  ];
}

/** What a zone is that comes from elsewhere: kept in the journal over restarts. */
const secondary: Stanza = {
  "journal-content": "all",
  "zonefile-load": "none",
  "zonefile-sync": -1,
};

function renderTemplates(input: RenderContext): string {
  const { packet, runtime } = input;
  const notifySiblings = siblingLists(input);
  const notifyMesh = audienceLists(input);
  const ownAccess = [...accessIds(input), ...updateIds(input)];
  const own: readonly Stanza[] = isWriter(runtime)
    ? ownTemplates(input, [...notifyMesh, ...notifySiblings]).map((own) => ({
        ...own,
        ...guardedBy(input),
        acl: own["acl"] ?? ownAccess,
      }))
    : [{ ...secondary, id: "own", "retry-max-interval": 30, master: ["replica-0"], ...notifyLast([]) }];
  const all: readonly Stanza[] = [
    ...own,
    centralTemplate(input, [...(isCatalog(packet.site) ? notifyMesh : []), ...notifySiblings]),
    ...memberTemplates(input).map((template) => ({ ...template, ...notifyLast(notifySiblings) })),
  ];
  const acl = accessIds(input);
  const storage = `"${runtime.storage}/${volumeFolders.zones}"`;
  // A zone with a template takes nothing from the default one.
  return section(
    "template",
    all.map((template) => ({ ...template, storage, acl: template["acl"] ?? acl })),
  );
}

/**
 * How zones are taken from each owner. Hubs pass changes on by their agents, which know whom a zone belongs to. The site's other
 * pods come last: a new pod has the zones of a site that is away from them.
 */
function memberTemplates(input: RenderContext): readonly Stanza[] {
  const sourcesFor = sourcesOf(input);
  const idsOf = sourceIds(input);
  const pods = siblings(input.runtime).map(({ id }) => id);
  const [sites, zones] = [input.view.sites.length, input.view.zones.length];
  return input.owners.map((owner) => {
    const sources = sourcesFor(owner);
    const timers = memberTimers({
      sites,
      zones,
      sources: sources.length,
      spread: `${input.packet.site.name} ${owner}`,
    });
    return {
      ...secondary,
      id: ownerTemplate(owner),
      ...intervals(timers),
      ...masters([...idsOf(sources), ...pods]),
    };
  });
}

/** A zone without content is asked for at shorter intervals, which a least one would stretch. */
function intervals({ refresh, retry }: Timers): Stanza {
  const rare = retry > 30 ? { "retry-min-interval": retry } : {};
  return { "refresh-min-interval": refresh, ...rare, "retry-max-interval": retry };
}

/** Own zones live from updates: the file is read at the start and written by Knot, the journal holds what came since. */
function ownTemplates(input: RenderContext, targets: readonly string[]): readonly Stanza[] {
  const own: Stanza = {
    "journal-content": "changes",
    "zonefile-load": "whole",
    "zonefile-sync": 300,
    "serial-policy": "unixtime",
    ...notifyLast(targets),
  };
  return [
    { ...own, id: "own" },
    { ...own, id: signedTemplate, "dnssec-signing": true, "dnssec-policy": defaultPolicy },
    // The same file and journal, so that a zone that becomes the mesh's own, or ceases to be, stays what it is at that moment.
    ...(input.packet.site.zones.some(isTakenIn)
      ? [{ ...own, ...outsideFields, id: outsideTemplate, acl: accessIds(input) }]
      : []),
  ];
}

/**
 * The central zones. The primary's writer loads files and counts the serial up by itself. All others are plain
 * secondaries: they do not interpret the catalog, since a Knot that does obeys it before anybody could check it.
 */
function centralTemplate(input: RenderContext, targets: readonly string[]): Stanza {
  const { packet, runtime } = input;
  if (packet.site.role === "primary-catalog" && isWriter(runtime)) {
    return { id: "central", ...fileDriven, ...notifyLater(targets) };
  }
  const writer = packet.site.role === "primary-catalog" ? ["replica-0"] : [];
  const sources = [...writer, ...centralSources(input).map(remoteId)];
  const sites = input.view.sites.length;
  // All else waits for these two, so that they are asked for sooner than members.
  const timers = centralTimers({ sites, sources: sources.length, spread: packet.site.name });
  return { ...secondary, id: "central", ...intervals(timers), ...masters(sources), ...notify(targets) };
}

/** A Knot without any source would take the zone for its own: where all are behind, all stay. */
function centralSources(input: RenderContext): readonly string[] {
  const all = centralSourcesOf(input);
  const abreast = all.filter((name) => input.behind?.includes(name) !== true);
  return abreast.length > 0 ? abreast : all;
}

/** A zone that comes from a file: differences go out, the serial is Knot's own business, the file is never written. */
const fileDriven: Stanza = {
  "journal-content": "all",
  "zonefile-load": "difference-no-serial",
  "zonefile-sync": -1,
  "serial-policy": "unixtime",
};

function renderLocalCatalogStanza(input: RenderContext): string {
  const templates = input.owners.map(ownerTemplate);
  return section("zone", [
    { domain: localCatalogZone, ...fileDriven, "catalog-role": "interpret", "catalog-template": templates },
  ]);
}

function renderCentralStanzas(packet: WelcomePacket): string {
  return section(
    "zone",
    [packet.directoryZone, packet.catalogZone].map((domain) => ({ domain, template: "central" })),
  );
}

function renderOwnStanzas(input: RenderContext): string {
  const { packet, runtime } = input;
  const zones = [...packet.site.zones].sort((a, b) => compareText(a.name, b.name));
  const primaries = primariesOf(input);
  const templated = (zone: Zone): Stanza => {
    const { name, dnssec } = zone;
    if (isTakenIn(zone) && isWriter(runtime)) return { domain: name, template: outsideTemplate, ...primaries(zone) };
    if (dnssec === false || !isWriter(runtime)) return { domain: name, template: "own" };
    const policy = policyOf(dnssec);
    const other = policy === defaultPolicy ? {} : { "dnssec-policy": policy };
    return { domain: name, template: signedTemplate, ...other };
  };
  const ofItsOwn = ownAccess(input);
  return section(
    "zone",
    zones.map((zone) => ({ ...templated(zone), ...ofItsOwn(zone) })),
  );
}

/** The file and the journal that an own zone had, so that it goes on from what it is, also where Knot starts with it, and comes back so. */
const formerAtWriter: Stanza = {
  "journal-content": "changes",
  "zonefile-load": "whole",
  "zonefile-sync": 300,
  // A whole transfer becomes a difference to that file, which would otherwise be loaded again in its place.
  "ixfr-from-axfr": true,
};

/** Zones that went to another owner, which they are taken from as all others are. */
function renderFormerStanzas({ former, runtime }: RenderContext): string {
  const fields = isWriter(runtime) ? formerAtWriter : {};
  const zones = [...former].sort((a, b) => compareText(a.name, b.name));
  return section(
    "zone",
    zones.map(({ name, owner }) => ({ domain: name, template: ownerTemplate(owner), ...fields })),
  );
}

/**
 * Tells what a zone has in the place of its template's rules, which are those of every zone, when somebody outside may change it,
 * or take it alone. What follows from lists is worked out once, not for each zone.
 */
function ownAccess(input: RenderContext): (zone: Zone) => Stanza {
  const [readersOf, primariesIn, updatersOf] = [readerIds(input), primaryIds(input), updaterIds(input)];
  const ofAll = accessIds(input);
  const ofOurs = [...ofAll, ...(isWriter(input.runtime) ? updateIds(input) : [])];
  return (zone) => {
    const isOurs = !isTakenIn(zone);
    const updaters = isOurs ? updatersOf(zone.name) : [];
    const ids = [...readersOf(zone.name), ...primariesIn(zone), ...updaters];
    if (ids.length === 0) return {};
    return { acl: [...(isOurs ? ofOurs : ofAll), ...ids], ...(updaters.length > 0 && forwarding(input)) };
  };
}

/**
 * The local catalog's file.
 *
 * @param strays - Zones of no site that are to be members besides.
 */
export function renderLocalCatalog(input: SiteInput, strays: readonly string[] = []): string {
  return localCatalogOf(renderContext(input), strays);
}

function localCatalogOf(input: RenderContext, strays: readonly string[] = []): string {
  const soa = soaRecord(localCatalogZone, {
    mname: "invalid",
    rname: "invalid",
    serial: 1,
    timers: { refresh: 3600, retry: 600, expire: 2_147_483_646, minimum: 0 },
  });
  const [template = input.packet.site.name] = input.owners;
  const all = [...input.members, ...strays.map((name) => ({ name, owner: template }))];
  const members = all.map(({ name, owner }) => ({ name, group: ownerTemplate(owner) }));
  return printZone(localCatalogZone, encodeCatalog(soa, members));
}

function isCatalog(site: Pick<SiteView, "role">): boolean {
  return site.role !== "standard";
}

function masters(ids: readonly string[]): Stanza {
  return ids.length === 0 ? {} : { master: ids };
}

/**
 * Knot's own NOTIFYs stand behind those of the agent, which leave at once: a NOTIFY that comes while a zone is fetched
 * makes the other side ask all its sources again, and one that comes after that is let be.
 */
function notifyLater(ids: readonly string[]): Stanza {
  return ids.length === 0 ? {} : { notify: ids, "notify-delay": 3 };
}

/**
 * The same for zones that change often. Knot plans a NOTIFY after each change, even when there is no target; and as
 * long as one is due within the present second, what comes for the zone meanwhile (an UPDATE, a NOTIFY) waits for it. With
 * the delay that happens once a minute at most. The agent repeats the NOTIFY to peers that it cannot reach.
 */
function notifyLast(ids: readonly string[]): Stanza {
  return { ...notify(ids), "notify-delay": 60 };
}

function notify(ids: readonly string[]): Stanza {
  return ids.length === 0 ? {} : { notify: ids };
}
