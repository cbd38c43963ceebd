import { createHmac } from "node:crypto";

import * as z from "zod/mini";

import { countingNumber, objectOf, plainText, readShape, type Shape } from "../base/shape";
import type { TsigKey } from "../dns/tsig-key";

const report = objectOf({
  /** How long the pass took. */
  seconds: z.number("must be a number").check(z.gte(0, "must not be negative")),
  /** Findings by kind; none where all was in order. */
  findings: z.record(plainText, countingNumber, "must be a JSON object"),
});

/** What the reconciler tells each agent of its last pass: it ends itself, and nobody could ask it. */
export type ReconcilerReport = Shape<typeof report>;

/** What an agent knows of the reconciler since it started. Times are its own, in milliseconds since 1970. */
export interface ReconcilerFacts {
  readonly last?: {
    readonly at: number;
    readonly seconds: number;
    /** Findings by kind. */
    readonly findings: Readonly<Record<string, number>>;
  };
  /** When all was in order last. */
  readonly succeededAt?: number;
}

/** Kinds of findings that are told apart: there are some forty. */
const mostKinds = 100;

/**
 * Reads a report.
 *
 * @throws UserError that names the field.
 */
export function parseReconcilerReport(json: unknown): ReconcilerReport {
  return readShape(report, json, "");
}

/** What is known once a report has come, which is as soon as a pass has ended. */
export function factsAfter(
  facts: ReconcilerFacts,
  { seconds, findings }: ReconcilerReport,
  at: number,
): ReconcilerFacts {
  const found = Object.entries(findings);
  const succeededAt = found.length === 0 ? at : facts.succeededAt;
  return {
    last: { at, seconds, findings: Object.fromEntries(found.slice(0, mostKinds)) },
    ...(succeededAt !== undefined && { succeededAt }),
  };
}

/** How many findings there are of each kind. However many they are, a report of them stays small. */
export function countKinds(findings: readonly { readonly kind: string }[]): ReconcilerReport["findings"] {
  const counts = new Map<string, number>();
  for (const { kind } of findings) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return Object.fromEntries([...counts].slice(0, mostKinds));
}

/** What shows an agent that a report is its own site's reconciler's: both have the site's own key, and nobody else has. */
export function reportToken({ secret }: TsigKey): string {
  return createHmac("sha256", Buffer.from(secret, "base64")).update("dns-mesh reconciler report").digest("base64url");
}
