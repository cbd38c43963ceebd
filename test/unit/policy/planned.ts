import { randomBytes } from "node:crypto";
import type { Planned, Rule, RuleConfig } from "../../../policy/rules/rule";

/** A resource as the engine would show it. */
export function planned(type: string, props: object, more: Partial<Planned> = {}): Planned {
  const name = more.name ?? "one";
  return { type, name, urn: `urn:${type}::${name}`, props: props as Planned["props"], isProtected: false, ...more };
}

/** A Kubernetes object, by API version and kind: `apps/v1:Deployment`. */
export function object(kind: string, props: object, more: Partial<Planned> = {}): Planned {
  const metadata = { name: more.name ?? "one", namespace: "dns-system" };
  return planned(`kubernetes:${kind}`, { metadata, ...props }, more);
}

/** What a rule has against resources, with its settings as they are by default. */
export function problems(rule: Rule, resources: readonly Planned[], config: RuleConfig = {}): readonly string[] {
  const defaults = Object.entries(rule.settings ?? {}).map(([name, setting]) => [name, setting.default]);
  const settings = { ...(Object.fromEntries(defaults) as RuleConfig), ...config };
  return rule.about === "resource"
    ? resources.flatMap((resource) => rule.check(resource, settings))
    : rule.check(resources, settings).map(({ message }) => message);
}

/** A pod that nothing is wrong with. */
export const goodPod = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 53, seccompProfile: { type: "RuntimeDefault" } },
  containers: [
    {
      name: "knot",
      image: "docker.io/cznic/knot:v3.5.8",
      resources: { requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "512Mi" } },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
    },
  ],
};

/** A workload with those pods. */
export function workload(pod: object, kind = "apps/v1:StatefulSet", spec: object = {}): Planned {
  const labels = { "app.kubernetes.io/name": "knot" };
  return object(kind, { spec: { replicas: 1, template: { metadata: { labels }, spec: pod }, ...spec } });
}

/** Something secret, never the same. */
export const secretText = (): string => randomBytes(32).toString("base64");
