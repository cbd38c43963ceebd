import type * as k8s from "@pulumi/kubernetes";

import type { EnvironmentOf } from "../../src/contract/environment";
import { objects, paths } from "../../src/contract/names";
import type { SiteConfig } from "../../src/settings/site-settings";
import { containerSecurity, podSecurity } from "./pod-security";
import { configMapVolume, secretVolume } from "./pod-volumes";

type Container = k8s.types.input.core.v1.Container;
type PodSpec = k8s.types.input.core.v1.PodSpec;

/** Volumes of a pod, and where a container sees them. */
export interface PodFiles {
  readonly volumes: k8s.types.input.core.v1.Volume[];
  readonly mounts: k8s.types.input.core.v1.VolumeMount[];
}

/** A container that runs one of our programs, which a stock Node image reads from a ConfigMap. */
export interface ProgramContainerArgs {
  readonly name: string;
  readonly config: Pick<SiteConfig, "images" | "imagePullPolicy">;
  /** Arguments of Node: its flags, the program, and the program's own arguments. */
  readonly args: readonly string[];
  readonly env: k8s.types.input.core.v1.EnvVar[];
  readonly mounts: k8s.types.input.core.v1.VolumeMount[];
  readonly resources: Container["resources"];
}

/** A pod with one such container, which has the name of its service account. */
export interface ProgramPodArgs extends Omit<ProgramContainerArgs, "mounts"> {
  /** Whether it may speak to the Kubernetes API. */
  readonly hasToken: boolean;
  /** Where it looks names up. @default nowhere */
  readonly dnsPolicy?: "ClusterFirst" | "Default";
  /** Whether it reads zones from Knot, for which it has the site's own key. @default true */
  readonly readsZones?: boolean;
  /** Files beside the site's settings and its local key, the program among them. */
  readonly files: readonly PodFiles[];
  /** What this pod has beside what all have. */
  readonly pod?: Partial<PodSpec>;
  /** The same of its container. */
  readonly container?: Partial<Container>;
}

/** The environment of a program, with what its pod says of itself. */
export function variables<
  Environment extends Pick<EnvironmentOf<unknown>, "podFields"> & {
    readonly toVariables: (options: never) => Record<string, string>;
  },
>(environment: Environment, options: Parameters<Environment["toVariables"]>[0]): k8s.types.input.core.v1.EnvVar[] {
  const variables = Object.entries(environment.toVariables(options));
  const fields = Object.entries(environment.podFields);
  return [
    ...variables.map(([name, value]) => ({ name, value })),
    ...fields.map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
  ];
}

/** The files that each of our programs reads. */
export const commonFiles = {
  packetFile: `${paths.config}/welcome.json`,
  localKeyFile: `${paths.localKey}/key.json`,
} as const;

/** A ConfigMap in a folder of its own. */
export function configMapFiles(name: string, mountPath: string): PodFiles {
  return { volumes: [configMapVolume(name)], mounts: [{ name, mountPath, readOnly: true }] };
}

/** A Secret in a folder of its own. */
export function secretFiles(name: string, mountPath: string): PodFiles {
  return { volumes: [secretVolume(name)], mounts: [{ name, mountPath, readOnly: true }] };
}

/** One of our programs beside others in a pod. */
export function programContainer({ name, config, args, env, mounts, resources }: ProgramContainerArgs): Container {
  return {
    name,
    image: config.images.node,
    imagePullPolicy: config.imagePullPolicy,
    command: ["node", ...args],
    env,
    resources,
    securityContext: containerSecurity,
    volumeMounts: mounts,
  };
}

/** One of our programs in a pod of its own, which sees the site's settings and its local key. */
export function programPod({
  pod,
  container,
  hasToken,
  dnsPolicy = "Default",
  readsZones = true,
  files,
  ...program
}: ProgramPodArgs): PodSpec {
  const localKey = readsZones ? [secretFiles(objects.localKey, paths.localKey)] : [];
  const all = [configMapFiles(objects.config, paths.config), ...localKey, ...files];
  const mounts = all.flatMap((each) => each.mounts);
  return {
    serviceAccountName: program.name,
    automountServiceAccountToken: hasToken,
    enableServiceLinks: false,
    dnsPolicy,
    securityContext: podSecurity,
    containers: [{ ...programContainer({ ...program, mounts }), ...container }],
    volumes: all.flatMap(({ volumes }) => volumes),
    ...pod,
  };
}
