import { changesAnything, type Preview } from "./gather";

/** What a pipeline asked for beside the preview itself. */
export interface Thresholds {
  /** Most removals. */
  readonly most?: number;
  readonly expectNoChanges?: boolean;
  /** Whether the list alone was to be judged. */
  readonly offline?: boolean;
}

/** Why a preview ends with 1, a sentence each. */
export function problemsOf(
  found: Preview,
  { most, expectNoChanges = false, offline = false }: Thresholds,
): readonly string[] {
  const isJudged = most !== undefined || expectNoChanges;
  return [
    ...(isJudged && !found.compared ? ["there is no shared stack to compare with: removals are not checked"] : []),
    ...(found.refused.length > 0 ? [`up would refuse this: ${found.refused.length} reasons, above`] : []),
    ...(most !== undefined && found.removals > most
      ? [`${found.removals} removals, and at most ${most} were allowed`]
      : []),
    ...(most !== undefined && !offline ? uncounted(found) : []),
    ...(expectNoChanges ? unexpected(found) : []),
  ];
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
