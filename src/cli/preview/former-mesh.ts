import { isDeepStrictEqual } from "node:util";

import { UserError } from "../../base/errors";
import { fields } from "../../base/json";
import { withNameServersOf } from "../../mesh/directory";
import type { Mesh, WelcomePacket } from "../../mesh/model";
import { parseWelcomePacket } from "../../mesh/welcome";
import type { FormerOutputs, FoundStack } from "../../preflight/former-outputs";
import { readPublished } from "../../preflight/published";

/** The mesh that a shared stack was brought up with last, and how each of its sites comes by keys. */
export interface FormerMesh {
  readonly mesh: Mesh;
  readonly packets: readonly WelcomePacket[];
}

/**
 * Reads that from the shared stack's outputs; undefined for a stack that was never brought up.
 *
 * @throws UserError when they are of a shape that this release cannot compare with.
 */
export function formerMesh(former: FormerOutputs | undefined): FormerMesh | undefined {
  const packets = Object.values(fields(former?.["sites"])).map(packetOf);
  const [first] = packets;
  if (first === undefined) return undefined;
  const directory = former?.["directory"];
  const isHub = typeof directory === "string" && /\btopology=hub\b/.test(directory);
  const mesh: Mesh = {
    directoryZone: first.directoryZone,
    catalogZone: first.catalogZone,
    topology: isHub ? "hub" : "full",
    transport: first.transport,
    sites: packets.map(({ site }) => site),
  };
  return { mesh: typeof directory === "string" ? withNameServersOf(mesh, directory) : mesh, packets };
}

/**
 * Whether the primary's stack publishes what the shared one said last. One that was brought up by a release that did not
 * say is taken at its word; one that was never brought up to its end says nothing at all.
 */
export function hasPublished(primary: FoundStack, former: FormerOutputs | undefined): boolean {
  if (primary.kind === "missing" || Object.keys(primary.outputs).length === 0) return false;
  // Of one that waited for an address then, nothing but its Service is there.
  if (primary.outputs["waiting"] === true) return false;
  const { published } = primary.outputs;
  return published === undefined || isDeepStrictEqual(readPublished(published), readPublished(former?.["sites"]));
}

function packetOf(packet: unknown): WelcomePacket {
  try {
    return parseWelcomePacket(packet);
  } catch (error) {
    throw new UserError(
      `what the shared stack said last cannot be compared with: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
