import type { Planned } from "./rule";

type Step = string | number;

/** What stands at a path; nothing else is looked at, since a preview may not know it. */
export function at(value: unknown, ...path: readonly Step[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === "object" && inner !== null ? (inner as Record<Step, unknown>)[step] : undefined),
    value,
  );
}

/** The list at a path; an empty one where there is none. */
export function listAt(value: unknown, ...path: readonly Step[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as unknown[]) : [];
}

/** The text at a path; empty where there is none. */
export function textAt(value: unknown, ...path: readonly Step[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/**
 * The text at a path, and an empty one as long as it is not known: for rules about many texts, of which a preview judges those that it
 * knows. The `up` judges all.
 */
export function knownTextAt(value: unknown, ...path: readonly Step[]): string {
  try {
    return textAt(value, ...path);
  } catch (error) {
    // The class is not exported.
    if (error instanceof Error && error.constructor.name === "UnknownValueError") return "";
    throw error;
  }
}

/** Names of the fields at a path. */
export function keysAt(value: unknown, ...path: readonly Step[]): readonly string[] {
  const found = at(value, ...path);
  return typeof found === "object" && found !== null ? Object.keys(found) : [];
}

/**
 * The resources, and in the place of a Kubernetes list (`PodList`, `DeploymentList`, …) its items. An item may name a kind of its
 * own; a list of one kind need not.
 */
export function unlisted(resource: Planned): readonly Planned[] {
  const { type, props, name } = resource;
  const kind = kindOf(resource)?.kind ?? "";
  if (!kind.endsWith("List") || !Array.isArray(at(props, "items"))) return [resource];
  const module = type.slice(0, type.lastIndexOf(":"));
  return listAt(props, "items").flatMap((item, i) => {
    const itemKind = textAt(item, "kind") || kind.slice(0, -"List".length);
    const itemProps = (typeof item === "object" && item !== null ? item : {}) as Planned["props"];
    return unlisted({ ...resource, type: `${module}:${itemKind}`, name: `${name}[${i}]`, props: itemProps });
  });
}

/** A Kubernetes object's kind. A patch (`PodPatch`) says a part of one that others made. */
export interface Kind {
  readonly kind: string;
  readonly isPatch: boolean;
}

/** The kind of a Kubernetes object; undefined for any other resource. */
export function kindOf({ type }: Planned): Kind | undefined {
  if (!type.startsWith("kubernetes:")) return undefined;
  const name = type.slice(type.lastIndexOf(":") + 1);
  return name.endsWith("Patch")
    ? { kind: name.slice(0, -"Patch".length), isPatch: true }
    : { kind: name, isPatch: false };
}

/** Whether a resource is a Kubernetes object of that kind, or a patch of one. */
export function isKind(resource: Planned, ...kinds: readonly string[]): boolean {
  const kind = kindOf(resource);
  return kind !== undefined && kinds.includes(kind.kind);
}

/** A Kubernetes object's own name. */
export function objectName({ props, name }: Planned): string {
  return textAt(props, "metadata", "name") || name;
}

/** A Kubernetes object's namespace. */
export function namespaceOf({ props }: Planned): string {
  return textAt(props, "metadata", "namespace") || "default";
}

/** A container, with where it stands. */
export interface Container {
  /** Such as `initContainers[0] "prepare"`. */
  readonly place: string;
  readonly spec: unknown;
}

const templates: Readonly<Record<string, readonly string[]>> = {
  Pod: ["spec"],
  CronJob: ["spec", "jobTemplate", "spec", "template", "spec"],
  ...Object.fromEntries(
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"].map((kind) => [
      kind,
      ["spec", "template", "spec"],
    ]),
  ),
};

/** What pods of an object are made from; undefined for what has none. */
export function podSpecOf(resource: Planned): unknown {
  const path = templates[kindOf(resource)?.kind ?? ""];
  return path === undefined ? undefined : at(resource.props, ...path);
}

/** All containers of a pod, those that come first included. */
export function containersOf(podSpec: unknown): readonly Container[] {
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
    listAt(podSpec, list).map((spec, i) => ({ place: `${list}[${i}] "${textAt(spec, "name")}"`, spec })),
  );
}
