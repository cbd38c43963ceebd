import { UserError } from "../base/errors";
import { fields, parseJson } from "../base/json";
import { objects } from "../contract/names";
import type { KubeObject } from "../kube/answer";
import type { KubeClient } from "../kube/client";
import { listObjects } from "../kube/watch";
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

/** What {@link finishAdoption} did, and did not. */
export interface Finished {
  /** How many objects forgot the former stack. */
  readonly objects: number;
  /** Paths of objects that a stack made by Pulumi owns and the new one does not have: the settings may leave them out now. */
  readonly left: readonly string[];
}

/**
 * Has the objects forget the former stack. Each of its fields has two owners after an `up` that took over, and a field that a
 * later `up` leaves out would stay as long as the former one owns it. Nothing that any object says is changed, and nothing at all
 * unless the whole of what the new stack took over is there.
 *
 * @throws UserError when the text is not of a stack that was brought up for this site, or does not have all that was taken over.
 */
export async function finishAdoption({ kube, namespace, site, exported }: FinishParts): Promise<Finished> {
  await requireSite({ kube, namespace }, site, missing);
  const managed = managedIn(exported, namespace);
  requireWhole(managed, { exported, namespace, site });
  const live = await liveObjects(kube, managed);
  const left = await leftIn(kube, managed, { namespace, site });
  let count = 0;
  for (const { path, manager, object } of live) {
    const kept = withoutFormer(object, manager);
    if (kept === undefined) continue;
    const { resourceVersion } = object.metadata ?? {};
    const metadata = { managedFields: kept, ...(resourceVersion !== undefined && { resourceVersion }) };
    await kube.merge(path, { metadata }, "dns-mesh-adopt");
    count += 1;
  }
  return { objects: count, left };
}

/** Without these no site runs: an export that lacks one is not of a site's stack, or of one that is not up. */
function needed(namespace: string): readonly string[] {
  const core = `/api/v1/namespaces/${namespace}`;
  return [
    core,
    `${core}/configmaps/${objects.config}`,
    `${core}/secrets/${objects.localKey}`,
    `/apis/apps/v1/namespaces/${namespace}/statefulsets/knot`,
  ];
}

/** @throws UserError unless the text is of this site's stack, brought up whole. */
function requireWhole(
  managed: readonly Managed[],
  { exported, namespace, site }: Pick<FinishParts, "exported" | "namespace" | "site">,
): void {
  const cure = `hand over what "pulumi stack export -s ${site}" prints once the stack is up`;
  const { deployment } = fields(parseJson(exported, "the standard input"));
  const resources = resourcesIn(exported);
  const sites = resources.filter(({ type }) => type === "dnsmesh:site:SiteStack").map(({ urn }) => lastPart(urn));
  if (sites.length === 0 && managed.length === 0)
    throw new UserError(`the standard input has no object of the namespace ${namespace}: ${cure}`);
  if (sites.length !== 1 || sites[0] !== site)
    throw new UserError(
      `the standard input is the export of ${sites.length === 0 ? "another stack" : `the stack of ${sites.join(", ")}`}, not of that of ${site}: ${cure}`,
    );
  const pending = fields(deployment)["pending_operations"];
  if (Array.isArray(pending) && pending.length > 0)
    throw new UserError(`the up of ${site} was interrupted: run it again (pulumi -s ${site} up), and ${cure}`);
  const said = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs["site"];
  const there = new Set(managed.map(({ path }) => path));
  const lacking = needed(namespace).filter((path) => !there.has(path));
  if (said === site && lacking.length === 0) return;
  throw new UserError(
    `the stack of ${site} is not up: ${lacking.length > 0 ? `the standard input does not have ${lacking.join(", ")}` : "it has no outputs"}; run "pulumi -s ${site} up" to its end, and ${cure}`,
  );
}

/** The cluster's objects that the new stack has, each of which it must own. Those that come and go by themselves may be missing. */
async function liveObjects(
  kube: Pick<KubeClient, "get">,
  managed: readonly Managed[],
): Promise<readonly (Managed & { readonly object: KubeObject })[]> {
  const live: (Managed & { readonly object: KubeObject })[] = [];
  const problems: string[] = [];
  for (const each of managed) {
    const object = await kube.get(each.path);
    if (object === undefined) {
      if (!each.isPatch) problems.push(`${each.path} is not there`);
    } else if (ownersOf(object).length > 0 && !ownersOf(object).includes(each.manager) && !each.isPatch)
      problems.push(`${each.path} is another stack's (${ownersOf(object).join(", ")}), not ${each.manager}'s`);
    else live.push({ ...each, object });
  }
  if (problems.length === 0) return live;
  throw new UserError(
    `the cluster is not as the standard input has it: ${problems.join("; ")}. Nothing was changed; bring the stack up with dns-mesh:adopt once more, and hand over what its export says then`,
  );
}

/**
 * Objects in the namespace that a stack owns and the export does not have.
 *
 * @throws UserError for one that two stacks own: it was taken over, so that the export is not whole.
 */
async function leftIn(
  kube: Pick<KubeClient, "get">,
  managed: readonly Managed[],
  { namespace, site }: Pick<FinishParts, "namespace" | "site">,
): Promise<readonly string[]> {
  const there = new Set(managed.map(({ path }) => path));
  const within = managed.filter(({ path }) => path.includes(`/namespaces/${namespace}/`));
  const collections = new Set(within.map(({ path }) => path.slice(0, path.lastIndexOf("/"))));
  const others: { readonly path: string; readonly owners: number }[] = [];
  for (const collection of collections)
    for (const object of (await listObjects(kube, collection)).objects) {
      const path = `${collection}/${object.metadata?.name ?? ""}`;
      if (!there.has(path)) others.push({ path, owners: ownersOf(object).length });
    }
  const twice = others.filter(({ owners }) => owners > 1).map(({ path }) => path);
  if (twice.length > 0)
    throw new UserError(
      `the standard input is not whole: the stack took over ${twice.join(", ")} too. Nothing was changed; hand over all that "pulumi stack export -s ${site}" prints`,
    );
  return others.filter(({ owners }) => owners === 1).map(({ path }) => path);
}

/** An object of a stack, and by which name the stack owns its fields. */
interface Managed {
  readonly path: string;
  readonly manager: string;
  /** Whether it is another's object, of which the stack has some fields. */
  readonly isPatch: boolean;
}

/** What is used of a resource in a state. */
interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** What a stack made. What it only looked at (`external`) is others', and the name that stands there owns nothing. */
function resourcesIn(exported: string): readonly StateResource[] {
  const { deployment } = fields(parseJson(exported, "the standard input"));
  const { resources } = fields(deployment);
  const made = (Array.isArray(resources) ? resources : []).map(fields).filter(({ external }) => external !== true);
  return made.map(({ urn, type, outputs }) => ({
    urn: typeof urn === "string" ? urn : "",
    type: typeof type === "string" ? type : "",
    outputs: fields(outputs),
  }));
}

/** A resource's name. */
function lastPart(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

/** What a stack's state has in a namespace, and the namespace itself. What a cluster's sites share is left to all of them. */
export function managedIn(exported: string, namespace: string): readonly Managed[] {
  return resourcesIn(exported).flatMap(({ type, outputs }): readonly Managed[] => {
    const { apiVersion, kind, metadata, __fieldManager: manager } = outputs;
    const { name, namespace: of } = fields(metadata);
    if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof manager !== "string") return [];
    if (typeof name !== "string" || (kind === "Namespace" ? name : of) !== namespace) return [];
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const path =
      kind === "Namespace" ? `${root}/namespaces/${name}` : `${root}/namespaces/${namespace}/${pluralOf(kind)}/${name}`;
    return [{ path, manager, isPatch: type.endsWith("Patch") }];
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

function managedFieldsOf(object: KubeObject): readonly ManagedFields[] {
  const { managedFields } = fields(object.metadata);
  return Array.isArray(managedFields) ? (managedFields as readonly ManagedFields[]) : [];
}

/** Whether an entry is that of a stack, this one or another. */
function isStacks({ manager, operation, subresource }: ManagedFields): boolean {
  return manager?.startsWith("pulumi-kubernetes-") === true && operation === "Apply" && subresource === undefined;
}

/** By which names stacks own an object. */
function ownersOf(object: KubeObject): readonly string[] {
  return managedFieldsOf(object)
    .filter(isStacks)
    .map(({ manager = "" }) => manager);
}

/** The owners without those that other states of this stack had; undefined where there are none, or ours is not there. */
function withoutFormer(object: KubeObject, manager: string): readonly ManagedFields[] | undefined {
  const all = managedFieldsOf(object);
  const kept = all.filter((entry) => entry.manager === manager || !isStacks(entry));
  return kept.length < all.length && kept.some((entry) => entry.manager === manager) ? kept : undefined;
}
