import { gunzipSync, gzipSync } from "node:zlib";

import { canonicalHash } from "../base/json";
import type { KubeObject } from "../kube/answer";
import type { DelegationRecords } from "../mesh/name-servers";
import type { SignedZone } from "../mesh/signing-state";
import type { MeshView } from "../mesh/view";

/**
 * - `api`: the Kubernetes API is away, or refused something.
 * - `dns`: a pod's Knot does not answer for a central zone.
 * - `transfer`: a central zone could not be read whole.
 * - `refused`: the central zones say something that must not be followed.
 * - `held`: a removal is held back until it is confirmed.
 * - `doubtful`: single entries of the central zones that are wrong; the rest is followed.
 * - `keys`: the copy of the zones' DNSSEC keys is missing, or must not be replaced by what the writer has.
 * - `policy`, `status`: an object of ours is missing in the cluster.
 * - `unreachable`, `not-ready`, `lagging`: a pod's agent does not answer, is not ready, has not applied the plan.
 * - `agent-…`: what an agent reports of itself.
 */
export type ConditionKind =
  | "api"
  | "dns"
  | "transfer"
  | "refused"
  | "held"
  | "doubtful"
  | "keys"
  | "policy"
  | "status"
  | "unreachable"
  | "not-ready"
  | "lagging"
  | `agent-${string}`;

/** Something that is wrong. */
export interface Finding {
  readonly kind: ConditionKind;
  /** The pod, or what else it is about; several findings of a kind and subject are one. */
  readonly subject?: string;
  /** A sentence for people. */
  readonly message: string;
}

/** A finding with the time it began, ISO 8601. */
export interface Condition extends Finding {
  readonly since: string;
}

/** What people find in the ConfigMap `mesh-status`. */
export interface Report {
  readonly site: string;
  /** Whether there is no condition. */
  readonly ok: boolean;
  /** When anything in here changed last, ISO 8601. */
  readonly changedAt: string;
  readonly directorySerial?: number;
  readonly catalogSerial?: number;
  /** Numbers of sites and zones in the plan, and its hash as of `viewHash`. */
  readonly sites?: number;
  readonly zones?: number;
  readonly hash?: string;
  /** What the writer signs: the DS records that parents should have, and the keys. Missing where nothing is signed. */
  readonly dnssec?: readonly Omit<SignedZone, "signedUntil">[];
  /** What the parents of own zones should have, where these are no zones of the mesh; missing where nobody sees to NS records. */
  readonly delegations?: readonly ZoneDelegation[];
  readonly conditions: readonly Condition[];
}

/** A zone, and what its parent should have. */
export interface ZoneDelegation extends DelegationRecords {
  readonly zone: string;
}

/** The network policy as it was when it was last found or made right. */
export interface PolicyMark {
  readonly uid: string;
  /** Counted up by the API server with each change of the spec. */
  readonly generation: number;
  /** Of the spec that we wanted. */
  readonly hash: string;
}

/** What a pass leaves for the next one, in the ConfigMap `mesh-status`. */
export interface Memory {
  /** The last good view. */
  readonly view?: MeshView;
  /** What was wrong with single entries when that view was read. */
  readonly doubts: readonly string[];
  readonly policy?: PolicyMark;
}

/** What is remembered before the first pass. */
export const emptyMemory: Memory = { doubts: [] };

/** What {@link readStatus} found. `damaged` is a state that does not match its checksum: as good as none. */
export interface StoredStatus {
  readonly memory: Memory;
  readonly report?: Report;
  readonly damaged: boolean;
}

/** The `data` and `binaryData` of the ConfigMap. */
export interface StatusData {
  readonly data: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** Beyond this many characters the state is compressed: a ConfigMap holds 1 MiB in all. */
const plainLimit = 256 * 1024;

/** Writes state and report as a ConfigMap keeps them. */
export function writeStatus(memory: Memory, report: Report): StatusData {
  const state = JSON.stringify({ version: 1, sha256: canonicalHash(memory), state: memory });
  const reportText = `${JSON.stringify(report, undefined, 2)}\n`;
  if (state.length <= plainLimit) return { data: { "state.json": state, "report.json": reportText } };
  return {
    data: { "report.json": reportText },
    binaryData: { "state.json.gz": gzipSync(state).toString("base64") },
  };
}

/** Reads what {@link writeStatus} wrote; whatever else stands there counts as nothing. */
export function readStatus(object: KubeObject): StoredStatus {
  const texts = { data: textsOf(object["data"]), binaryData: textsOf(object["binaryData"]) };
  const report = parseReport(texts.data["report.json"]);
  const stored = texts.data["state.json"] ?? texts.binaryData["state.json.gz"];
  const memory = parseMemory(texts);
  return { memory: memory ?? emptyMemory, ...(report && { report }), damaged: stored !== undefined && !memory };
}

function parseMemory({ data, binaryData }: Required<StatusData>): Memory | undefined {
  try {
    const packed = binaryData["state.json.gz"];
    const text = data["state.json"] ?? (packed && gunzipSync(Buffer.from(packed, "base64")).toString("utf8")) ?? "";
    const { version, sha256, state } = JSON.parse(text) as { version?: unknown; sha256?: unknown; state?: unknown };
    return version === 1 && sha256 === canonicalHash(state) ? (state as Memory) : undefined;
  } catch {
    return undefined;
  }
}

function parseReport(text: string | undefined): Report | undefined {
  try {
    const report = JSON.parse(text ?? "") as Partial<Report> | null;
    return Array.isArray(report?.conditions) ? (report as Report) : undefined;
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
