import type * as k8s from "@pulumi/kubernetes";

import { agentEnvironment } from "../../src/contract/environments";
import { knotLabels, letThrough, paths, podPorts } from "../../src/contract/names";
import { startScript } from "../../src/knot/config/guard";
import type { FixedRuntime } from "../../src/knot/config/site-runtime";
import type { Transport } from "../../src/mesh/model";
import type { SiteConfig } from "../../src/settings/site-settings";
import { backupTokenFile } from "./backups";
import { restartLabel } from "./pod-restart";
import { containerSecurity, podSecurity } from "./pod-security";
import { securePorts } from "./pod-services";
import { agentMounts, knotMounts, knotVolumes, type PodKind } from "./pod-volumes";
import { commonFiles, programContainer, variables } from "./program-pod";
import { agentSockets } from "./runtime";
import type { TrustFiles } from "./trust-files";

type PodTemplate = k8s.types.input.core.v1.PodTemplateSpec;
type Container = k8s.types.input.core.v1.Container;
type EnvVar = k8s.types.input.core.v1.EnvVar;

/** What {@link knotPodTemplate} is made from. */
export interface KnotPodArgs extends PodKind {
  readonly config: SiteConfig;
  readonly runtime: Omit<FixedRuntime, "replicas">;
  readonly trust: TrustFiles;
  readonly transport: Transport;
  /** Changes with what only a restart takes over; never with peers, keys or zones. */
  readonly restartHash: string;
  readonly dnsPolicy: string;
}

/** A Knot pod: an init container that prepares the volume, Knot, and the agent beside it. It has no API token. */
export function knotPodTemplate(args: KnotPodArgs): PodTemplate {
  return {
    metadata: { labels: { ...knotLabels, [restartLabel]: args.restartHash } },
    spec: {
      serviceAccountName: "knot",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      dnsPolicy: args.dnsPolicy,
      securityContext: podSecurity,
      terminationGracePeriodSeconds: leavingSeconds(args.config) + 30,
      initContainers: [prepareContainer(args)],
      containers: [knotContainer(args), agentContainer(args)],
      volumes: [...knotVolumes(args), ...args.trust.volumes],
      ...spreading(),
    },
  };
}

function knotContainer(args: KnotPodArgs): Container {
  const { config } = args;
  const tcpSocket = { port: podPorts.dns };
  return {
    name: "knot",
    image: config.images.knot,
    imagePullPolicy: config.imagePullPolicy,
    command: knotCommand(args),
    ports: [
      { name: "dns-udp", containerPort: podPorts.dns, protocol: "UDP" },
      { name: "dns-tcp", containerPort: podPorts.dns, protocol: "TCP" },
      ...securePorts(args.transport).map(({ name, protocol }) => ({
        name,
        containerPort: podPorts.secure,
        protocol,
      })),
    ],
    ...lingering(config),
    startupProbe: { tcpSocket, periodSeconds: 1, failureThreshold: 300 },
    livenessProbe: { tcpSocket, ...liveness },
    resources: config.resources.knot,
    securityContext: containerSecurity,
    volumeMounts: knotMounts(),
  };
}

function knotCommand({ isGuarded }: KnotPodArgs): string[] {
  const configFile = `${paths.config}/knot.conf`;
  if (!isGuarded) return ["knotd", "-c", configFile];
  return ["/bin/sh", "-c", startScript({ rundir: paths.rundir, configFile })];
}

/** What does not work any more is not waited for as long as a pod that leaves. */
const liveness = { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6, terminationGracePeriodSeconds: 10 };

/** In which a pod that is not ready any more still answers: the slowest proxy hears of it meanwhile. */
const answeringSeconds = 15;

/** For how long a pod that is to end still answers. */
export function leavingSeconds({ drainSeconds }: SiteConfig): number {
  return drainSeconds === 0 ? 0 : drainSeconds + answeringSeconds;
}

/** Knot ends only then; the agent beside it knows by itself what to do meanwhile. */
function lingering(config: SiteConfig): Pick<Container, "lifecycle"> {
  const seconds = leavingSeconds(config);
  return seconds === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds } } } };
}

function agentContainer(args: KnotPodArgs): Container {
  const get = (path: string): { path: string; port: number } => ({ path, port: podPorts.http });
  return {
    ...ownProgram(args, { name: "agent", command: "agent" }),
    ports: [{ name: "http", containerPort: podPorts.http, protocol: "TCP" }],
    startupProbe: { httpGet: get("/live"), periodSeconds: 1, failureThreshold: 120 },
    livenessProbe: { httpGet: get("/live"), ...liveness },
    readinessProbe: { httpGet: get("/ready"), periodSeconds: 1, timeoutSeconds: 3, failureThreshold: 3 },
  };
}

function prepareContainer(args: KnotPodArgs): Container {
  return ownProgram(args, { name: "prepare", command: "prepare" });
}

function ownProgram(args: KnotPodArgs, program: { name: string; command: string }): Container {
  const { config, trust } = args;
  return programContainer({
    name: program.name,
    config,
    args: [`${paths.bundle}/agent.js`, program.command],
    env: environment(args),
    mounts: [...agentMounts(args), ...trust.mounts],
    resources: config.resources.agent,
  });
}

function environment({ config, runtime, trust, isPrimary, isGuarded }: KnotPodArgs): EnvVar[] {
  const { drainSeconds } = config;
  return variables(agentEnvironment, {
    ...commonFiles,
    readersFile: `${paths.readers}/readers.json`,
    updatersFile: `${paths.updaters}/updaters.json`,
    recordsKeyFile: `${paths.recordsKey}/key.json`,
    backupTokenFile,
    ...trust.options,
    ...(isPrimary && { centralFolder: paths.central }),
    ...(isGuarded && { letThroughFile: `${paths.pod}/${letThrough.file}` }),
    storage: paths.storage,
    rundir: paths.rundir,
    ...agentSockets(config),
    listen: runtime.listen,
    secureListen: runtime.secure.listen,
    servedSeconds: drainSeconds,
    answeringSeconds: drainSeconds === 0 ? 0 : answeringSeconds,
  });
}

/** Pods keep apart where they can, and run side by side where they must. */
function spreading(): Pick<k8s.types.input.core.v1.PodSpec, "topologySpreadConstraints" | "affinity"> {
  const labelSelector = { matchLabels: knotLabels };
  const host = "kubernetes.io/hostname";
  const evenly = { maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", labelSelector };
  return {
    topologySpreadConstraints: [
      { ...evenly, topologyKey: "topology.kubernetes.io/zone" },
      { ...evenly, topologyKey: host },
    ],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: host, labelSelector } },
        ],
      },
    },
  };
}
