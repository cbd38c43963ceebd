import { isObject, textAt, valueAt, type Json, type Properties } from "../wire";

/** What a look at an object says: done, or what is still missing (shown as status, and as reasons after the timeout). */
export type Readiness =
  { readonly ready: true; readonly message?: string } | { readonly ready: false; readonly message: string };

/** What a look may need besides the object itself. */
export interface Cluster {
  /** Another object, or undefined. */
  find(of: { apiVersion: string; kind: string; namespace: string; name: string }): Promise<Properties | undefined>;
}

type Look = (object: Properties, cluster: Cluster) => Readiness | Promise<Readiness>;

function number(object: Properties, ...path: string[]): number {
  const value = valueAt(object, path);
  return typeof value === "number" ? value : 0;
}

function observed(object: Properties): boolean {
  return number(object, "status", "observedGeneration") >= number(object, "metadata", "generation");
}

function statefulSet(object: Properties): Readiness {
  const wanted = number(object, "spec", "replicas");
  const ready = number(object, "status", "readyReplicas");
  const current = textAt(object, "status", "currentRevision");
  const onDelete =
    number(object, "metadata", "generation") > 1 && textAt(object, "spec", "updateStrategy", "type") === "OnDelete";
  const replicas = number(object, "status", "replicas") === wanted && ready === wanted;
  const rolled =
    onDelete ||
    (current === textAt(object, "status", "updateRevision") && number(object, "status", "currentReplicas") === wanted);
  if (observed(object) && current && replicas && rolled)
    return { ready: true, message: "✅ StatefulSet initialization complete" };
  return { ready: false, message: `[1/2] Waiting for StatefulSet to create Pods (${ready}/${wanted} Pods ready)` };
}

function deployment(object: Properties): Readiness {
  const wanted = number(object, "spec", "replicas");
  const updated = number(object, "status", "updatedReplicas");
  const available = number(object, "status", "availableReplicas");
  const done =
    observed(object) && updated === wanted && available === wanted && number(object, "status", "replicas") === wanted;
  if (done) return { ready: true, message: "✅ Deployment initialization complete" };
  return {
    ready: false,
    message: `Waiting for app ReplicaSet be marked available (${available}/${wanted} Pods available)`,
  };
}

function daemonSet(object: Properties): Readiness {
  const wanted = number(object, "status", "desiredNumberScheduled");
  const available = number(object, "status", "numberAvailable");
  if (observed(object) && available === wanted && number(object, "status", "updatedNumberScheduled") === wanted)
    return { ready: true };
  return { ready: false, message: `Waiting for DaemonSet to roll out (${available}/${wanted} Pods ready)` };
}

async function service(object: Properties, cluster: Cluster): Promise<Readiness> {
  const type = textAt(object, "spec", "type") ?? "ClusterIP";
  const ingress = valueAt(object, ["status", "loadBalancer", "ingress"]);
  if (type === "LoadBalancer" && !(Array.isArray(ingress) && ingress.length > 0)) {
    return { ready: false, message: "Service was not allocated an IP address; does your cloud provider support this?" };
  }
  const selector = valueAt(object, ["spec", "selector"]);
  const selects = isObject(selector) && Object.keys(selector).length > 0;
  if (type === "ExternalName" || textAt(object, "spec", "clusterIP") === "None" || !selects) return { ready: true };
  const name = textAt(object, "metadata", "name") ?? "";
  const endpoints = await cluster.find({
    apiVersion: "v1",
    kind: "Endpoints",
    namespace: textAt(object, "metadata", "namespace") ?? "",
    name,
  });
  const subsets = valueAt(endpoints, ["subsets"]);
  const pending = (Array.isArray(subsets) ? subsets : []).some(
    (subset) => valueAt(subset, ["notReadyAddresses"]) !== undefined,
  );
  if (endpoints && !pending) return { ready: true, message: "✅ Service initialization complete" };
  const reason =
    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods";
  return { ready: false, message: reason };
}

async function claim(object: Properties, cluster: Cluster): Promise<Readiness> {
  const phase = textAt(object, "status", "phase");
  if (phase === "Bound") return { ready: true };
  const name = textAt(object, "spec", "storageClassName") ?? "";
  const storageClass = name
    ? await cluster.find({ apiVersion: "storage.k8s.io/v1", kind: "StorageClass", namespace: "", name })
    : undefined;
  if (textAt(storageClass, "volumeBindingMode") === "WaitForFirstConsumer" && phase === "Pending")
    return { ready: true };
  return { ready: false, message: `PersistentVolumeClaim is ${phase ?? "new"}` };
}

function volume(object: Properties): Readiness {
  const phase = textAt(object, "status", "phase");
  if (phase === "Available" || phase === "Bound") return { ready: true, message: "✅ PV marked available" };
  return { ready: false, message: `PersistentVolume is ${phase ?? "new"}` };
}

function condition(object: Properties, type: string): Json | undefined {
  const conditions = valueAt(object, ["status", "conditions"]);
  return Array.isArray(conditions) ? conditions.find((item) => textAt(item, "type") === type) : undefined;
}

function job(object: Properties): Readiness {
  if (textAt(condition(object, "Complete"), "status") === "True") return { ready: true };
  return { ready: false, message: textAt(condition(object, "Failed"), "message") ?? "Waiting for Job to complete" };
}

function pod(object: Properties): Readiness {
  const ready = condition(object, "Ready");
  if (textAt(ready, "status") === "True" || textAt(object, "status", "phase") === "Succeeded") return { ready: true };
  return { ready: false, message: textAt(ready, "message") ?? "Waiting for Pod to become ready" };
}

const looks: Readonly<Record<string, Look>> = {
  "apps/v1/StatefulSet": statefulSet,
  "apps/v1/Deployment": deployment,
  "apps/v1/DaemonSet": daemonSet,
  "batch/v1/Job": job,
  "v1/Service": service,
  "v1/PersistentVolumeClaim": claim,
  "v1/PersistentVolume": volume,
  "v1/Pod": pod,
};

/** How to tell that an object of this kind is ready; undefined for kinds that nobody waits for. */
export function lookFor(object: Properties): Look | undefined {
  return looks[`${textAt(object, "apiVersion") ?? ""}/${textAt(object, "kind") ?? ""}`];
}

/** Why the pods of a workload are not ready, a line each: what a user needs to see when a rollout timed out. */
export function podProblems(pods: readonly Json[]): string[] {
  return pods.flatMap((item) => {
    const ready = condition(isObject(item) ? item : {}, "Ready");
    if (textAt(ready, "status") === "True") return [];
    const statuses = ["initContainerStatuses", "containerStatuses"].flatMap((key) => {
      const list = valueAt(item, ["status", key]);
      return Array.isArray(list) ? list : [];
    });
    const waiting = statuses.flatMap((status) => {
      const state =
        valueAt(status, ["state", "waiting"]) ??
        valueAt(status, ["lastState", "terminated"]) ??
        valueAt(status, ["state", "terminated"]);
      const exit = valueAt(state, ["exitCode"]);
      const why = [
        textAt(state, "reason"),
        textAt(state, "message"),
        typeof exit === "number" && exit !== 0 ? `exit status ${exit}` : undefined,
      ];
      return state && textAt(state, "reason") !== "Completed"
        ? [`${textAt(status, "name") ?? ""}: ${why.filter(Boolean).join(", ")}`]
        : [];
    });
    const scheduled = condition(isObject(item) ? item : {}, "PodScheduled");
    const message = textAt(scheduled, "status") === "False" ? textAt(scheduled, "message") : textAt(ready, "message");
    const place = `${textAt(item, "metadata", "namespace") ?? ""}/${textAt(item, "metadata", "name") ?? ""}`;
    return [`[Pod ${place}]: ${[message ?? "not ready", ...waiting].join("; ")}`];
  });
}
