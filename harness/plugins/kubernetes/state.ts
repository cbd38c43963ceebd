import type { ReadRequest, ResourceName } from "../provider";
import { isObject, textAt, without, type Properties } from "../wire";
import type { KubeconfigChoice } from "./kubeconfig";
import { annotation, checkpoint, suffix, toObject } from "./objects";

/** What the provider's settings say about the cluster. */
export function choiceOf(config: Properties): KubeconfigChoice {
  const given = (["kubeconfig", "context", "cluster", "namespace"] as const).flatMap((key) => {
    const value = config[key];
    return typeof value === "string" && value !== "" ? [[key, value] as const] : [];
  });
  return Object.fromEntries(given);
}

/** `PodPatch` and its like own some fields of an object that somebody else made. */
export function isPatch(request: ResourceName): boolean {
  return /:[A-Za-z]+Patch$/.test(request.type);
}

/** The name under which a resource's fields are owned: asked for by annotation, kept in the state, or made once. */
export function fieldManagerOf(state: Properties, inputs: Properties, urn: string): string {
  const made = `pulumi-kubernetes-${suffix(`${urn} ${process.hrtime.bigint()}`)}`;
  return annotation(inputs, "pulumi.com/patchFieldManager") ?? textAt(state, "__fieldManager") ?? made;
}

const clusterScoped = new Set([
  "Namespace",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "PersistentVolume",
  "StorageClass",
  "Node",
  "PriorityClass",
  "RuntimeClass",
  "IngressClass",
]);

/** Whether a built-in kind has no namespace: for when the server cannot be asked. */
export function isClusterScoped(kind: string): boolean {
  return clusterScoped.has(kind);
}

const ownKeys = ["__inputs", "__fieldManager", "__initialApiVersion"];

/** The live object that the state remembers. */
export function liveOf(state: Properties): Properties {
  return without(toObject(state), ...ownKeys);
}

/** The inputs that the state remembers. */
export function inputsOf(state: Properties): Properties {
  const inputs = toObject(state)["__inputs"];
  return isObject(inputs) ? inputs : {};
}

/** An object in the form that inputs have in the state. */
export function toProperties(object: Properties): Properties {
  const kept = checkpoint({ inputs: {}, live: object, initialApiVersion: "", fieldManager: "", marks: {} });
  return without(kept, ...ownKeys);
}

/** Kind and version of a resource of which only the type is known. */
export function identity(request: ReadRequest): Properties {
  const [, module, kind] = request.type.split(":");
  const apiVersion = (module ?? "").replace(/^core\//, "");
  return { apiVersion, kind: (kind ?? "").replace(/Patch$/, "") };
}

/** The parts of a live object that somebody wrote, for a resource of which no inputs are known. */
export function authored(live: Properties): Properties {
  const metadata = isObject(live["metadata"]) ? live["metadata"] : {};
  const kept = Object.entries(metadata).filter(([key]) => ["name", "namespace", "labels", "annotations"].includes(key));
  return { ...without(live, "status"), metadata: Object.fromEntries(kept) };
}
