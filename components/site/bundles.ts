import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, objects } from "../../src/contract/names";
import { objectOptions } from "../object-options";
import { contentHash } from "./hash";
import { packProgram } from "./packed-program";

/** The programs that run in the cluster, each as one JavaScript file. */
export interface Programs {
  readonly agent: string;
  readonly reconciler: string;
  /** Where the key ring lies in Vault, at the catalog sites. */
  readonly rotator?: string;
  /** Where the site serves DnsRecords. */
  readonly operator?: string;
  /** Where the site has backups. */
  readonly backup?: string;
  /** Where the site has a resolver. */
  readonly resolver?: string;
}

/** Our own programs as ConfigMaps: a stock Node image runs them, and no registry is needed. */
export class Bundles extends pulumi.ComponentResource {
  /** Changes with the agent: a new one needs new pods. */
  readonly agentHash: string;
  /** Changes with the record operator. */
  readonly operatorHash: string;
  /** Changes with the agent beside the resolver. */
  readonly resolverHash: string;

  constructor(
    name: string,
    args: { readonly namespace: pulumi.Input<string>; readonly programs: Programs },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dnsmesh:site:Bundles", name, {}, opts);
    const { agent, reconciler, rotator, operator, backup, resolver } = args.programs;
    for (const [program, object, text] of [
      ["agent", objects.agentBundle, agent],
      ["reconciler", objects.reconcilerBundle, reconciler],
      ["rotator", objects.rotatorBundle, rotator],
      ["operator", objects.operatorBundle, operator],
      ["backup", objects.backupBundle, backup],
      ["resolver", objects.resolverBundle, resolver],
    ] as const)
      if (text !== undefined)
        new k8s.core.v1.ConfigMap(
          `${name}-${program}`,
          {
            metadata: { name: object, namespace: args.namespace, labels: commonLabels },
            ...packProgram(program, text),
          },
          objectOptions(this),
        );
    this.operatorHash = contentHash(operator ?? "");
    this.resolverHash = contentHash(resolver ?? "");
    this.agentHash = contentHash(agent);
    this.registerOutputs({});
  }
}
