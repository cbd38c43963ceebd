import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { resolverEnvironment } from "../../src/contract/environments";
import { commonLabels, objects, paths, podPorts, resolverLabels } from "../../src/contract/names";
import { resolverScript } from "../../src/contract/resolver";
import type { ResolverConfig } from "../../src/settings/resolver-settings";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions, patiently, unawaited } from "../object-options";
import { annotationsOfOthers, restartLabel } from "./pod-restart";
import { containerSecurity } from "./pod-security";
import { familiesOf } from "./pod-services";
import { commonFiles, configMapFiles, type PodFiles, programPod, secretFiles, variables } from "./program-pod";
import { createAccount } from "./role";
import { agentSockets } from "./runtime";

type Container = k8s.types.input.core.v1.Container;
type PodSpec = k8s.types.input.core.v1.PodSpec;

/** What {@link Resolver} needs. */
export interface ResolverArgs {
  readonly namespace: pulumi.Input<string>;
  readonly config: SiteConfig;
  readonly resolver: ResolverConfig;
  /** Changes with the agent's program. */
  readonly restartHash: string;
}

const account = "resolver";
/** Seconds that a pod that is to end still answers, until Services send nobody to it any more. */
const drainSeconds = 5;

/**
 * A validating resolver for the workloads of the site's cluster: Knot Resolver, and an agent beside it that follows the mesh and writes
 * its configuration (ADR 0057). Its account has no rights and no token for the API server.
 */
export class Resolver extends pulumi.ComponentResource {
  constructor(name: string, args: ResolverArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:Resolver", name, {}, opts);
    const { namespace, resolver } = args;
    const metadata = { name: account, namespace, labels: commonLabels };
    const selector = { matchLabels: resolverLabels };
    this.createService(name, args);
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-budget`,
      { metadata, spec: { maxUnavailable: 1, selector } },
      objectOptions(this),
    );
    new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas: resolver.replicas,
          selector,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: {
            metadata: { labels: { ...resolverLabels, [restartLabel]: args.restartHash } },
            spec: podSpec(args),
          },
        },
      },
      objectOptions(this, {
        dependsOn: [createAccount(this, name, { account, namespace })],
        ignoreChanges: [annotationsOfOthers],
        customTimeouts: patiently,
      }),
    );
    this.registerOutputs({});
  }

  private createService(name: string, { namespace, config, resolver }: ResolverArgs): void {
    const { clusterIP, tlsSecret } = resolver;
    new k8s.core.v1.Service(
      `${name}-service`,
      {
        metadata: { name: account, namespace, labels: commonLabels, annotations: unawaited },
        spec: {
          selector: resolverLabels,
          ports: [
            { name: "dns-udp", port: 53, protocol: "UDP", targetPort: podPorts.dns },
            { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: podPorts.dns },
            ...(tlsSecret === undefined
              ? []
              : [{ name: "dns-tls", port: 853, protocol: "TCP", targetPort: podPorts.secure }]),
          ],
          ...familiesOf(config.service),
          ...(clusterIP !== undefined && { clusterIP }),
        },
      },
      objectOptions(this),
    );
  }
}

/** Looks of a startup probe, far more than there will be. */
const asLongAsItTakes = 100_000_000;
const connects = { tcpSocket: { port: podPorts.dns }, timeoutSeconds: 3 };
const probe = (path: string) => ({ httpGet: { path, port: podPorts.http }, timeoutSeconds: 3 });

function podSpec(args: ResolverArgs): PodSpec {
  const { config, resolver } = args;
  const { tlsSecret, upstreams, validateUpstreams, cacheMiB } = resolver;
  const at = (port: number): readonly string[] => config.listen.map((address) => `${address}@${port}`);
  const work: PodFiles = {
    volumes: [{ name: "work", emptyDir: {} }],
    mounts: [{ name: "work", mountPath: paths.resolver }],
  };
  const tls = tlsSecret === undefined ? [] : [tlsFiles(tlsSecret)];
  const pod = programPod({
    name: "agent",
    config,
    args: [`${paths.bundle}/resolver.js`],
    env: variables(resolverEnvironment, {
      ...commonFiles,
      folder: paths.resolver,
      listen: at(podPorts.dns),
      http: agentSockets(config).http,
      ...(validateUpstreams ? { upstreams } : { unvalidatedUpstreams: upstreams }),
      cacheMiB,
      ...(tlsSecret !== undefined && { tlsListen: at(podPorts.secure), tlsFolder: paths.resolverTls }),
    }),
    resources: config.resources.agent,
    hasToken: false,
    files: [configMapFiles(objects.resolverBundle, paths.bundle), work, ...tls],
    pod: {
      serviceAccountName: account,
      terminationGracePeriodSeconds: drainSeconds + 10,
      affinity: apart(),
    },
    container: {
      ports: [{ name: "http", containerPort: podPorts.http, protocol: "TCP" }],
      startupProbe: { ...probe("/live"), periodSeconds: 1, failureThreshold: 120 },
      livenessProbe: { ...probe("/live"), periodSeconds: 10, failureThreshold: 6 },
      readinessProbe: { ...probe("/ready"), periodSeconds: 2, failureThreshold: 3 },
    },
  });
  const mounts = [work, ...tls].flatMap((files) => files.mounts);
  return { ...pod, containers: [resolverContainer(args, mounts), ...(pod.containers as readonly Container[])] };
}

function resolverContainer({ config, resolver }: ResolverArgs, volumeMounts: PodFiles["mounts"]): Container {
  const port = (name: string, protocol: string, containerPort: number = podPorts.dns) => ({
    name,
    containerPort,
    protocol,
  });
  return {
    name: "kresd",
    image: config.images.resolver,
    imagePullPolicy: config.imagePullPolicy,
    command: ["sh", "-c", resolverScript, "resolver", paths.resolver],
    ports: [
      ...[port("dns-udp", "UDP"), port("dns-tcp", "TCP")],
      ...(resolver.tlsSecret === undefined ? [] : [port("dns-tls", "TCP", podPorts.secure)]),
    ],
    // Not by the agent: what becomes of that one is no reason to end a resolver that answers. It listens from its first configuration on.
    startupProbe: { ...connects, periodSeconds: 2, failureThreshold: asLongAsItTakes },
    livenessProbe: { ...connects, periodSeconds: 10, failureThreshold: 18 },
    readinessProbe: { ...connects, periodSeconds: 2, failureThreshold: 3 },
    lifecycle: { preStop: { exec: { command: ["sleep", String(drainSeconds)] } } },
    resources: config.resources.resolver,
    securityContext: containerSecurity,
    volumeMounts,
  };
}

/** The volume has a name of its own: that of the Secret is the user's, and may be no name of a volume. */
function tlsFiles(secret: string): PodFiles {
  const [volume] = secretFiles(secret, paths.resolverTls).volumes;
  return {
    volumes: [{ ...volume, name: "tls" }],
    mounts: [{ name: "tls", mountPath: paths.resolverTls, readOnly: true }],
  };
}

/** Replicas keep apart where they can: one node must not take both. */
function apart(): k8s.types.input.core.v1.Affinity {
  const podAffinityTerm = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: resolverLabels } };
  return {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
  };
}
