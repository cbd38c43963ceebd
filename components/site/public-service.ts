import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { type Clock, systemClock } from "../../src/base/clock";
import { commonLabels, knotLabels } from "../../src/contract/names";
import { ipVersion } from "../../src/dns/address";
import type { KubeObject } from "../../src/kube/answer";
import type { Site, Transport } from "../../src/mesh/model";
import { awaitSecondFamily, secondFamily, type Seen } from "../../src/preflight/second-family";
import { addressProblem, movedText, reachableAddresses } from "../../src/preflight/service-address";
import type { ServiceConfig } from "../../src/settings/site-parts";
import { objectOptions, patiently, unawaited } from "../object-options";
import { dnsPorts, familiesOf, type ServicePort } from "./pod-services";

/** What {@link PublicService} needs. */
export interface PublicServiceArgs {
  readonly namespace: pulumi.Input<string>;
  readonly service: ServiceConfig;
  readonly site: Pick<Site, "name" | "addresses">;
  readonly transport: Transport;
  /** Whether the list takes the addresses from here. @default false */
  readonly isAuto?: boolean;
  /** Reads the Service as it is now in the cluster; undefined where it is not there, or may not be read. */
  readonly look: (name: string) => Promise<KubeObject | undefined>;
  /** @default the machine's */
  readonly clock?: Clock;
  /** Whether the Service is there before any pod, so that it gets an address: `up` does not wait for it. @default false */
  readonly isAlone?: boolean;
}

/** How clients and other sites reach Knot: one Service for UDP and TCP, or one for each. */
export class PublicService extends pulumi.ComponentResource {
  /** The addresses that it got. Fails `up` when they are not those of the mesh's list, unless that follows them. */
  readonly addresses: pulumi.Output<string[]>;

  constructor(name: string, args: PublicServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:PublicService", name, {}, opts);
    const ports = dnsPorts(args.transport);
    const of = (protocol: string): ServicePort[] => ports.filter((port) => port.protocol === protocol);
    const services = args.service.split
      ? [
          this.createService(name, args, { name: "knot", ports: of("UDP") }),
          this.createService(`${name}-tcp`, args, { name: "knot-tcp", ports: of("TCP") }),
        ]
      : [this.createService(name, args, { name: "knot", ports })];
    this.addresses = pulumi
      .all(services.map((service) => checkedAddresses(service, args)))
      .apply((all) => [...new Set(all.flat())]);
    this.registerOutputs({ addresses: this.addresses });
  }

  private createService(
    name: string,
    args: PublicServiceArgs,
    service: { name: string; ports: ServicePort[] },
  ): k8s.core.v1.Service {
    const { type, annotations, externalIPs, loadBalancerIP, externalTrafficPolicy } = args.service;
    const isReachable = type !== "ClusterIP" || externalIPs.length > 0;
    const told =
      args.isAlone === true ? { ...annotations, ...unawaited } : { ...awaiting(args.service), ...annotations };
    return new k8s.core.v1.Service(
      name,
      {
        metadata: { name: service.name, namespace: args.namespace, labels: commonLabels, annotations: told },
        spec: {
          type,
          selector: knotLabels,
          ports: service.ports,
          ...familiesOf(args.service),
          ...(externalIPs.length > 0 && { externalIPs }),
          ...(loadBalancerIP !== undefined && { loadBalancerIP }),
          ...(isReachable && { externalTrafficPolicy }),
        },
      },
      // A load balancer that is asked for another address shows the old one for a while, and a new one does not.
      objectOptions(this, { customTimeouts: patiently, replaceOnChanges: ["spec.loadBalancerIP"] }),
    );
  }
}

/**
 * What the provider waits for: an address, where a load balancer is to give one, and nothing else. Its own way waits for pods, as the
 * StatefulSet does, and then ten seconds more for them to stay. It could wait for a second address too, but not say so, nor see that none
 * will come: that is {@link withBothFamilies}'.
 */
function awaiting({ type }: ServiceConfig): Readonly<Record<string, string>> {
  if (type !== "LoadBalancer") return unawaited;
  return { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}" };
}

/** The addresses that a load balancer has to give for `up` to succeed, where these are of both families; else none. */
function awaitedOfBoth({ site, service, isAuto = false }: PublicServiceArgs): readonly string[] {
  const { type, ipFamilyPolicy = "SingleStack", verifyAddress, externalIPs } = service;
  if (type !== "LoadBalancer" || ipFamilyPolicy === "SingleStack" || !verifyAddress || isAuto) return [];
  const expected = site.addresses.filter((address) => !externalIPs.includes(address));
  return new Set(expected.map(ipVersion)).size > 1 ? expected : [];
}

/** What Kubernetes filled in; the types promise more than there is before the first answer. */
interface FilledIn {
  readonly spec: {
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly string[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

function checkedAddresses(service: k8s.core.v1.Service, args: PublicServiceArgs): pulumi.Output<readonly string[]> {
  return pulumi.all([service.metadata.name, service.spec, service.status]).apply(async ([name, spec, status]) => {
    const { seen, problem } = await withBothFamilies(seenIn(name, args.service, { spec, status }), service, args);
    if (args.isAuto === true) followed(movedText(args.site, seen.state), service);
    else if (args.service.verifyAddress) report(problem ?? addressProblem(args.site, seen.state), service);
    return reachableAddresses(seen.state);
  });
}

/** What the Service has once it has an address in each family of the list. A preview looks once, and waits for nothing. */
async function withBothFamilies(
  had: Seen,
  service: k8s.core.v1.Service,
  args: PublicServiceArgs,
): Promise<{ readonly seen: Seen; readonly problem?: string }> {
  const addresses = awaitedOfBoth(args);
  const look = async (): Promise<Seen | undefined> => {
    const found = await args.look(had.state.name);
    return found && seenIn(had.state.name, args.service, found as unknown as FilledIn);
  };
  const site = { ...args.site, addresses };
  if (pulumi.runtime.isDryRun())
    return { seen: secondFamily(site, had).kind === "settled" ? had : ((await look()) ?? had) };
  const warn = (text: string): void => void pulumi.log.warn(text, service);
  return awaitSecondFamily(had, { site, look, warn, clock: args.clock ?? systemClock });
}

/** Fails `up`. A preview only warns: it sees the address from before the change that is to put it right. */
function report(problem: string | undefined, service: k8s.core.v1.Service): void {
  if (problem === undefined) return;
  const tell = pulumi.runtime.isDryRun() ? pulumi.log.warn : pulumi.log.error;
  void tell(problem, service);
}

/** Warns: nothing went wrong, and the directory is to follow. */
function followed(text: string | undefined, service: k8s.core.v1.Service): void {
  if (text !== undefined) void pulumi.log.warn(text, service);
}

function seenIn(name: string, { type, externalIPs }: ServiceConfig, { spec, status }: FilledIn): Seen {
  const families = spec.ipFamilies ?? [];
  // What a load balancer gave in a family that the Service had before stays there until it has taken it back.
  const isOfIt = (ip: string): boolean => families.length === 0 || families.includes(`IPv${ipVersion(ip) ?? ""}`);
  const ingress = status?.loadBalancer?.ingress ?? [];
  const state = {
    name,
    type,
    clusterIPs: spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]),
    externalIPs,
    loadBalancer: ingress.flatMap(({ ip }) => (ip !== undefined && isOfIt(ip) ? [ip] : [])),
  };
  return { state, families };
}
