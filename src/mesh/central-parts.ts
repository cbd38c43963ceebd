import { gunzipSync, gzipSync } from "node:zlib";

import { UserError } from "../base/errors";
import { sha256 } from "../base/json";

/** The text of both central zones. */
export interface CentralZones {
  readonly directory: string;
  readonly catalog: string;
}

/** Says what the parts must add up to. Travels beside them as `manifest.json`. */
export interface CentralManifest {
  readonly version: 1;
  /** Number of parts, which are the files `part-0`, `part-1`, … */
  readonly parts: number;
  /** SHA-256 in hexadecimal of all parts joined. */
  readonly sha256: string;
}

/** File that holds the manifest. */
export const manifestFile = "manifest.json";

/** A ConfigMap holds 1,048,576 octets with its keys; this leaves room for the manifest. */
const partSize = 900 * 1024;

/** ConfigMaps that a primary mounts for its central zones. */
export const mostParts = 4;

const largestText = 256 * 1024 * 1024;

/** The name of the file that holds one part, counted from 0. */
export function partFile(index: number): string {
  return `part-${index}`;
}

/**
 * Compresses both central zones and cuts them into parts that fit a ConfigMap each.
 *
 * @throws UserError when they need more parts than a primary mounts.
 */
export function packCentralZones(zones: CentralZones): {
  readonly parts: readonly Buffer[];
  readonly manifest: CentralManifest;
} {
  const packed = gzipSync(JSON.stringify({ directory: zones.directory, catalog: zones.catalog }), { level: 9 });
  const count = Math.ceil(packed.length / partSize);
  if (count > mostParts) {
    throw new UserError(
      `the central zones take ${packed.length} octets compressed, and ${mostParts * partSize} is the most; split the mesh`,
    );
  }
  const parts = Array.from({ length: count }, (_, i) => packed.subarray(i * partSize, (i + 1) * partSize));
  return { parts, manifest: { version: 1, parts: count, sha256: sha256(packed) } };
}

/**
 * Puts the parts together again; undefined as long as they do not match their manifest, since mounts change one by one.
 *
 * @param files - Content by file name: `manifest.json`, `part-0`, …; other files are ignored.
 */
export function unpackCentralZones(files: ReadonlyMap<string, Buffer>): CentralZones | undefined {
  const manifest = readManifest(files.get(manifestFile));
  if (manifest === undefined) return undefined;
  const parts = Array.from({ length: manifest.parts }, (_, i) => files.get(partFile(i)));
  const packed = Buffer.concat(parts.filter((part) => part !== undefined));
  if (sha256(packed) !== manifest.sha256) return undefined;
  const zones: unknown = parseJson(gunzipSync(packed, { maxOutputLength: largestText }).toString("utf8"));
  return isCentralZones(zones) ? { directory: zones.directory, catalog: zones.catalog } : undefined;
}

function readManifest(file: Buffer | undefined): CentralManifest | undefined {
  const json: unknown = file === undefined ? undefined : parseJson(file.toString("utf8"));
  if (typeof json !== "object" || json === null) return undefined;
  const { version, parts, sha256 } = json as Partial<Record<string, unknown>>;
  if (version !== 1 || typeof sha256 !== "string") return undefined;
  if (typeof parts !== "number" || !Number.isInteger(parts) || parts < 1 || parts > mostParts) return undefined;
  return { version, parts, sha256 };
}

function isCentralZones(value: unknown): value is CentralZones {
  if (typeof value !== "object" || value === null) return false;
  return (
    "directory" in value &&
    typeof value.directory === "string" &&
    "catalog" in value &&
    typeof value.catalog === "string"
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
