import { at, isKind, kindOf, listAt, namespaceOf, objectName, podSpecOf, textAt } from "./reading";
import type { Finding, Planned, ResourceRule, StackRule } from "./rule";

const lift =
  "take dns-mesh:protect: false from the stack's settings; to take a site away, disable data-protected for that one up";

/** Zones and DNSSEC keys lie on volumes, and a namespace takes its volumes along. */
export const dataProtected: ResourceRule = {
  name: "data-protected",
  description: "What holds zones and keys is protected: nobody destroys it by mistake.",
  about: "resource",
  check: (resource) => {
    const { props, isProtected } = resource;
    const holds =
      (isKind(resource, "Namespace", "PersistentVolumeClaim") && kindOf(resource)?.isPatch === false) ||
      resource.type === "dnsmesh:index:Safeguard";
    if (holds && !isProtected) return [`${objectName(resource)} is not protected: ${lift}`];
    if (!isKind(resource, "StatefulSet")) return [];
    const retention = at(props, "spec", "persistentVolumeClaimRetentionPolicy");
    return ["whenDeleted", "whenScaled"]
      .filter((when) => textAt(retention, when) === "Delete")
      .map((when) => `${objectName(resource)}: ${when} deletes the volumes of its pods: it must be Retain`);
  },
};

function hasBudget(set: Planned, budgets: readonly Planned[]): boolean {
  const labels = at(set.props, "spec", "template", "metadata", "labels");
  return budgets.some((budget) => {
    const wanted = at(budget.props, "spec", "selector", "matchLabels");
    const names = typeof wanted === "object" && wanted !== null ? Object.keys(wanted) : [];
    const selects = names.length > 0 && names.every((name) => at(wanted, name) === at(labels, name));
    return selects && namespaceOf(budget) === namespaceOf(set) && at(budget.props, "spec", "maxUnavailable") === 1;
  });
}

/** A drain of nodes must not take all servers of a site at once. */
export const disruptionsBounded: StackRule = {
  name: "disruptions-bounded",
  description: "Of several pods of a StatefulSet at most one is taken away at a time, by a PodDisruptionBudget.",
  about: "stack",
  check: (resources) => {
    const budgets = resources.filter((each) => isKind(each, "PodDisruptionBudget"));
    return resources
      .filter((each) => isKind(each, "StatefulSet") && Number(at(each.props, "spec", "replicas") ?? 1) > 1)
      .filter((set) => !hasBudget(set, budgets))
      .map((set): Finding => ({
        urn: set.urn,
        message: `${objectName(set)} has several pods and no PodDisruptionBudget with maxUnavailable 1`,
      }));
  },
};

/** Verbs by which one gets rights that one was not given. */
const lifting = ["escalate", "bind", "impersonate"];

function roleProblems(rule: unknown): readonly string[] {
  const [verbs, resources] = [listAt(rule, "verbs"), listAt(rule, "resources")];
  const wild = ["verbs", "resources", "apiGroups"].filter((list) => listAt(rule, list).includes("*"));
  const readsSecrets = resources.includes("secrets") && listAt(rule, "resourceNames").length === 0;
  return [
    ...wild.map((list) => `a rule has all ${list} (*): name them`),
    ...verbs.filter((verb) => lifting.includes(String(verb))).map((verb) => `a rule has the verb ${String(verb)}`),
    ...(readsSecrets ? ["a rule is about all Secrets: name them (resourceNames)"] : []),
  ];
}

/** Who breaks into a pod has what its account has. */
export const rightsNarrow: ResourceRule = {
  name: "rights-narrow",
  description: "Accounts have rights to what they need by name: no wildcards, no Secrets in general, no cluster-admin.",
  about: "resource",
  check: (resource) => {
    const { props } = resource;
    const name = objectName(resource);
    if (isKind(resource, "Role", "ClusterRole"))
      return listAt(props, "rules").flatMap((rule) => roleProblems(rule).map((problem) => `${name}: ${problem}`));
    if (!isKind(resource, "RoleBinding", "ClusterRoleBinding")) return [];
    return textAt(props, "roleRef", "name") === "cluster-admin" ? [`${name} makes somebody cluster-admin`] : [];
  },
};

/** Pods reach the API server where they must, and nowhere else. */
export const accountsOwn: ResourceRule = {
  name: "accounts-own",
  description: "Pods that are given a token of the API server have an account of their own.",
  about: "resource",
  check: (resource) => {
    const pod = podSpecOf(resource);
    if (pod === undefined || kindOf(resource)?.isPatch === true) return [];
    const account = textAt(pod, "serviceAccountName");
    const isOwn = account !== "" && account !== "default";
    return isOwn || at(pod, "automountServiceAccountToken") === false
      ? []
      : [`${objectName(resource)}: name a ServiceAccount of its own, or set automountServiceAccountToken to false`];
  },
};
