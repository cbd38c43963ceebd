import { gunzipSync, gzipSync } from "node:zlib";

import type { KubeObject } from "../../kube/client";
import type { MeshView } from "../../mesh/view";
import { canonicalHash } from "./canonical";
import type { Report } from "./report";

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
