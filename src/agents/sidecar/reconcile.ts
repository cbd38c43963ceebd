/**
 * What is requested. Numbers count requests and only grow, so that a request that comes while an earlier one is carried
 * out stays open.
 */
export interface Desired {
  /** Knot's files as packet, keys and saved state say. */
  readonly files: number;
  /** Up to this one of the same count, Knot must load its files even when none differs. */
  readonly load: number;
  /** A plan made from the central zones. */
  readonly plan: number;
  /** ISO date: retirements take effect by the day. */
  readonly today: string;
}

/** What was carried out, and what Knot answers. */
export interface Observed {
  /** Whether the saved state is usable. Without it nothing says what Knot should run. */
  readonly stateIsWhole: boolean;
  /** The request for files up to which Knot runs what it should. */
  readonly settledFiles: number;
  /** The request for files for which the own zones on the volume were listed, without a usable state. */
  readonly listedFiles: number;
  /** Undefined as long as Knot was not asked in this pass. */
  readonly serials: Serials | "unknown" | undefined;
  /** {@link planKey} of the last plan. */
  readonly planned: string;
  /** Whether an earlier failure is long enough ago to try again. */
  readonly mayTry: boolean;
}

/** Serials of both central zones. */
export interface Serials {
  readonly directory: number;
  readonly catalog: number;
}

/** What a pass does next. */
export type Step =
  /** Find out which own zones have files, and touch nothing. */
  | { readonly kind: "list-own-zones"; readonly request: number }
  /** Make Knot run what the saved state says. */
  | { readonly kind: "settle"; readonly request: number; readonly load: boolean }
  /** Ask Knot for the serials of the central zones. */
  | { readonly kind: "observe" }
  /** Read the central zones, plan, and make Knot run the plan. */
  | { readonly kind: "follow"; readonly key: string }
  | { readonly kind: "rest" };

/**
 * Decides the next step of a pass, from levels alone: what is requested, what is settled, and what Knot answers.
 *
 * | files                                     | central zones                 | step             |
 * |-------------------------------------------|-------------------------------|------------------|
 * | requested, and it is too early to retry   | any                           | `rest`           |
 * | requested, but the state is not usable    | any                           | `list-own-zones` |
 * | requested                                 | any                           | `settle`         |
 * | settled, or listed                        | not asked in this pass        | `observe`        |
 * | settled, or listed                        | answered, not planned with    | `follow` (`rest` when it is too early to retry) |
 * | settled, or listed                        | planned with, or not answered | `rest`           |
 *
 * Without a usable state Knot is left as it is until the central zones were followed; then its files are settled.
 */
export function reconcile(desired: Desired, observed: Observed): Step {
  const request = desired.files;
  if ((observed.stateIsWhole ? observed.settledFiles : observed.listedFiles) < request) {
    if (!observed.mayTry) return { kind: "rest" };
    if (!observed.stateIsWhole) return { kind: "list-own-zones", request };
    return { kind: "settle", request, load: observed.settledFiles < desired.load };
  }
  if (observed.serials === undefined) return { kind: "observe" };
  if (observed.serials === "unknown" || !observed.mayTry) return { kind: "rest" };
  const key = planKey(desired, observed.serials);
  return key === observed.planned ? { kind: "rest" } : { kind: "follow", key };
}

/** Names what a plan is made from: equal keys, equal plans. */
export function planKey({ plan, today }: Desired, { directory, catalog }: Serials): string {
  return `${plan} ${today} ${directory} ${catalog}`;
}
