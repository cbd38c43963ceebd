import * as z from "zod/mini";

import { objectOf, readShape, type Shape } from "../base/shape";

const seconds = z.number("must be seconds").check(z.nonnegative("must be seconds"));

const rotation = objectOf({
  /** Age of the signing key at which the next one is made. */
  every: z._default(seconds, 30 * 86_400),
  /** How long an absent site delays a rotation. */
  patience: z._default(seconds, 86_400),
  /** How long the former key is accepted after the next one signs; twice the margin at the least. */
  overlap: z._default(seconds, 86_400),
  /** Time for what was written to reach all. @default two polls and the skew of clocks */
  margin: z.exactOptional(seconds),
});

/** How the ring rotates, in seconds. */
export type RotationSettings = Shape<typeof rotation>;

/** Every thirty days; an absent site delays by a day, and has another one to come back. */
export const defaultRotation: RotationSettings = parseRotation({});

/**
 * Reads the settings of the rotation as a welcome packet carries them, durations in seconds; what is left out is as by
 * default.
 *
 * @throws UserError that names the field.
 */
export function parseRotation(json: unknown = {}): RotationSettings {
  return readShape(rotation, json, "rotation:");
}
