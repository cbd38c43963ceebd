import { fields } from "../../base/json";
import type { KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import type { Site } from "../../mesh/model";
import {
  addressProblem,
  autoProblem,
  givenAddresses,
  ingressOf,
  serviceNames,
  serviceState,
} from "../../preflight/service-address";
import type { SiteConfig } from "../../settings/site-settings";
import { addressText } from "../site-addresses";
import { type Check, hint, unknown, type Verdict, wrong } from "./check";

/** A site, its settings, and its cluster. */
export interface ClusterParts {
  readonly site: Site;
  readonly config: SiteConfig;
  /** Makes sure that the cluster can be connected to. @throws UserError */
  readonly reach: () => Promise<unknown>;
  readonly client: () => Promise<Pick<KubeClient, "get">>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

type Fields = Readonly<Record<string, unknown>>;

/** What a site's cluster must have. All but the first wait for it: of a cluster that is away the rest is not known. */
export function clusterChecks(parts: ClusterParts): readonly Check[] {
  const { site, config } = parts;
  const where = site.name;
  const reached = once(() => parts.reach());
  const asked =
    (look: (get: (path: string) => Promise<KubeObject | undefined>) => Promise<Verdict>) =>
    async (): Promise<Verdict> => {
      await reached();
      const client = await parts.client();
      return look((path) => client.get(path));
    };
  const space = `/api/v1/namespaces/${config.namespace}`;
  return [
    {
      ...{ check: "reachable", where, fine: "its API server is reached" },
      look: async () => {
        await reached();
        return undefined;
      },
    },
    {
      check: "kubernetes",
      where,
      fine: "Kubernetes is new enough",
      look: asked(async (get) => versionProblem(await get("/version"))),
    },
    {
      ...{ check: "storage-class", where, fine: "its StorageClass is there" },
      look: asked(async (get) =>
        classProblem(config.storageClass, itemsOf(await get("/apis/storage.k8s.io/v1/storageclasses"))),
      ),
    },
    {
      ...{ check: "nodes", where, fine: "pods have a node each" },
      look: asked(async (get) => nodesProblem(config.replicas, itemsOf(await get("/api/v1/nodes")))),
    },
    {
      ...{ check: "clock", where, fine: "its nodes' clocks agree with this one" },
      look: asked(async (get) =>
        clockProblem(parts.now(), itemsOf(await get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"))),
      ),
    },
    {
      ...{ check: "service", where, fine: "it is reached where the list says" },
      look: asked(async (get) => {
        const service = (name: string): Promise<KubeObject | undefined> => get(`${space}/services/${name}`);
        return site.auto === true ? autoServiceProblem(parts, service) : serviceProblem(parts, await service("knot"));
      }),
    },
    {
      ...{ check: "client-addresses", where, fine: "Knot sees who asks" },
      look: asked(async (get) => policyProblem(await get(`${space}/services/knot`))),
    },
    {
      ...{ check: "pods", where, fine: "its pods are ready" },
      look: asked(async (get) =>
        readyProblem(await get(`/apis/apps/v1/namespaces/${config.namespace}/statefulsets/knot`)),
      ),
    },
    {
      ...{ check: "waiting", where, fine: "no container waits" },
      look: asked(async (get) => waitingProblem(itemsOf(await get(`${space}/pods`)))),
    },
    {
      ...{ check: "claims", where, fine: "its volumes are bound" },
      look: asked(async (get) => claimProblem(itemsOf(await get(`${space}/persistentvolumeclaims`)))),
    },
  ];
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | undefined;
  return () => (begun ??= work());
}

function itemsOf(list: KubeObject | undefined): readonly Fields[] {
  return ((list?.["items"] as readonly unknown[] | undefined) ?? []).map(fields);
}

function versionProblem(version: KubeObject | undefined): Verdict {
  const [major, minor] = [Number(version?.["major"]), Number.parseInt(String(version?.["minor"]), 10)];
  if (!Number.isInteger(major) || !Number.isInteger(minor))
    return unknown("its API server does not say its version", "kubectl version");
  return major > 1 || minor >= 31 ? undefined : wrong(`Kubernetes is ${major}.${minor}`, "use 1.31 or newer");
}

function classProblem(wanted: string | undefined, classes: readonly Fields[]): Verdict {
  const names = classes.map((each) => String(fields(each["metadata"])["name"]));
  if (wanted !== undefined)
    return names.includes(wanted)
      ? undefined
      : wrong(
          `there is no StorageClass "${wanted}" (there: ${names.join(", ") || "none"})`,
          "name one of them in dns-mesh:storageClass",
        );
  const isDefault = (each: Fields): boolean =>
    fields(fields(each["metadata"])["annotations"])["storageclass.kubernetes.io/is-default-class"] === "true";
  return classes.some(isDefault)
    ? undefined
    : wrong(
        "no StorageClass is the default, and the site names none",
        `set dns-mesh:storageClass to one of: ${names.join(", ") || "(there is none)"}`,
      );
}

function nodesProblem(replicas: number, nodes: readonly Fields[]): Verdict {
  const open = nodes.filter((node) => fields(node["spec"])["unschedulable"] !== true).length;
  return open >= replicas
    ? undefined
    : hint(
        `${replicas} pods, and ${open} nodes that take any: the loss of one takes several pods`,
        "add nodes, or mind it",
      );
}

function nameOf(object: Fields): string | undefined {
  const name = fields(object["metadata"])["name"];
  return typeof name === "string" ? name : undefined;
}

/** A node renews its lease every ten seconds, by its own clock. TSIG bears five minutes. */
function clockProblem(now: number, leases: readonly Fields[]): Verdict {
  const times = leases
    .map((lease) => ({
      node: nameOf(lease) ?? "a node",
      ahead: Date.parse(String(fields(lease["spec"])["renewTime"])) - now,
    }))
    .filter(({ ahead }) => !Number.isNaN(ahead));
  if (times.length === 0) return unknown("its nodes do not say their time", "kubectl get leases -n kube-node-lease");
  const off = times.filter(({ ahead }) => Math.abs(ahead) > 60_000);
  if (off.length === 0) return undefined;
  const each = off.map(
    ({ node, ahead }) => `${node} ${Math.round(Math.abs(ahead) / 1000)} s ${ahead > 0 ? "ahead" : "behind"}`,
  );
  return wrong(
    `clocks of nodes are not this machine's, or the nodes are away: ${each.join(", ")}`,
    "mend the time service of whichever is wrong: transfers fail beyond 300 s",
  );
}

/** A site whose addresses come from its load balancer: whether the list has those. */
async function autoServiceProblem(
  { site, config }: ClusterParts,
  get: (name: string) => Promise<KubeObject | undefined>,
): Promise<Verdict> {
  const services = new Map<string, KubeObject | undefined>();
  for (const name of serviceNames(config.service)) services.set(name, await get(name));
  const unfit = autoProblem(config.service);
  const given =
    unfit === undefined ? givenAddresses(services, site.addresses) : { kind: "unusable" as const, reason: unfit };
  const said = addressText(site, given);
  if (said === undefined) return undefined;
  if (given.kind === "given") return wrong(said, "mesh up takes it over (docs/guides/load-balancer-addresses.md)");
  if (given.kind === "unusable") return wrong(said, "as it says (docs/guides/load-balancer-addresses.md)");
  // Of a new site the rest is not there yet.
  return site.addresses.length === 0 && ![...services.values()].some((service) => service !== undefined)
    ? hint(said, "mesh up")
    : wrong(said, "kubectl describe service knot: its events say what the load balancer lacks");
}

function serviceProblem({ site, config }: ClusterParts, service: KubeObject | undefined): Verdict {
  if (service === undefined) return hint("it has no Service yet", `mesh up, or pulumi up -s ${site.name}`);
  if (!config.service.verifyAddress) return undefined;
  const state = serviceState("knot", service);
  if (state.type === "LoadBalancer" && ingressOf(service).length === 0)
    return wrong(
      "its load balancer has given it no address",
      "kubectl describe service knot; or dns-mesh:service externalIPs, where there is no balancer",
    );
  const problem = addressProblem(site, state);
  return problem === undefined ? undefined : wrong(problem, "one of the two ways above");
}

/** What is not there is neither fine nor wrong: the site has yet to be brought up. */
function absent(what: string): Verdict {
  return hint(`it has no ${what} yet`, "mesh up");
}

function policyProblem(service: KubeObject | undefined): Verdict {
  if (service === undefined) return absent("Service");
  const spec = fields(service["spec"]);
  if (spec["type"] !== "LoadBalancer" || spec["externalTrafficPolicy"] === "Local") return undefined;
  return hint(
    "externalTrafficPolicy is not Local: Knot sees a node's address for each client's, and so do rate limits and access rules",
    "leave dns-mesh:service externalTrafficPolicy out, for Local",
  );
}

function readyProblem(set: KubeObject | undefined): Verdict {
  if (set === undefined) return absent("StatefulSet");
  const [want, ready] = [Number(fields(set["spec"])["replicas"]), Number(fields(set["status"])["readyReplicas"] ?? 0)];
  return ready >= want
    ? undefined
    : wrong(
        `${ready} of ${want} pods are ready`,
        "kubectl describe pod knot-0; docs/runbooks/bad-rollout.md, docs/runbooks/transfers-fail.md",
      );
}

function waitingProblem(pods: readonly Fields[]): Verdict {
  if (pods.length === 0) return absent("pods");
  const found = pods.flatMap((pod) => {
    const name = String(fields(pod["metadata"])["name"]);
    const status = fields(pod["status"]);
    const containers = (status["containerStatuses"] as readonly unknown[] | undefined) ?? [];
    const reasons = containers.map((each) => fields(fields(fields(each)["state"])["waiting"])["reason"]);
    const conditions = ((status["conditions"] as readonly unknown[] | undefined) ?? []).map(fields);
    const unscheduled = conditions.find(({ type, status: is }) => type === "PodScheduled" && is === "False");
    return [...reasons, unscheduled?.["reason"]].flatMap((reason) =>
      typeof reason === "string" ? [`${name}: ${reason}`] : [],
    );
  });
  if (found.length === 0) return undefined;
  return wrong(
    found.join(", "),
    "kubectl describe the pod: its events say why (an image, a node, a volume; docs/runbooks/bad-rollout.md)",
  );
}

function claimProblem(claims: readonly Fields[]): Verdict {
  if (claims.length === 0) return absent("volumes");
  const open = claims
    .filter((claim) => fields(claim["status"])["phase"] !== "Bound")
    .map((claim) => String(fields(claim["metadata"])["name"]));
  return open.length === 0
    ? undefined
    : wrong(`${open.join(", ")}: not bound`, "kubectl describe pvc; docs/guides/storage.md");
}
