type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/** A copy that Pulumi's input types, which know no `readonly`, take. */
export function writable<T>(value: T): Writable<T> {
  return structuredClone(value) as Writable<T>;
}
