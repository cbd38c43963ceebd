import * as z from "zod/mini";

import type { AgentStatus } from "../agents/sidecar/http/status";
import { flag, listOf, objectOf, plainText, readShape } from "../base/shape";
import type { Condition } from "../contract/mesh-status";

/** What is taken from an agent's `/status`. */
export type AgentFacts = Pick<
  AgentStatus,
  | "ready"
  | "problems"
  | "held"
  | "certificateEnds"
  | "dnssec"
  | "zoneKeys"
  | "applied"
  | "guard"
  | "emptyZones"
  | "nameServers"
>;

const delegation = objectOf({
  zone: z.optional(plainText),
  servers: listOf(plainText),
  glue: listOf(plainText),
  ds: z.optional(listOf(plainText)),
});

const said = objectOf({ kind: plainText, message: plainText, since: plainText });

/** What a report of the mesh reads of an agent's status; an agent of another release may have more. */
const factFields = objectOf({
  ready: flag,
  problems: listOf(said),
  certificateEnds: z.optional(plainText),
  dnssec: z.optional(listOf(objectOf({ zone: plainText, signedUntil: z.optional(plainText) }))),
  zoneKeys: z.optional(objectOf({ keptAt: z.optional(plainText) })),
  applied: z.optional(objectOf({ at: plainText })),
  guard: z.optional(listOf(objectOf({ message: plainText }))),
  nameServers: z.optional(
    listOf(
      objectOf({
        zone: plainText,
        servers: listOf(plainText),
        waiting: listOf(plainText),
        kept: listOf(plainText),
        parent: z.optional(delegation),
      }),
    ),
  ),
});

/** An agent's status. @throws UserError when it has not the shape that a report needs: then nothing of that pod is known. */
export function readFacts(json: unknown): AgentFacts {
  readShape(factFields, json, "the agent gave no status that we understand: status");
  return json as AgentFacts;
}

/** What a reconciler found. @throws UserError for another shape. */
export function readConditions(json: unknown): readonly Condition[] {
  readShape(listOf(said), json, "conditions");
  return json as readonly Condition[];
}
