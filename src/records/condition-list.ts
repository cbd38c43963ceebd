import { timeText } from "../base/text";
import type { Condition } from "./model";

/** What a condition says. */
export type ConditionFacts = readonly [status: Condition["status"], reason: string, message: string];

/** A condition of whatever kind of object. */
type ConditionOf<Type extends string> = Omit<Condition, "type"> & { readonly type: Type };

/**
 * The conditions of a status, with the times at which they turned.
 *
 * @param before - Those that the object has: the time of one stays as long as its status does.
 * @param at.generation - Which version of the object they are about.
 * @param at.now - Milliseconds since 1970.
 */
export function datedConditions<Type extends string>(
  found: readonly (readonly [Type, ConditionFacts])[],
  before: readonly ConditionOf<Type>[],
  { generation, now }: { readonly generation: number; readonly now: number },
): ConditionOf<Type>[] {
  const time = timeText(now);
  return found.map(([type, [status, reason, message]]) => {
    const earlier = before.find((condition) => condition.type === type);
    const lastTransitionTime = earlier?.status === status ? earlier.lastTransitionTime : time;
    return { type, status, observedGeneration: generation, lastTransitionTime, reason, message };
  });
}

/** What conditions say, in a form in which equal ones are equal whatever their order. */
export function canonicalConditions(conditions: readonly ConditionOf<string>[] = []): unknown {
  return conditions
    .map((each) => [
      each.type,
      each.status,
      each.observedGeneration,
      each.lastTransitionTime,
      each.reason,
      each.message,
    ])
    .sort();
}
