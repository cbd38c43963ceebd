import type * as pulumi from "@pulumi/pulumi";

/**
 * Options of an object whose name is fixed. Were it created before the old one is deleted, server-side apply would merge
 * both into one object and the deletion would then take it away.
 */
export function objectOptions(
  parent: pulumi.Resource,
  options: pulumi.CustomResourceOptions = {},
): pulumi.CustomResourceOptions {
  return { parent, deleteBeforeReplace: true, ...options };
}

type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/** A copy that Pulumi's input types, which know no `readonly`, take. */
export function writable<T>(value: T): Writable<T> {
  return structuredClone(value) as Writable<T>;
}
