import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, knotLabels } from "../../src/contract/names";
import type { Site, Transport } from "../../src/mesh/model";
import { addressProblem, reachableAddresses, type ServiceState } from "../../src/preflight/service-address";
import type { ServiceConfig } from "../../src/settings/site-parts";
import { objectOptions, patiently } from "../object-options";
import { dnsPorts, type ServicePort } from "./pod-services";

/** What {@link PublicService} needs. */
export interface PublicServiceArgs {
  readonly namespace: pulumi.Input<string>;
  readonly service: ServiceConfig;
  readonly site: Site;
  readonly transport: Transport;
}

/** How clients and other sites reach Knot: one Service for UDP and TCP, or one for each. */
export class PublicService extends pulumi.ComponentResource {
  /** The addresses that it got. Fails `up` when they are not those of the mesh's list. */
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
    return new k8s.core.v1.Service(
      name,
      {
        metadata: { name: service.name, namespace: args.namespace, labels: commonLabels, annotations },
        spec: {
          type,
          selector: knotLabels,
          ports: service.ports,
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

/** What Kubernetes filled in; the types promise more than there is before the first answer. */
interface FilledIn {
  readonly spec: { readonly clusterIP?: string; readonly clusterIPs?: readonly string[] };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

function checkedAddresses(service: k8s.core.v1.Service, args: PublicServiceArgs): pulumi.Output<readonly string[]> {
  return pulumi.all([service.metadata.name, service.spec, service.status]).apply(([name, spec, status]) => {
    const state = serviceState(name, args.service, { spec, status });
    const problem = args.service.verifyAddress ? addressProblem(args.site, state) : undefined;
    if (problem !== undefined) report(problem, service);
    return reachableAddresses(state);
  });
}

/** Fails `up`. A preview only warns: it sees the address from before the change that is to put it right. */
function report(problem: string, service: k8s.core.v1.Service): void {
  const tell = pulumi.runtime.isDryRun() ? pulumi.log.warn : pulumi.log.error;
  void tell(problem, service);
}

function serviceState(name: string, { type, externalIPs }: ServiceConfig, { spec, status }: FilledIn): ServiceState {
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    name,
    type,
    clusterIPs: spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]),
    externalIPs,
    loadBalancer: ingress.flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
  };
}
