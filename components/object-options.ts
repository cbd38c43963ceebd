import type * as pulumi from "@pulumi/pulumi";

/** How long `up` waits for an object that is there as soon as the API server has it: a link that broke is told soon. */
const shortly: pulumi.CustomTimeouts = { create: "2m", update: "2m", delete: "2m" };

/** How long `up` waits for what takes its time: load balancers, pods, all that is in a namespace. */
export const patiently: pulumi.CustomTimeouts = { create: "10m", update: "10m", delete: "10m" };

/** Annotation of an object that is as good as there once the API server has it: `up` waits for nothing more. */
export const unawaited: Readonly<Record<string, string>> = { "pulumi.com/skipAwait": "true" };

/**
 * Options of an object whose name is fixed. Were it created before the old one is deleted, server-side apply would merge
 * both into one object and the deletion would then take it away.
 */
export function objectOptions(
  parent: pulumi.Resource,
  options: pulumi.CustomResourceOptions = {},
): pulumi.CustomResourceOptions {
  return { parent, deleteBeforeReplace: true, customTimeouts: shortly, ...options };
}

type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/** A copy that Pulumi's input types, which know no `readonly`, take. */
export function writable<T>(value: T): Writable<T> {
  return structuredClone(value) as Writable<T>;
}
