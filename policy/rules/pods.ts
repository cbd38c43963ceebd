import { at, type Container, containersOf, keysAt, kindOf, listAt, podSpecOf, textAt } from "./reading";
import type { Planned, ResourceRule } from "./rule";

/** One thing that a pod or a container may not be, or has to be: undefined when it is in order. */
type Check = (spec: unknown, pod: unknown) => string | undefined;

const isTrue = (message: string, ...path: readonly string[]): Check => {
  return (spec) => (at(spec, ...path) === true ? message : undefined);
};

/** Volumes that Pod Security's `restricted` takes. */
const volumeTypes = [
  ...["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"],
];

/** Settings of a pod's own kernel namespaces, by Pod Security's `baseline`. */
const safeSysctls = [
  ...["kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"],
  ...["net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout"],
  ...["net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"],
  ...["net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"],
];

const seLinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

const profile = (name: string): Check => {
  return (spec) =>
    textAt(spec, "securityContext", name, "type") === "Unconfined"
      ? `${name} is Unconfined: use RuntimeDefault`
      : undefined;
};

/** What a pod may not say for its containers, nor a container for itself. */
const forbiddenInBoth: readonly Check[] = [
  (spec) => (at(spec, "securityContext", "runAsUser") === 0 ? "runAsUser is root: name another user" : undefined),
  profile("seccompProfile"),
  profile("appArmorProfile"),
  isTrue("hostProcess gives it the node: take it away", "securityContext", "windowsOptions", "hostProcess"),
  (spec) => {
    const options = at(spec, "securityContext", "seLinuxOptions");
    const type = textAt(options, "type");
    if (!seLinuxTypes.includes(type)) return `seLinuxOptions.type ${type} is none of a container's: take it away`;
    const others = ["user", "role"].filter((field) => textAt(options, field) !== "");
    return others.length > 0 ? `seLinuxOptions names ${others.join(" and ")}: take them away` : undefined;
  },
];

/** What no pod has, nor a patch of one. */
const forbiddenInPod: readonly Check[] = [
  isTrue("hostNetwork gives it the node's network: take it away", "hostNetwork"),
  isTrue("hostPID gives it the node's processes: take it away", "hostPID"),
  isTrue("hostIPC gives it the node's shared memory: take it away", "hostIPC"),
  (spec) =>
    listAt(spec, "volumes").some((volume) => at(volume, "hostPath") !== undefined)
      ? "a hostPath volume gives it the node's files: use a volume claim"
      : undefined,
  (spec) => {
    const types = listAt(spec, "volumes").flatMap((volume) =>
      keysAt(volume).filter((type) => at(volume, type) !== undefined),
    );
    const others = types.filter((type) => !["name", "hostPath", ...volumeTypes].includes(type));
    return others.length > 0 ? `it has volumes of type ${others.join(", ")}: use a volume claim` : undefined;
  },
  (spec) => {
    const names = listAt(spec, "securityContext", "sysctls").map((sysctl) => textAt(sysctl, "name"));
    const unsafe = names.filter((name) => !safeSysctls.includes(name));
    return unsafe.length > 0 ? `it sets sysctls that are not safe (${unsafe.join(", ")}): take them away` : undefined;
  },
  ...forbiddenInBoth,
];

const forbiddenInContainer: readonly Check[] = [
  isTrue("it is privileged, which is root on the node: take it away", "securityContext", "privileged"),
  isTrue("allowPrivilegeEscalation must be false", "securityContext", "allowPrivilegeEscalation"),
  (spec) =>
    listAt(spec, "ports").some((port) => at(port, "hostPort") !== undefined)
      ? "hostPort takes a port of the node: use a Service"
      : undefined,
  (spec) => {
    const added = listAt(spec, "securityContext", "capabilities", "add").filter((each) => each !== "NET_BIND_SERVICE");
    return added.length > 0 ? `it adds the capabilities ${added.map(String).join(", ")}: take them away` : undefined;
  },
  (spec) => {
    if ((at(spec, "securityContext", "procMount") ?? "Default") === "Default") return undefined;
    const mount = textAt(spec, "securityContext", "procMount");
    return `procMount ${mount} shows it what of /proc is hidden: take it away`;
  },
  ...forbiddenInBoth,
];

/** What every container says, or its pod for it. A patch need not. */
const requiredInContainer: readonly Check[] = [
  (spec) =>
    at(spec, "securityContext", "allowPrivilegeEscalation") === undefined
      ? "allowPrivilegeEscalation must be false"
      : undefined,
  (spec) =>
    listAt(spec, "securityContext", "capabilities", "drop").includes("ALL")
      ? undefined
      : "capabilities.drop must have ALL",
  (spec, pod) =>
    (at(spec, "securityContext", "runAsNonRoot") ?? at(pod, "securityContext", "runAsNonRoot")) === true
      ? undefined
      : "runAsNonRoot must be true",
  (spec, pod) =>
    (at(spec, "securityContext", "seccompProfile", "type") ?? at(pod, "securityContext", "seccompProfile", "type")) ===
    undefined
      ? "seccompProfile.type must be RuntimeDefault or Localhost"
      : undefined,
  (spec) =>
    at(spec, "securityContext", "readOnlyRootFilesystem") === true ? undefined : "readOnlyRootFilesystem must be true",
];

function problemsOf(resource: Planned): readonly string[] {
  const pod = podSpecOf(resource);
  if (pod === undefined) return [];
  const checks = kindOf(resource)?.isPatch === true ? [] : requiredInContainer;
  const ofContainer = ({ place, spec }: Container): readonly string[] =>
    [...forbiddenInContainer, ...checks].flatMap((check) => {
      const problem = check(spec, pod);
      return problem === undefined ? [] : [`${place}: ${problem}`];
    });
  return [...forbiddenInPod.flatMap((check) => check(pod, pod) ?? []), ...containersOf(pod).flatMap(ofContainer)];
}

/** Pod Security's standard `restricted`, and a root that cannot be written. */
export const podsRestricted: ResourceRule = {
  name: "pods-restricted",
  description: "Pods have no rights at their node: Pod Security's standard restricted, and a read-only root.",
  about: "resource",
  check: problemsOf,
};

/** No limit of CPU: it would slow answers down long before a node is full. */
export const containersLimited: ResourceRule = {
  name: "containers-limited",
  description: "Every container says what CPU and memory it needs, and how much memory it may take at most.",
  about: "resource",
  check: (resource) => {
    if (kindOf(resource)?.isPatch === true) return [];
    const wanted = [
      ["requests", "cpu"],
      ["requests", "memory"],
      ["limits", "memory"],
    ] as const;
    return containersOf(podSpecOf(resource)).flatMap(({ place, spec }) =>
      wanted
        .filter((path) => at(spec, "resources", ...path) === undefined)
        .map((path) => `${place}: resources.${path.join(".")} is missing`),
    );
  },
};

/** Whether an image says which one it is: by a digest, or by a tag that is none of those that move with each release. */
function isNamed(image: string): boolean {
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return true;
  const tag = /:([^:/@]+)$/.exec(image)?.[1];
  return tag !== undefined && tag !== "latest";
}

/** A pod that is started anew must not be another program. */
export const imagesNamed: ResourceRule = {
  name: "images-named",
  description: "Every image has a digest, or a tag other than latest.",
  about: "resource",
  check: (resource) =>
    containersOf(podSpecOf(resource)).flatMap(({ place, spec }) => {
      const image = textAt(spec, "image");
      if (isNamed(image) || (image === "" && kindOf(resource)?.isPatch === true)) return [];
      return [`${place}: the image "${image}" may be another one tomorrow: name its tag or digest`];
    }),
};
