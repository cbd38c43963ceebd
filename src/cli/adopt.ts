import { UserError } from "../base/errors";
import { fields, parseJson } from "../base/json";
import type { KubeObject } from "../kube/answer";
import type { KubeClient } from "../kube/client";
import { liveMadeKeys, type LivePlace, requireSite } from "../preflight/live-site";

const missing = "there is nothing to adopt; check the context and the namespace";

/**
 * The keys that a running site's former stack made by chance, as JSON: the setting `dns-mesh:madeKeys` of the stack that
 * takes its place.
 *
 * @throws UserError when the cluster is another site's, or has none.
 */
export async function adoptedKeys(place: LivePlace, site: string): Promise<string> {
  await requireSite(place, site, missing);
  return `${JSON.stringify(await liveMadeKeys(place))}\n`;
}

/** What {@link finishAdoption} works with. */
export interface FinishParts {
  readonly kube: Pick<KubeClient, "get" | "merge">;
  readonly namespace: string;
  readonly site: string;
  /** What `pulumi stack export` prints of the stack that took over. */
  readonly exported: string;
}

/**
 * Has the objects forget the former stack. Each of its fields has two owners after an `up` that took over, and a field that a
 * later `up` leaves out would stay as long as the former one owns it. Nothing that any object says is changed.
 *
 * @returns how many objects forgot it.
 * @throws UserError when the text is not of a stack that was brought up for this site.
 */
export async function finishAdoption({ kube, namespace, site, exported }: FinishParts): Promise<number> {
  await requireSite({ kube, namespace }, site, missing);
  const managed = managedIn(exported, namespace);
  if (managed.length === 0)
    throw new UserError(
      `the standard input has no object of the namespace ${namespace}: hand over what "pulumi stack export -s ${site}" prints once the stack is up`,
    );
  let count = 0;
  for (const { path, manager } of managed) {
    const object = await kube.get(path);
    const kept = object && withoutFormer(object, manager);
    if (object === undefined || kept === undefined) continue;
    const { resourceVersion } = object.metadata ?? {};
    const metadata = { managedFields: kept, ...(resourceVersion !== undefined && { resourceVersion }) };
    await kube.merge(path, { metadata }, "dns-mesh-adopt");
    count += 1;
  }
  return count;
}

/** An object of a stack, and by which name the stack owns its fields. */
interface Managed {
  readonly path: string;
  readonly manager: string;
}

/** What a stack's state has in a namespace, and the namespace itself. What a cluster's sites share is left to all of them. */
export function managedIn(exported: string, namespace: string): readonly Managed[] {
  const { deployment } = fields(parseJson(exported, "the standard input"));
  const { resources } = fields(deployment);
  return (Array.isArray(resources) ? resources : []).flatMap((resource): readonly Managed[] => {
    const { apiVersion, kind, metadata, __fieldManager: manager } = fields(fields(resource)["outputs"]);
    const { name, namespace: of } = fields(metadata);
    if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof manager !== "string") return [];
    if (typeof name !== "string" || (kind === "Namespace" ? name : of) !== namespace) return [];
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const within = kind === "Namespace" ? "" : `/namespaces/${namespace}`;
    return [{ path: `${root}${within}/${pluralOf(kind)}/${name}`, manager }];
  });
}

/** As the API server names the kinds that a site has. */
function pluralOf(kind: string): string {
  return kind.toLowerCase().replace(/y$/, "ie").concat("s");
}

/** An entry for each owner of fields. */
interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
}

/** The owners without those that other states of this stack had; undefined where there are none, or ours is not there. */
function withoutFormer(object: KubeObject, manager: string): readonly ManagedFields[] | undefined {
  const { managedFields } = fields(object.metadata);
  const all = Array.isArray(managedFields) ? (managedFields as readonly ManagedFields[]) : [];
  const isPulumis = ({ manager: name, operation, subresource }: ManagedFields): boolean =>
    name?.startsWith("pulumi-kubernetes-") === true && operation === "Apply" && subresource === undefined;
  const kept = all.filter((entry) => entry.manager === manager || !isPulumis(entry));
  return kept.length < all.length && kept.some((entry) => entry.manager === manager) ? kept : undefined;
}
