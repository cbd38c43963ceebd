import { createHmac } from "node:crypto";

import * as z from "zod/mini";

import { listOf, objectOf, plainText, readShape, type Shape } from "../base/shape";
import type { TsigKey } from "../dns/tsig-key";

const report = objectOf({
  /** How long the pass took. */
  seconds: z.number("must be a number").check(z.gte(0, "must not be negative")),
  /** The kind of each finding; none where all was in order. */
  kinds: listOf(plainText),
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
export function factsAfter(facts: ReconcilerFacts, { seconds, kinds }: ReconcilerReport, at: number): ReconcilerFacts {
  const findings: Record<string, number> = {};
  for (const kind of kinds.slice(0, mostKinds)) findings[kind] = (findings[kind] ?? 0) + 1;
  const succeededAt = kinds.length === 0 ? at : facts.succeededAt;
  return { last: { at, seconds, findings }, ...(succeededAt !== undefined && { succeededAt }) };
}

/** What shows an agent that a report is its own site's reconciler's: both have the site's own key, and nobody else has. */
export function reportToken({ secret }: TsigKey): string {
  return createHmac("sha256", Buffer.from(secret, "base64")).update("dns-mesh reconciler report").digest("base64url");
}
