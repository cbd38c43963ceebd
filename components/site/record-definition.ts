import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels } from "../../src/contract/names";
import { recordDefinition, recordRoles } from "../../src/records/crd";
import { objectOptions, writable } from "../object-options";

/**
 * What the whole cluster has of DnsRecords: their definition, and the roles that `view`, `edit` and `admin` take in. Sites
 * that share a cluster share them. They stay when the site goes: with the definition every DnsRecord of the cluster would go.
 */
export class RecordDefinition extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:RecordDefinition", name, {}, opts);
    // Another site's stack may have written it, and an older one may have written less.
    const annotations = { "pulumi.com/patchForce": "true" };
    const options = objectOptions(this, { retainOnDelete: true });
    const { metadata, ...definition } = writable(recordDefinition());
    new k8s.apiextensions.v1.CustomResourceDefinition(
      name,
      {
        ...(definition as unknown as k8s.types.input.apiextensions.v1.CustomResourceDefinition),
        metadata: { ...metadata, labels: commonLabels, annotations },
      },
      options,
    );
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
