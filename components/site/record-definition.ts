import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels } from "../../src/contract/names";
import { poolDefinition } from "../../src/pools/crd";
import { recordDefinition, recordRoles } from "../../src/records/crd";
import { objectOptions, writable } from "../object-options";

/**
 * What the whole cluster has of DnsRecords and DnsPools: their definitions, and the roles that `view`, `edit` and `admin` take in.
 * Sites that share a cluster share them. They stay when the site goes: with a definition every object of it in the cluster would go.
 */
export class RecordDefinition extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:RecordDefinition", name, {}, opts);
    // Another site's stack may have written it, and an older one may have written less.
    const annotations = { "pulumi.com/patchForce": "true" };
    const options = objectOptions(this, { retainOnDelete: true });
    const definitions = [
      [name, recordDefinition()],
      [`${name}-pools`, poolDefinition()],
    ] as const;
    for (const [resource, manifest] of definitions) {
      const { metadata, ...definition } = writable(manifest);
      new k8s.apiextensions.v1.CustomResourceDefinition(
        resource,
        {
          ...(definition as unknown as k8s.types.input.apiextensions.v1.CustomResourceDefinition),
          metadata: { ...metadata, labels: commonLabels, annotations },
        },
        options,
      );
    }
    for (const { metadata: roleMetadata, ...role } of writable(recordRoles())) {
      new k8s.rbac.v1.ClusterRole(
        `${name}-${roleMetadata.name.replace(/^dns-mesh-record-/, "")}`,
        {
          ...(role as unknown as k8s.types.input.rbac.v1.ClusterRole),
          metadata: { ...roleMetadata, labels: { ...commonLabels, ...roleMetadata.labels }, annotations },
        },
        options,
      );
    }
    this.registerOutputs({});
  }
}
