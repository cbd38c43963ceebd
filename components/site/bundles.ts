import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, objects } from "../../src/contract/names";
import { objectOptions } from "../object-options";
import { contentHash } from "./hash";

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
}

/** Our own programs as ConfigMaps: a stock Node image runs them, and no registry is needed. */
export class Bundles extends pulumi.ComponentResource {
  /** Changes with the agent: a new one needs new pods. */
  readonly agentHash: string;
  /** Changes with the record operator. */
  readonly operatorHash: string;

  constructor(
    name: string,
    args: { readonly namespace: pulumi.Input<string>; readonly programs: Programs },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dnsmesh:site:Bundles", name, {}, opts);
    this.createBundle(`${name}-agent`, args.namespace, {
      name: objects.agentBundle,
      data: { "agent.js": args.programs.agent },
    });
    this.createBundle(`${name}-reconciler`, args.namespace, {
      name: objects.reconcilerBundle,
      data: { "reconciler.js": args.programs.reconciler },
    });
    const { rotator, operator, backup } = args.programs;
    if (rotator !== undefined) {
      const data = { "rotator.js": rotator };
      this.createBundle(`${name}-rotator`, args.namespace, { name: objects.rotatorBundle, data });
    }
    if (operator !== undefined) {
      const data = { "operator.js": operator };
      this.createBundle(`${name}-operator`, args.namespace, { name: objects.operatorBundle, data });
    }
    if (backup !== undefined) {
      const data = { "backup.js": backup };
      this.createBundle(`${name}-backup`, args.namespace, { name: objects.backupBundle, data });
    }
    this.operatorHash = contentHash(operator ?? "");
    this.agentHash = contentHash(args.programs.agent);
    this.registerOutputs({});
  }

  private createBundle(
    name: string,
    namespace: pulumi.Input<string>,
    bundle: { name: string; data: Record<string, string> },
  ): void {
    new k8s.core.v1.ConfigMap(
      name,
      { metadata: { name: bundle.name, namespace, labels: commonLabels }, data: bundle.data },
      objectOptions(this),
    );
  }
}
