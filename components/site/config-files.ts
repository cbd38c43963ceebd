import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { renderKnotConf, type SiteRuntime } from "../../src/knot/config/site-config";
import type { WelcomePacket } from "../../src/mesh/model";
import { objectOptions } from "../object-options";
import { contentHash } from "./hash";
import { commonLabels, objects } from "../../src/contract/names";
import { trustConfigFiles } from "./trust-files";

/** What {@link ConfigFiles} needs. */
export interface ConfigFilesArgs {
  readonly namespace: pulumi.Input<string>;
  readonly packet: WelcomePacket;
  readonly runtime: SiteRuntime;
  /** Vault's address as this site reaches it, where that is another than the list's. */
  readonly vaultAddress?: string;
}

/** `knot.conf`, which needs a restart to change, and the welcome packet and what is about trust, which do not. */
export class ConfigFiles extends pulumi.ComponentResource {
  /** Changes with what Knot reads only when it starts. */
  readonly restartHash: string;
  /** Changes with what running pods take over. */
  readonly liveHash: pulumi.Output<string>;
  /** Changes with the welcome packet. */
  readonly packetHash: pulumi.Output<string>;

  constructor(name: string, args: ConfigFilesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:ConfigFiles", name, {}, opts);
    const knotConf = renderKnotConf(args.runtime, args.packet.transport);
    const welcome = `${JSON.stringify(args.packet, undefined, 2)}\n`;
    const trust = trustConfigFiles(args.packet, args.vaultAddress);
    const configMap = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { name: objects.config, namespace: args.namespace, labels: commonLabels },
        data: { "knot.conf": knotConf, "welcome.json": welcome, ...trust },
      },
      objectOptions(this),
    );
    this.restartHash = contentHash(knotConf);
    this.liveHash = configMap.metadata.name.apply(() => contentHash(welcome, ...Object.values(trust)));
    this.packetHash = configMap.metadata.name.apply(() => contentHash(welcome));
    this.registerOutputs({});
  }
}
