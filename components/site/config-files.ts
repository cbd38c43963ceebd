import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { type LiveSettings, liveSettingsFile, liveSettingsText } from "../../src/contract/live-settings";
import { commonLabels, objects } from "../../src/contract/names";
import { renderKnotConf } from "../../src/knot/config/site-config";
import type { FixedRuntime } from "../../src/knot/config/site-runtime";
import type { WelcomePacket } from "../../src/mesh/model";
import { objectOptions } from "../object-options";
import { contentHash } from "./hash";
import { trustConfigFiles } from "./trust-files";

/** What {@link ConfigFiles} needs. */
export interface ConfigFilesArgs {
  readonly namespace: pulumi.Input<string>;
  readonly packet: WelcomePacket;
  readonly runtime: Omit<FixedRuntime, "replicas">;
  /** How the site's programs reach its Knot pods, and what else Knot takes over by a reload. */
  readonly settings: pulumi.Input<LiveSettings>;
  /** Vault's address as this site reaches it, where that is another than the list's. */
  readonly vaultAddress?: string;
}

/** `knot.conf`, which needs a restart to change; the welcome packet, settings and what is about trust, which do not. */
export class ConfigFiles extends pulumi.ComponentResource {
  /** Changes with what Knot reads only when it starts. */
  readonly restartHash: string;
  /** Changes with what running pods take over. */
  readonly liveHash: pulumi.Output<string>;

  constructor(name: string, args: ConfigFilesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:ConfigFiles", name, {}, opts);
    const knotConf = renderKnotConf(args.runtime, args.packet.transport);
    const welcome = `${JSON.stringify(args.packet, undefined, 2)}\n`;
    const settings = pulumi.output(args.settings).apply(liveSettingsText);
    const trust = trustConfigFiles(args.packet, args.vaultAddress);
    const configMap = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: { name: objects.config, namespace: args.namespace, labels: commonLabels },
        data: { "knot.conf": knotConf, "welcome.json": welcome, [liveSettingsFile]: settings, ...trust },
      },
      objectOptions(this),
    );
    this.restartHash = contentHash(knotConf);
    this.liveHash = pulumi
      .all([settings, configMap.metadata.name])
      .apply(([text]) => contentHash(welcome, text, ...Object.values(trust)));
    this.registerOutputs({});
  }
}
