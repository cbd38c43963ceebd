import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, objects } from "../../src/contract/names";
import type { WelcomePacket } from "../../src/mesh/model";
import type { SiteView } from "../../src/mesh/view";
import { peerPolicySpec } from "../../src/policies/network-policy";
import type { NetworkPolicySpec } from "../../src/policies/policy-spec";
import { type ServerReach, sitePolicies, type SitePolicyInput } from "../../src/policies/site-policies";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions, writable } from "../object-options";
import { storageReach } from "./backups";

/** What {@link Policies} needs. */
export interface PoliciesArgs {
  readonly namespace: pulumi.Input<string>;
  readonly packet: WelcomePacket;
  readonly config: Pick<
    SiteConfig,
    | "clients"
    | "apiServer"
    | "monitoring"
    | "remotePort"
    | "securePort"
    | "records"
    | "backups"
    | "readers"
    | "resolver"
  >;
  /** All sites of the list, where the stack knows them. */
  readonly listed?: readonly SiteView[];
  /** The Vault that pods fetch keys and certificates from, if there is one. */
  readonly vault?: ServerReach;
}

/**
 * Who may talk to whom: no pod, but for what the policies list. The one for peers is the reconciler's from its creation on.
 * Where the stack knows the list, a second one lets its sites in at once, so that a new site does not wait for the
 * reconciler's next run: policies add up.
 * The denial is created last, so that a site which has none yet is not cut off in between.
 */
export class Policies extends pulumi.ComponentResource {
  constructor(name: string, args: PoliciesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:Policies", name, {}, opts);
    const { packet, config } = args;
    const peers = peerPolicySpec({ ...config, packet });
    const { [objects.denyPolicy]: denial, ...allowances } = sitePolicies(policyInput(args));
    const create = (policy: string, spec: NetworkPolicySpec, options: pulumi.CustomResourceOptions): pulumi.Resource =>
      new k8s.networking.v1.NetworkPolicy(
        `${name}-${policy.replace(/^knot-/, "")}`,
        {
          metadata: { name: policy, namespace: args.namespace, labels: commonLabels },
          spec: writable(spec),
        },
        objectOptions(this, options),
      );
    const { listed } = args;
    const allowed = [
      ...(listed
        ? [create(objects.listedPolicy, peerPolicySpec({ ...config, packet, view: { sites: listed } }), {})]
        : []),
      create(objects.peerPolicy, peers, { ignoreChanges: ["spec"] }),
      ...Object.entries(allowances).map(([policy, spec]) => create(policy, spec, {})),
    ];
    if (denial) create(objects.denyPolicy, denial, { dependsOn: allowed });
    this.registerOutputs({});
  }
}

function policyInput({ packet, config, vault }: PoliciesArgs): SitePolicyInput {
  const { clients, apiServer, monitoring, remotePort, records, backups, readers, resolver } = config;
  const { addresses, zones } = packet.site;
  const parents = zones.flatMap(({ dnssec }) => (typeof dnssec === "object" ? (dnssec.parents ?? []) : []));
  const base = {
    clients,
    apiServer,
    addresses,
    remotePort,
    parents,
    primaries: zones.flatMap(({ primaries = [] }) => primaries.map(({ address }) => address)),
    notified: readers.flatMap(({ notify = [] }) => notify),
    takers: [...new Set(readers.flatMap(({ tls = [] }) => tls))],
    transport: packet.transport,
    hasOperator: records !== false,
    probes: records === false ? [] : records.probes,
  };
  return {
    ...base,
    ...(monitoring && { monitoring: monitoring.namespaceSelector }),
    ...(vault && { vault }),
    ...(backups && { storage: storageReach(backups) }),
    ...(resolver && { resolver: { clients: resolver.clients, overTls: resolver.tlsSecret !== undefined } }),
  };
}
