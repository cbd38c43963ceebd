import { changesAnything, type Preview } from "./gather";
import { isAccess } from "./stack-plan";

/** What a pipeline asked for beside the preview itself. */
export interface Thresholds {
  /** Most removals. */
  readonly most?: number;
  readonly expectNoChanges?: boolean;
  /** Whether what is really there was looked at. */
  readonly refresh?: boolean;
  /** Whether the list alone was to be judged. */
  readonly offline?: boolean;
}

/** Why a preview ends with 1, a sentence each. */
export function problemsOf(
  found: Preview,
  { most, expectNoChanges = false, refresh = false, offline = false }: Thresholds,
): readonly string[] {
  const isJudged = most !== undefined || expectNoChanges;
  return [
    ...(isJudged && !found.compared ? ["there is no shared stack to compare with: removals are not checked"] : []),
    ...(found.refused.length > 0 ? [`up would refuse this: ${found.refused.length} reasons, above`] : []),
    ...(most !== undefined && found.removals > most
      ? [`${found.removals} removals, and at most ${most} were allowed`]
      : []),
    ...(most !== undefined && !offline ? uncounted(found) : []),
    ...(expectNoChanges ? unexpected(refresh ? withoutAccess(found) : found) : []),
  ];
}

/**
 * Stacks that are reached in another way than when they were brought up last, and are else as they were left. That is no
 * drift where all that they have was read in the way of now: somewhere else it would not have been there.
 */
export function reachedOtherwise({ stacks }: Preview): readonly string[] {
  return stacks
    .filter((plan) => plan.kind === "planned" && plan.steps.length > 0 && plan.steps.every(isAccess))
    .map(({ stack }) => stack);
}

function withoutAccess(found: Preview): Preview {
  const passed = reachedOtherwise(found);
  return {
    ...found,
    stacks: found.stacks.map((plan) =>
      plan.kind === "planned" && passed.includes(plan.stack) ? { ...plan, steps: [] } : plan,
    ),
  };
}

/** A stack that could not be planned may delete anything. A new one deletes nothing. */
function uncounted({ stacks }: Preview): readonly string[] {
  const unseen = stacks.filter(({ kind }) => kind === "unseen").map(({ stack }) => stack);
  return unseen.length === 0
    ? []
    : [
        `removals of ${unseen.join(", ")} could not be counted, which were not planned; --offline judges the list alone`,
      ];
}

function unexpected(found: Preview): readonly string[] {
  if (changesAnything(found)) return ["no changes were expected, and there are some"];
  return found.complete ? [] : ["no changes were expected, and not every stack could be planned"];
}
