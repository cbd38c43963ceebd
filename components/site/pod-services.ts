import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, knotLabels, podPorts } from "../../src/contract/names";
import type { Transport } from "../../src/mesh/model";
import type { FamilyConfig } from "../../src/settings/ip-families";
import { objectOptions, unawaited } from "../object-options";

/** A port of a Service, carried to Knot's unprivileged one. */
export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: "UDP" | "TCP";
  readonly targetPort: number;
}

/** UDP and TCP 53, and 853 for what transfers between sites run over. */
export function dnsPorts(transport: Transport): ServicePort[] {
  return [
    { name: "dns-udp", port: 53, protocol: "UDP", targetPort: podPorts.dns },
    { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: podPorts.dns },
    ...securePorts(transport),
  ];
}

/** Port 853: TLS, and QUIC where the mesh uses it. */
export function securePorts(transport: Transport): ServicePort[] {
  if (transport === "tcp") return [];
  const at = { port: 853, targetPort: podPorts.secure };
  const tls = { name: "dns-tls", protocol: "TCP" as const, ...at };
  return transport === "quic" ? [tls, { name: "dns-quic", protocol: "UDP", ...at }] : [tls];
}

/** Which families a Service has, where the settings say it. */
export function familiesOf({ ipFamilyPolicy, ipFamilies }: FamilyConfig): {
  readonly ipFamilyPolicy?: string;
  readonly ipFamilies?: string[];
} {
  return { ...(ipFamilyPolicy && { ipFamilyPolicy }), ...(ipFamilies && { ipFamilies: [...ipFamilies] }) };
}

/** What {@link PodServices} needs. */
export interface PodServicesArgs {
  readonly namespace: pulumi.Input<string>;
  readonly replicas: number;
  readonly transport: Transport;
  /** Of the site's own Service: those inside have the first of its families, in which pods find each other. */
  readonly families: FamilyConfig;
}

/**
 * Services inside the cluster: one per pod, so that Knot has a stable address for each sibling (it wants addresses, not
 * names), the headless one of the StatefulSet, and `knot-writer` in front of pod 0.
 *
 * `up` does not wait for their endpoints: the pods need the addresses before there can be any.
 */
export class PodServices extends pulumi.ComponentResource {
  /** A cluster-internal address per pod, by ordinal. */
  readonly addresses: pulumi.Output<string[]>;

  constructor(name: string, args: PodServicesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:PodServices", name, {}, opts);
    const pods = Array.from({ length: args.replicas }, (_, ordinal) =>
      this.createService(`${name}-${ordinal}`, args, {
        name: `knot-${ordinal}`,
        selector: podSelector(ordinal),
        http: true,
        isHeadless: false,
      }),
    );
    this.createService(`${name}-headless`, args, {
      name: "knot-headless",
      selector: knotLabels,
      http: false,
      isHeadless: true,
    });
    this.createService(`${name}-writer`, args, {
      name: "knot-writer",
      selector: podSelector(0),
      http: false,
      isHeadless: false,
    });
    this.addresses = pulumi.all(pods.map((service) => service.spec.clusterIP));
    this.registerOutputs({ addresses: this.addresses });
  }

  private createService(
    name: string,
    { namespace, transport, families: { ipFamilies } }: PodServicesArgs,
    service: { name: string; selector: Readonly<Record<string, string>>; http: boolean; isHeadless: boolean },
  ): k8s.core.v1.Service {
    const http = { name: "http", port: podPorts.http, protocol: "TCP", targetPort: podPorts.http };
    return new k8s.core.v1.Service(
      name,
      {
        metadata: {
          name: service.name,
          namespace,
          labels: commonLabels,
          annotations: unawaited,
        },
        spec: {
          type: "ClusterIP",
          ...(service.isHeadless && { clusterIP: "None" }),
          publishNotReadyAddresses: true,
          selector: service.selector,
          ports: [...dnsPorts(transport), ...(service.http ? [http] : [])],
          ...(ipFamilies && { ipFamilyPolicy: "SingleStack", ipFamilies: ipFamilies.slice(0, 1) }),
        },
      },
      objectOptions(this),
    );
  }
}

function podSelector(ordinal: number): Readonly<Record<string, string>> {
  return { ...knotLabels, "statefulset.kubernetes.io/pod-name": `knot-${ordinal}` };
}
