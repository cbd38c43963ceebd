import { ipVersion } from "../../dns/address";
import { fieldsOf, isOfOthers, listed, split, ttlOf } from "./annotations";
import { gatewayGroup, type RouteKind } from "./kinds";
import { type Labels, type LabelSelector, matches } from "./label-selector";
import {
  nothing,
  plainName,
  type Pointing,
  readingOfPointing,
  type SourceMetadata,
  type SourceReading,
} from "./reading";

/** A route of Gateway API, as far as it counts here. */
export interface RouteObject {
  readonly metadata?: SourceMetadata;
  readonly spec?: { readonly hostnames?: readonly string[] | null; readonly parentRefs?: readonly ParentRef[] | null };
  readonly status?: { readonly parents?: readonly RouteParent[] | null };
}

interface ParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

interface RouteParent {
  readonly parentRef: ParentRef;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
}

/** A Gateway, as far as it counts here. */
export interface GatewayObject {
  readonly metadata?: SourceMetadata;
  readonly spec?: { readonly listeners?: readonly Listener[] | null };
  readonly status?: { readonly addresses?: readonly { readonly value?: string }[] | null };
}

interface Listener {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string; readonly selector?: LabelSelector };
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[] | null;
  };
}

/** What a route takes beside itself. */
export interface Surroundings {
  /** A Gateway; `none` where there is none, `pending` while that is not known, `elsewhere` where nobody looks. */
  readonly gateway: (place: {
    readonly namespace: string;
    readonly name: string;
  }) => GatewayObject | "none" | "pending" | "elsewhere";
  /** Labels of a namespace; undefined while they are not known. */
  readonly labels: (namespace: string) => Labels | undefined;
}

const protocols: Readonly<Record<RouteKind, string>> = {
  HTTPRoute: "HTTP",
  GRPCRoute: "HTTPS",
  TLSRoute: "TLS",
  TCPRoute: "TCP",
  UDPRoute: "UDP",
};

/** Something that decides of a route is not known. */
class Unknown {
  constructor(readonly cure?: string) {}
}

/**
 * Reads a route as external-dns does: for each Gateway that accepted it, the names that route and listeners have in common, with the
 * Gateway's addresses or those of its annotation `target`. Annotations of the route that count: `hostname`, `ttl`, `controller`.
 */
export function readRoute(kind: RouteKind, route: RouteObject, surroundings: Surroundings): SourceReading {
  const fields = fieldsOf(route.metadata);
  if (isOfOthers(fields)) return nothing;
  const pointing: Pointing[] = [];
  for (const parent of route.status?.parents ?? []) {
    const found = pointingOf({ kind, route, parent, surroundings });
    if (found instanceof Unknown) return { ...nothing, unknown: found.cure === undefined ? {} : { cure: found.cure } };
    pointing.push(...found);
  }
  return readingOfPointing(pointing, ttlOf(fields));
}

/** Whether a route's status names a Gateway. */
export function leadsTo(route: RouteObject, gateway: { readonly namespace: string; readonly name: string }): boolean {
  const { namespace = "" } = route.metadata ?? {};
  return (route.status?.parents ?? []).some(
    ({ parentRef }) => parentRef.name === gateway.name && placeOf(parentRef, namespace).namespace === gateway.namespace,
  );
}

interface Attachment {
  readonly kind: RouteKind;
  readonly route: RouteObject;
  readonly parent: RouteParent;
  readonly surroundings: Surroundings;
}

function pointingOf(attachment: Attachment): readonly Pointing[] | Unknown {
  const gateway = gatewayOf(attachment);
  if (gateway === undefined) return [];
  if (gateway instanceof Unknown) return gateway;
  const { kind, route, parent, surroundings } = attachment;
  const { namespace = "" } = route.metadata ?? {};
  const targets = targetsOf(gateway);
  const pointing: Pointing[] = [];
  const from = { kind, namespace, of: placeOf(parent.parentRef, namespace).namespace, labels: surroundings.labels };
  for (const listener of gateway.spec?.listeners ?? []) {
    if (!isMeant(listener, parent.parentRef) || !speaks(listener, protocols[kind])) continue;
    const isAllowed = allows(listener, from);
    if (isAllowed === undefined) return new Unknown();
    if (isAllowed) pointing.push(...hostsAt(listener, route).map((host) => ({ host, targets })));
  }
  return pointing;
}

/** The Gateway that accepted a route which still asks for it. */
function gatewayOf({ route, parent, surroundings }: Attachment): GatewayObject | Unknown | undefined {
  const { namespace = "" } = route.metadata ?? {};
  const place = placeOf(parent.parentRef, namespace);
  const isWanted = (route.spec?.parentRefs ?? []).some((ref) => isSame(placeOf(ref, namespace), place));
  if (!isWanted || place.group !== gatewayGroup || place.kind !== "Gateway") return undefined;
  if (parent.conditions?.find(({ type }) => type === "Accepted")?.status !== "True") return undefined;
  const gateway = surroundings.gateway(place);
  if (gateway === "none") return undefined;
  if (gateway === "pending") return new Unknown();
  if (gateway !== "elsewhere") return gateway;
  return new Unknown(
    `its Gateway ${place.namespace}/${place.name} is where nobody looks for Gateways; add ${place.namespace} to records.sources.gatewayNamespaces of the site`,
  );
}

/** Names that a listener and a route have in common. */
function hostsAt({ hostname = "" }: Listener, route: RouteObject): readonly string[] {
  return hostsOf(route)
    .map((own) => commonHost(hostname, own))
    .filter((host) => host !== undefined && host !== "") as string[];
}

function placeOf(ref: ParentRef, namespace: string) {
  return {
    group: ref.group || gatewayGroup,
    kind: ref.kind || "Gateway",
    namespace: ref.namespace || namespace,
    name: ref.name,
  };
}

function isSame(one: ReturnType<typeof placeOf>, other: ReturnType<typeof placeOf>): boolean {
  return (["group", "kind", "namespace", "name"] as const).every((field) => one[field] === other[field]);
}

function targetsOf({ metadata, status }: GatewayObject): readonly string[] {
  const given = listed(fieldsOf(metadata)["target"]).map(plainName);
  if (given.length > 0) return given;
  return (status?.addresses ?? []).flatMap(({ value = "" }) => (value === "" ? [] : [value]));
}

/** Whether a route means a listener, by name and port. */
function isMeant({ name, port }: Listener, ref: ParentRef): boolean {
  return (!ref.sectionName || ref.sectionName === name) && (ref.port === undefined || ref.port === port);
}

/** HTTP and HTTPS are one here, and a listener for TLS takes routes of TCP. */
function speaks({ protocol }: Listener, wanted: string): boolean {
  const plain = (text: string): string => (text === "HTTPS" ? "HTTP" : text);
  return plain(protocol) === plain(wanted) || (wanted === "TCP" && protocol === "TLS");
}

/** Whether a listener takes routes of a kind from a namespace; undefined while it cannot be said. */
function allows(
  { allowedRoutes }: Listener,
  from: {
    readonly kind: RouteKind;
    readonly namespace: string;
    /** The Gateway's. */
    readonly of: string;
    readonly labels: Surroundings["labels"];
  },
): boolean | undefined {
  const { kinds, namespaces } = allowedRoutes ?? {};
  const isOfKind =
    !kinds?.length || kinds.some(({ group, kind }) => (group || gatewayGroup) === gatewayGroup && kind === from.kind);
  if (!isOfKind) return false;
  switch (namespaces?.from ?? "Same") {
    case "All":
      return true;
    case "Same":
      return from.namespace === from.of;
    case "Selector": {
      if (namespaces?.selector === undefined) return false;
      const labels = from.labels(from.namespace);
      return labels && matches(namespaces.selector, labels);
    }
    default:
      return false;
  }
}

/** Names that a route is for. An empty one stands for any that a listener has. */
function hostsOf({ metadata, spec }: RouteObject): readonly string[] {
  const { hostname } = fieldsOf(metadata);
  const own = spec?.hostnames ?? [];
  return [...own, ...(hostname === undefined ? [] : split(hostname)), ...(own.length === 0 ? [""] : [])];
}

/**
 * What two host names have in common, the narrower of them; undefined where that is nothing. A first label `*` stands for one or
 * more labels, an empty name for any.
 */
function commonHost(one: string, other: string): string | undefined {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (!isHost(a) || !isHost(b)) return undefined;
  if (a === "" || a === b) return b;
  if (b === "") return a;
  const [wide, narrow] = b.length < a.length || (a.length === b.length && b.startsWith("*.")) ? [b, a] : [a, b];
  return wide.startsWith("*.") && narrow.endsWith(wide.slice(1)) ? narrow : undefined;
}

/** Whether a text is empty or a host's name (RFC 1123 section 2.1), perhaps with a first label `*`; no address. */
function isHost(text: string): boolean {
  if (text === "") return true;
  const name = text.replace(/^\*\./, "").replace(/\.$/, "");
  if (ipVersion(text) !== undefined || name.length > 254) return false;
  return name.split(".").every((label) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(label));
}
