import type { Limits } from "../../mesh/limits";

/**
 * How many answers one address gets over UDP, where it can be forged. Beyond that an answer is cut to nothing (TC), so
 * that who really asks comes back over TCP, which is not limited. Whoever shows a cookie is not limited either.
 */
export interface RateLimit {
  /** Answers a second to one address. */
  readonly perSecond: number;
  /** Answers at once, after a rest. */
  readonly burst: number;
  /** Networks without a limit. */
  readonly exempt: readonly string[];
}

/** Defaults. */
export const defaultRateLimit: RateLimit = { perSecond: 200, burst: 500, exempt: [] };

/** Which zones have metrics of their own, and how many at the most. */
export interface ZoneSeries {
  readonly zones: "off" | "own" | "all";
  readonly most: number;
}

/** Defaults. */
export const defaultZoneSeries: ZoneSeries = { zones: "own", most: 1000 };

/** How long keys and signatures last, in seconds. */
export interface SigningTimes {
  /** How long a signature is good. */
  readonly signature: number;
  /** A signature is made anew when it is good for no longer than this. Also how long a zone stays good without its owner. */
  readonly refresh: number;
  /** Age at which a zone-signing key gives way to the next. */
  readonly zoneKey: number;
  /** TTL of the DNSKEY RRset. */
  readonly keyTtl: number;
  /** How long a change may take to reach every site. */
  readonly propagation: number;
  /** Between questions to the parent's servers. */
  readonly parentCheck: number;
  /** After the parent has a DS record, until the old key goes: the TTL of DS records there. */
  readonly parentDelay: number;
}

const [hour, day] = [3600, 86_400];

/**
 * Defaults. A site that lost its owner keeps a zone for 42 days (SOA expire), and keeps it
 * verifiable for `refresh`, which is Knot's half of `signature` at the most.
 */
export const defaultSigningTimes: SigningTimes = {
  signature: 28 * day,
  refresh: 14 * day,
  zoneKey: 30 * day,
  keyTtl: hour,
  propagation: hour,
  parentCheck: hour,
  parentDelay: day,
};

/** How one Knot server runs: paths, sockets, siblings. */
export interface SiteRuntime {
  /** Volume of the server; holds `conf`, `zones` and `db`. */
  readonly storage: string;
  /** Where the control socket and the process id go. */
  readonly rundir: string;
  /** Sockets in Knot's form, for example `0.0.0.0@5353`. */
  readonly listen: readonly string[];
  /** Port at which the other sites' addresses are asked. */
  readonly remotePort: number;
  /** Sockets for TLS (TCP) and QUIC (UDP), and the port at which the other sites have theirs. */
  readonly secure: { readonly listen: readonly string[]; readonly remotePort: number };
  /** How many answers a stranger gets over UDP. @default {@link defaultRateLimit} */
  readonly rateLimit?: RateLimit | false;
  /** How many names a change of an own zone may take away unseen. @default false: any */
  readonly guard?: Limits | false;
  /** Which zones have metrics of their own. @default {@link defaultZoneSeries} */
  readonly zoneSeries?: ZoneSeries;
  /** How long keys and signatures of signed zones last. @default {@link defaultSigningTimes} */
  readonly signing?: SigningTimes;
  readonly workers?: { readonly udp?: number; readonly tcp?: number; readonly background?: number };
  /** The pods of this site when there are several. */
  readonly replicas?: {
    /** This pod's ordinal; 0 is the writer. */
    readonly self: number;
    /** A stable address per pod, by ordinal. */
    readonly addresses: readonly string[];
    /** Where they answer, and where they have TLS and QUIC. @default as the other sites */
    readonly port?: number;
    readonly securePort?: number;
    /** Where their agents answer. */
    readonly httpPort?: number;
  };
}

/** What of a {@link SiteRuntime} stays as it is while a pod lives. The agent reads it from its environment. */
export interface FixedRuntime extends Pick<SiteRuntime, "storage" | "rundir" | "listen" | "signing" | "workers"> {
  readonly secure: Pick<SiteRuntime["secure"], "listen">;
  readonly replicas: Pick<NonNullable<SiteRuntime["replicas"]>, "self">;
}

/** Whether this server is the one that its site's own zones (and on the primary the central zones) are written at. */
export function isWriter(runtime: { readonly replicas?: { readonly self: number } }): boolean {
  return (runtime.replicas?.self ?? 0) === 0;
}

/** Another pod of the same site. */
export interface Sibling {
  /** Knot's id for it. */
  readonly id: string;
  readonly ordinal: number;
  readonly address: string;
  readonly port: number;
  /** For TLS and QUIC. */
  readonly securePort: number;
  /** Where its agent answers, if that is not where agents of pods do. */
  readonly httpPort?: number;
}

/** The other pods of this site. */
export function siblings(runtime: Pick<SiteRuntime, "replicas" | "remotePort" | "secure">): readonly Sibling[] {
  const { replicas, remotePort, secure } = runtime;
  if (replicas === undefined) return [];
  const { addresses, port = remotePort, securePort = secure.remotePort, httpPort } = replicas;
  const all = addresses.map((address, ordinal) => ({
    id: `replica-${ordinal}`,
    ordinal,
    address,
    port,
    securePort,
    ...(httpPort !== undefined && { httpPort }),
  }));
  return all.filter(({ ordinal }) => ordinal !== replicas.self);
}
