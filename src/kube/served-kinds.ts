import type { KubeClient } from "./client";

/**
 * Plural names of what a version of an API group has, as `/apis/…` lists them.
 *
 * @returns undefined where what answers is no such list; none where the version is not there.
 * @throws KubeError
 */
export async function servedKinds(
  client: Pick<KubeClient, "get">,
  path: string,
): Promise<ReadonlySet<string> | undefined> {
  const answer = await client.get(path);
  const kinds = answer === undefined ? [] : answer["resources"];
  if (!Array.isArray(kinds)) return undefined;
  return new Set((kinds as readonly { readonly name?: string }[]).flatMap(({ name }) => name ?? []));
}
