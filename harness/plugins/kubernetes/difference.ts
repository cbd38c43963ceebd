import type { DiffKind } from "../provider";
import { isObject, isUnknown, sameJson, textAt, type Json, type Properties } from "../wire";

const selector = ["spec.selector"];

/** Properties whose change the API server refuses, by kind: a change replaces the object. From the real plugin's table. */
const replaceOnChange: Readonly<Record<string, readonly string[]>> = {
  "apps/v1/StatefulSet": [
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
    ...selector,
  ],
  "apps/v1/Deployment": selector,
  "apps/v1/DaemonSet": selector,
  "batch/v1/Job": ["spec.completions", "spec.parallelism", "spec.template", ...selector],
  "rbac.authorization.k8s.io/v1/RoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": ["roleRef"],
  "storage.k8s.io/v1/StorageClass": ["parameters", "provisioner"],
  "v1/PersistentVolume": ["spec.hostPath", "spec.local", "spec.nfs", "spec.csi"],
  "v1/PersistentVolumeClaim": ["spec.accessModes", "spec.storageClassName", "spec.volumeName", ...selector],
  "v1/Pod": [
    "spec.containers",
    "spec.initContainers",
    "spec.volumes",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.securityContext",
    "spec.serviceAccountName",
  ],
  "v1/ResourceQuota": ["spec.scopes"],
  "v1/Secret": ["type"],
  "v1/Service": ["spec.clusterIP"],
};

/** What the provider's settings say about data. */
export interface Mutability {
  readonly configMaps: boolean;
  readonly secrets: boolean;
}

/** The property paths whose change replaces the object. */
export function replacePaths(object: Properties, mutability: Mutability): string[] {
  const kind = `${textAt(object, "apiVersion") ?? ""}/${textAt(object, "kind") ?? ""}`;
  const paths = ["metadata.name", "metadata.namespace", ...(replaceOnChange[kind] ?? [])];
  const fixed = object["immutable"] === true;
  if (kind === "v1/ConfigMap" && (!mutability.configMaps || fixed)) paths.push("data", "binaryData");
  if (kind === "v1/Secret" && (!mutability.secrets || fixed)) paths.push("data", "stringData");
  return paths;
}

function joinPath(path: string, key: string): string {
  if (/[."[\]]/.test(key)) return `${path}["${key.replaceAll('"', '\\"')}"]`;
  return path ? `${path}.${key}` : key;
}

/** Every property that differs: path → kind, without judging replacements. */
export function changes(
  from: Json | undefined,
  to: Json | undefined,
  path = "",
): Map<string, "add" | "delete" | "update"> {
  const found = new Map<string, "add" | "delete" | "update">();
  const descend = (left: Json | undefined, right: Json | undefined, inner: string): void => {
    for (const [key, kind] of changes(left, right, inner)) found.set(key, kind);
  };
  if (sameJson(from, to)) return found;
  if (isObject(from) && isObject(to)) {
    for (const key of new Set([...Object.keys(from), ...Object.keys(to)]))
      descend(from[key], to[key], joinPath(path, key));
  } else if (Array.isArray(from) && Array.isArray(to)) {
    for (let index = 0; index < Math.max(from.length, to.length); index++)
      descend(from[index], to[index], `${path}[${index}]`);
  } else if (isMissing(to)) {
    if (!isMissing(from)) found.set(path, "delete");
  } else {
    found.set(path, isMissing(from) && !isUnknown(to) ? "add" : "update");
  }
  return found;
}

function isMissing(value: Json | undefined): boolean {
  return value === undefined || value === null;
}

/** True when a path is another one or lies inside it. */
export function contains(outer: string, inner: string): boolean {
  return inner === outer || (inner.startsWith(outer) && /^[.[]/.test(inner.slice(outer.length)));
}

/** The differences as the engine wants them, with replacements marked and ignored paths left out. */
export function detailOf(
  found: ReadonlyMap<string, "add" | "delete" | "update">,
  replaces: readonly string[],
  ignored: readonly string[],
): Record<string, DiffKind> {
  const detail: Record<string, DiffKind> = {};
  for (const [path, kind] of found) {
    if (ignored.some((outer) => contains(outer, path))) continue;
    const replace = replaces.some((outer) => contains(outer, path) || contains(path, outer));
    detail[path] = replace ? `${kind}-replace` : kind;
  }
  return detail;
}
