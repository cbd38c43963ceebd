import { UserError } from "../base/errors";
import { object } from "../base/json-fields";

/** How the ring rotates, in seconds. */
export interface RotationSettings {
  /** Age of the signing key at which the next one is made. */
  readonly every: number;
  /** How long an absent site delays a rotation. */
  readonly patience: number;
  /** How long the former key is accepted after the next one signs; twice the margin at the least. */
  readonly overlap: number;
  /** Time for what was written to reach all. @default two polls and the skew of clocks */
  readonly margin?: number;
}

/** Every thirty days; an absent site delays by a day, and has another one to come back. */
export const defaultRotation: RotationSettings = { every: 30 * 86_400, patience: 86_400, overlap: 86_400 };

/**
 * Reads the settings of the rotation as a welcome packet carries them, durations in seconds; what is left out is as by
 * default.
 *
 * @throws UserError that names the field.
 */
export function parseRotation(json: unknown): RotationSettings {
  if (json === undefined) return defaultRotation;
  const settings = object(json, "rotation");
  const seconds = (name: keyof RotationSettings): number | undefined => {
    const value = settings[name];
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !(value >= 0)) throw new UserError(`rotation: ${name} must be seconds`);
    return value;
  };
  const margin = seconds("margin");
  return {
    every: seconds("every") ?? defaultRotation.every,
    patience: seconds("patience") ?? defaultRotation.patience,
    overlap: seconds("overlap") ?? defaultRotation.overlap,
    ...(margin !== undefined && { margin }),
  };
}
