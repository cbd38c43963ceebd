import { changesAnything, type Preview } from "./gather";

/** What a pipeline asked for beside the preview itself. */
export interface Thresholds {
  /** Most removals. */
  readonly most?: number;
  readonly expectNoChanges?: boolean;
}

/** Why a preview ends with 1, a sentence each. */
export function problemsOf(found: Preview, { most, expectNoChanges = false }: Thresholds): readonly string[] {
  const isJudged = most !== undefined || expectNoChanges;
  return [
    ...(isJudged && !found.compared ? ["there is no shared stack to compare with: removals are not checked"] : []),
    ...(found.refused.length > 0 ? [`up would refuse this: ${found.refused.length} reasons, above`] : []),
    ...(most !== undefined && found.removals > most
      ? [`${found.removals} removals, and at most ${most} were allowed`]
      : []),
    ...(expectNoChanges ? unexpected(found) : []),
  ];
}

function unexpected(found: Preview): readonly string[] {
  if (changesAnything(found)) return ["no changes were expected, and there are some"];
  return found.complete ? [] : ["no changes were expected, and not every stack could be planned"];
}
