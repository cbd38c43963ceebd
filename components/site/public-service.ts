import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, knotLabels } from "../../src/contract/names";
import { ipVersion } from "../../src/dns/address";
import type { Site, Transport } from "../../src/mesh/model";
import { addressProblem, movedText, reachableAddresses, type ServiceState } from "../../src/preflight/service-address";
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
    const told = args.isAlone === true ? { ...annotations, ...unawaited } : { ...awaiting(args), ...annotations };
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
 * What `up` waits for: the address, where a load balancer is to give one, and nothing else. The provider's own way waits for pods, as the
 * StatefulSet does, and then ten seconds more for them to stay. Where there is to be one of each family, the second may come later.
 */
function awaiting(args: PublicServiceArgs): Readonly<Record<string, string>> {
  if (args.service.type !== "LoadBalancer") return unawaited;
  return { "pulumi.com/waitFor": `jsonpath={.status.loadBalancer.ingress[${isToHaveBoth(args) ? 1 : 0}]}` };
}

/** Whether `up` would fail without a load balancer's address of each family. */
function isToHaveBoth({ site, service, isAuto = false }: PublicServiceArgs): boolean {
  const { ipFamilyPolicy = "SingleStack", verifyAddress, externalIPs } = service;
  const expected = site.addresses.filter((address) => !externalIPs.includes(address));
  const isOfBoth = new Set(expected.map(ipVersion)).size > 1;
  return isOfBoth && ipFamilyPolicy !== "SingleStack" && verifyAddress && !isAuto;
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
  return pulumi.all([service.metadata.name, service.spec, service.status]).apply(([name, spec, status]) => {
    const state = serviceState(name, args.service, { spec, status });
    if (args.isAuto === true) followed(movedText(args.site, state), service);
    else if (args.service.verifyAddress) report(addressProblem(args.site, state), service);
    return reachableAddresses(state);
  });
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

function serviceState(name: string, { type, externalIPs }: ServiceConfig, { spec, status }: FilledIn): ServiceState {
  // What a load balancer gave in a family that the Service had before stays there until it has taken it back.
  const isOfIt = (ip: string): boolean => spec.ipFamilies?.includes(`IPv${ipVersion(ip) ?? ""}`) !== false;
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    name,
    type,
    clusterIPs: spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]),
    externalIPs,
    loadBalancer: ingress.flatMap(({ ip }) => (ip !== undefined && isOfIt(ip) ? [ip] : [])),
  };
}
