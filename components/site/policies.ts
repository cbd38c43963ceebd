import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { WelcomePacket } from "../../src/mesh/model";
import { peerPolicySpec } from "../../src/plan/network-policy";
import { objectOptions } from "../object-options";
import { commonLabels, knotLabels, objects, podPorts } from "./names";

/** What {@link Policies} needs. */
export interface PoliciesArgs {
  readonly namespace: pulumi.Input<string>;
  readonly packet: WelcomePacket;
  /** Networks whose clients may ask. */
  readonly clients: readonly string[];
}

/** Who may talk to Knot: the other sites, which the reconciler keeps current, and clients. */
export class Policies extends pulumi.ComponentResource {
  constructor(name: string, args: PoliciesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:Policies", name, {}, opts);
    this.createPeers(name, args);
    this.createClients(name, args);
    this.registerOutputs({});
  }

  /** Lets the catalog sites in to begin with; from then on its content is the reconciler's. */
  private createPeers(name: string, args: PoliciesArgs): void {
    new k8s.networking.v1.NetworkPolicy(
      `${name}-peers`,
      {
        metadata: { name: objects.peerPolicy, namespace: args.namespace, labels: commonLabels },
        spec: writable(peerPolicySpec({ packet: args.packet })),
      },
      objectOptions(this, { ignoreChanges: ["spec"] }),
    );
  }

  private createClients(name: string, args: PoliciesArgs): void {
    new k8s.networking.v1.NetworkPolicy(
      `${name}-clients`,
      {
        metadata: { name: objects.clientPolicy, namespace: args.namespace, labels: commonLabels },
        spec: {
          podSelector: { matchLabels: knotLabels },
          policyTypes: ["Ingress"],
          ingress: [
            {
              from: args.clients.map((cidr) => ({ ipBlock: { cidr } })),
              ports: ["UDP", "TCP"].map((protocol) => ({ port: podPorts.dns, protocol })),
            },
          ],
        },
      },
      objectOptions(this),
    );
  }
}

type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/** A copy that Pulumi's input types, which know no `readonly`, take. */
function writable<T>(value: T): Writable<T> {
  return structuredClone(value) as Writable<T>;
}
