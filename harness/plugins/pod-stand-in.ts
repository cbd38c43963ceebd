import type { ControlPlane } from "./control-plane";
import type { Properties } from "./wire";

/** An object as the API server shows it. */
interface Shown {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly containers?: readonly { readonly name: string }[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] };
  };
}

/** Where a cluster has one. */
export interface StandIn {
  /** The address that load balancers get. */
  readonly address: string;
  /** Another one for those of a namespace, which follow when it changes. */
  readonly addresses?: ReadonlyMap<string, string>;
}

/**
 * Says of every pod of an API server without a node that it is ready, and gives Services of type LoadBalancer an address, so
 * that a site's stack comes up there. Nothing runs.
 */
export async function standInForPods(
  { api }: ControlPlane,
  { address, addresses = new Map() }: StandIn,
): Promise<AsyncDisposable> {
  const storageClass = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "local", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
    provisioner: "dns-mesh.test/local",
    allowVolumeExpansion: true,
  };
  await api.send({ method: "POST", path: "/apis/storage.k8s.io/v1/storageclasses", body: storageClass });
  // Of a mesh of many sites, each pass has but what is new to see.
  const listed = async (kind: string, selector: string): Promise<readonly Shown[]> => {
    const path = `/api/v1/${kind}?fieldSelector=${encodeURIComponent(selector)}`;
    return (await api.send({ method: "GET", path }))["items"] as unknown as readonly Shown[];
  };
  const say = (kind: string, { metadata: { namespace, name } }: Shown, status: Properties): Promise<unknown> =>
    api.send({
      method: "PATCH",
      path: `/api/v1/namespaces/${namespace}/${kind}/${name}/status`,
      contentType: "application/merge-patch+json",
      body: { status },
    });
  const pass = async (): Promise<void> => {
    for (const pod of await listed("pods", "status.phase!=Running"))
      if (!isReady(pod)) await say("pods", pod, ready(pod));
    for (const service of await listed("services", "spec.type=LoadBalancer")) {
      const ip = addresses.get(service.metadata.namespace) ?? address;
      if (service.status?.loadBalancer?.ingress?.[0]?.ip !== ip)
        await say("services", service, { loadBalancer: { ingress: [{ ip }] } });
    }
  };
  let going: Promise<void> | undefined;
  const timer = setInterval(() => {
    // What went between two requests is there no longer.
    going ??= pass()
      .catch(() => undefined)
      .finally(() => (going = undefined));
  }, 200);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await going;
    },
  };
}

function isReady({ status }: Shown): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}

function ready({ spec }: Shown): Properties {
  const containers = (spec.containers ?? []).map(({ name }) => ({
    ...{ name, ready: true, restartCount: 0, image: "", imageID: "", started: true },
    state: { running: { startedAt: new Date().toISOString() } },
  }));
  const conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
    type,
    status: "True",
    lastTransitionTime: new Date().toISOString(),
  }));
  return { phase: "Running", conditions, containerStatuses: containers };
}
