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
