import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { centralZonesName, commonLabels } from "../../src/contract/names";
import { type CentralZones, manifestFile, mostParts, packCentralZones, partFile } from "../../src/mesh/central-parts";
import { objectOptions } from "../object-options";

/** What {@link CentralZoneFiles} needs. */
export interface CentralZoneFilesArgs {
  readonly namespace: pulumi.Input<string>;
  readonly zones: CentralZones;
}

/**
 * The text of both central zones for the primary catalog's pods. Always the same number of ConfigMaps, so that a growing
 * mesh changes no pod template; those that are not needed are empty. The first holds the manifest.
 */
export class CentralZoneFiles extends pulumi.ComponentResource {
  /** Changes with the content. */
  readonly hash: pulumi.Output<string>;

  constructor(name: string, args: CentralZoneFilesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:CentralZoneFiles", name, {}, opts);
    const { parts, manifest } = packCentralZones(args.zones);
    const configMaps = Array.from({ length: mostParts }, (_, index) => {
      const part = parts[index];
      return new k8s.core.v1.ConfigMap(
        `${name}-${index}`,
        {
          metadata: { name: centralZonesName(index), namespace: args.namespace, labels: commonLabels },
          ...(index === 0 && { data: { [manifestFile]: JSON.stringify(manifest) } }),
          ...(part && { binaryData: { [partFile(index)]: part.toString("base64") } }),
        },
        objectOptions(this),
      );
    });
    this.hash = pulumi.all(configMaps.map((configMap) => configMap.metadata.name)).apply(() => manifest.sha256);
    this.registerOutputs({});
  }
}
