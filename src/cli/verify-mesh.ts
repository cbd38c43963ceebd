import { setTimeout as delay } from "node:timers/promises";

import { UserError } from "../base/errors";
import { withClusterKeys } from "./cluster-keys";
import { zonesOf } from "./look";
import { type MeshAccess, transferPoints } from "./mesh-access";
import type { VerifyParts, VerifyReport } from "./verify";
import { threadsFor, verifyInThreads } from "./verify-threads";

/** What a comparison of a whole mesh found. */
export interface MeshVerdict {
  readonly report: VerifyReport;
  /** Sites whose key could not be read, and why. */
  readonly keyFailures: readonly string[];
  readonly notes: readonly string[];
}

/** What {@link verifyMesh} compares, and who hears how far it is. */
interface VerifyChoice {
  /** Zones, folded; all when left out. */
  readonly wanted?: readonly string[];
  readonly progress?: VerifyParts["progress"];
}

/** Milliseconds of silence after which a server is given up. */
const timeoutMs = 15_000;

/**
 * Compares the zones of a mesh at all sites that there is a key for: the one that is known, or each site's own from its cluster.
 *
 * @throws UserError where there is no key at all, and for a zone that no site owns.
 */
export async function verifyMesh(known: MeshAccess, { wanted, progress }: VerifyChoice = {}): Promise<MeshVerdict> {
  const { access, failures } = await withClusterKeys(known);
  const points = transferPoints(access);
  if (points.length === 0)
    throw new UserError(
      [
        "there is no key to transfer zones with: --key FILE (and --ca FILE), or stack files of sites in this folder",
        ...failures,
      ].join("\n"),
    );
  const zones = zonesOf(access).filter(({ name }) => wanted?.includes(name) ?? true);
  const unknown = wanted?.filter((name) => !zones.some((zone) => zone.name === name)) ?? [];
  if (unknown.length > 0) throw new UserError(`no site owns ${unknown.join(", ")}`);
  const asked = new Set(points.map(({ site }) => site));
  const notAsked = access.mesh.sites.map(({ name }) => name).filter((name) => !asked.has(name));
  const parts = {
    ...{ zones, points, notAsked, timeoutMs },
    pause: (ms: number) => delay(ms),
    ...(progress && { progress }),
  };
  const report = await verifyInThreads(parts, threadsFor(zones.length * points.length));
  return { report, keyFailures: failures, notes: plainNote(access) };
}

/** What is not as a reader of the help expects it: a key without the authorities goes where nobody was checked. */
export function plainNote({ mesh, ca }: Pick<MeshAccess, "mesh" | "ca">): readonly string[] {
  if (mesh.transport === "tcp" || ca !== undefined) return [];
  return [
    "zones were taken over plain TCP, signed and not encrypted: the mesh's authorities are not known (--ca FILE)",
  ];
}
