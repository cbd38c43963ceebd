import type { Epoch } from "../../../mesh/epoch";
import type { SignedZone } from "../../../mesh/signing-state";
import { type Held, viewHash } from "../../../mesh/view";
import { lifetime } from "../credentials/identity";
import type { CentralSerials } from "../discovery";
import type { Inputs } from "../inputs/inputs";
import type { ZoneServers } from "../name-servers/keeper";
import type { AgentState } from "../state-store";
import type { VolumeRoom } from "../volume-watch";

/** Something that is wrong at a site. `since` is when it was first seen, ISO 8601. */
interface Problem {
  /** A short word for metrics and alerts, for example `refused` or `knot`. */
  readonly kind: ProblemKind;
  /** A sentence for people. */
  readonly message: string;
  readonly since: string;
}

/**
 * - `knot`: Knot does not answer on its control socket or its DNS port.
 * - `central`: a central zone has no content here, or could not be read whole.
 * - `refused`: the central zones say something that must not be followed.
 * - `fenced`: a site of an older epoch answers central zones; at a former primary, that another site has its role.
 * - `held`: a removal is held back until it is confirmed.
 * - `doubtful`: single entries of the central zones that are wrong; the rest is followed.
 * - `apply`: Knot did not take what was written for it; the last good state is back in place.
 * - `inputs`: welcome packet, key ring, certificate or central zone files cannot be used.
 * - `certificate`: the site's certificate ended, or ends soon and was not renewed.
 * - `zones`: an own zone is not served, or waits for its content.
 * - `unanswered`: own zones are not answered here, while the others are.
 * - `expiring`: copies of other servers' zones expire here soon, or have expired.
 * - `disagree`: another site or pod answers, and has not had this server's version of a zone for long, or has another content under the
 *   same serial.
 * - `dnssec`: a zone is not signed as it should be, or stays signed because its DS record was not withdrawn.
 * - `state`: the saved state could not be read or written.
 * - `volume`: the volume is full or nearly so, or cannot be written.
 * - `keys`: the keys of signed zones are not kept in their second place.
 * - `backup`: the last backup or the last restore drill failed.
 * - `guard`: a change of an own zone takes away so much that it is held until somebody lets it through.
 * - `nameservers`: a server that an own zone's NS records should name is not named for long, since it does not answer the zone.
 * - `primary`: the server outside the mesh that an own zone is taken from gives no answer, or a version that is not taken.
 * - `vault`: Vault does not give the key ring or a certificate; the last ones stay in force.
 */
export type ProblemKind = (typeof problemKinds)[number];

/** All kinds of problems. */
export const problemKinds = [
  "knot",
  "central",
  "refused",
  "fenced",
  "held",
  "doubtful",
  "apply",
  "inputs",
  "certificate",
  "zones",
  "unanswered",
  "expiring",
  "disagree",
  "dnssec",
  "state",
  "volume",
  "keys",
  "backup",
  "guard",
  "nameservers",
  "primary",
  "vault",
] as const;

/** The body of `GET /status`. */
export interface AgentStatus {
  readonly site: string;
  readonly pod: string;
  readonly ready: boolean;
  /** Given while the pod is to end, also as long as it is ready; missing otherwise. */
  readonly leaving?: true;
  /** What Knot runs; missing before the first time. `hash` as of `viewHash`, `at` ISO 8601. */
  readonly applied?: {
    readonly directorySerial: number;
    readonly catalogSerial: number;
    readonly hash: string;
    readonly at: string;
    /** Missing where the zones say nothing of it, or the site cannot check it. */
    readonly epoch?: Epoch;
  };
  /** What this site's Knot answered last. */
  readonly observed: { readonly directorySerial?: number; readonly catalogSerial?: number };
  /** Numbers of other sites, of zones in the mesh, and of zones that have no content here yet. */
  readonly peers: number;
  readonly zones: number;
  readonly emptyZones: number;
  /** The copy of another server's zone that expires first, and when, ISO 8601; missing where there is none. */
  readonly expiry?: { readonly zone: string; readonly at: string };
  /** When the site's certificate ends, ISO 8601; missing where transfers run over plain TCP. */
  readonly certificateEnds?: string;
  /** Zones that this pod signs; missing where there are none. */
  readonly dnssec?: readonly SignedZone[];
  /** The copy of the zones' keys, and when it was last seen in its second place, ISO 8601; missing where there are no keys. */
  readonly zoneKeys?: { readonly generation: number; readonly keptAt?: string };
  /** Room on the volume in octets, at the last look. */
  readonly volume?: VolumeRoom;
  readonly held: readonly Held[];
  /** Own zones of which a change is held, with what it takes away and how it is let through; missing where there are none. */
  readonly guard?: readonly HeldChange[];
  /** Own zones whose name servers the list says; missing where there are none. */
  readonly nameServers?: readonly ZoneServers[];
  readonly problems: readonly Problem[];
  readonly counters: AgentCounters;
}

/** A change of an own zone that is not published. */
export interface HeldChange {
  readonly zone: string;
  /** A sentence for people. */
  readonly message: string;
  /** When the first was held, ISO 8601. */
  readonly since: string;
  /** Milliseconds since the last was held: whoever asks may have another clock. */
  readonly lastMsAgo: number;
  /** How often it was tried. */
  readonly tries: number;
}

/** Totals since the agent started. */
interface AgentCounters {
  /** All DNS queries, those to peers included; probes from outside excluded. */
  readonly dnsQueries: number;
  readonly transfers: number;
  readonly notifies: number;
  readonly passes: number;
  readonly reloads: number;
}

/** What is wrong at the moment, each with the time it began; tells the log about beginnings and ends only. */
export class Problems {
  readonly #now: () => number;
  readonly #tell: (event: { began: boolean; problem: Problem }) => void;
  readonly #open = new Map<ProblemKind, Problem[]>();

  constructor(now: () => number, tell: (event: { began: boolean; problem: Problem }) => void) {
    this.#now = now;
    this.#tell = tell;
  }

  /** Replaces all problems of a kind; an empty list ends them. */
  set(kind: ProblemKind, messages: readonly string[]): void {
    const open = this.#open.get(kind) ?? [];
    const [before, now] = [new Map(open.map((problem) => [problem.message, problem])), new Set(messages)];
    const since = new Date(this.#now()).toISOString();
    const after = messages.map((message) => before.get(message) ?? { kind, message, since });
    this.#open.set(kind, after);
    for (const problem of open) if (!now.has(problem.message)) this.#tell({ began: false, problem });
    for (const problem of after) if (!before.has(problem.message)) this.#tell({ began: true, problem });
  }

  /** All that are open, by kind. */
  list(): readonly Problem[] {
    return [...this.#open.values()].flat();
  }
}

/** What the agent knows of itself; readiness and the DNS counters are the worker's. */
export type AgentFacts = Omit<
  AgentStatus,
  | "ready"
  | "leaving"
  | "emptyZones"
  | "expiry"
  | "dnssec"
  | "zoneKeys"
  | "volume"
  | "guard"
  | "nameServers"
  | "counters"
> & {
  readonly counters: Pick<AgentCounters, "passes" | "reloads">;
};

/** Puts together what {@link AgentFacts} tell. */
export function agentFacts(known: {
  readonly inputs: Inputs | undefined;
  readonly pod: string;
  readonly state: AgentState;
  readonly observed: CentralSerials;
  readonly held: readonly Held[];
  readonly problems: readonly Problem[];
  readonly counters: AgentFacts["counters"];
}): AgentFacts {
  const { inputs, pod, state, held, problems, counters } = known;
  const { view, appliedAt } = state;
  const { directorySerial, catalogSerial } = known.observed;
  return {
    site: inputs?.packet.site.name ?? "",
    pod,
    held,
    problems,
    counters,
    ...(inputs?.identity && { certificateEnds: new Date(lifetime(inputs.identity).to).toISOString() }),
    ...(view !== undefined && {
      applied: {
        directorySerial: view.directorySerial,
        catalogSerial: view.catalogSerial,
        hash: viewHash(view),
        at: appliedAt ?? "",
        ...(view.epoch && { epoch: view.epoch }),
      },
    }),
    observed: {
      ...(directorySerial !== undefined && { directorySerial }),
      ...(catalogSerial !== undefined && { catalogSerial }),
    },
    peers: Math.max(0, (view?.sites.length ?? 0) - 1),
    zones: view?.zones.length ?? 0,
  };
}
