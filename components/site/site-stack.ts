import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { SiteConfig } from "../config";
import { Bundles, type Programs } from "./bundles";
import { CentralZoneFiles } from "./central-zone-files";
import { ConfigFiles } from "./config-files";
import { contentHash } from "./hash";
import { KnotServer } from "./knot-server";
import { LiveMounts } from "./live-mounts";
import { SiteNamespace } from "./namespace";
import { PodServices } from "./pod-services";
import { Policies } from "./policies";
import { PublicService } from "./public-service";
import { Reconciler } from "./reconciler";
import { siteRuntime } from "./runtime";
import { SiteSecrets } from "./secrets";
import type { Welcome } from "./welcome";
import { serverName } from "../../src/mesh/welcome";
import { looksUpVault, type VaultReach } from "../../src/plan/site-policies";

/** What {@link SiteStack} needs. */
export interface SiteStackArgs {
  readonly config: SiteConfig;
  readonly welcome: Welcome;
  readonly programs: Programs;
}

/** What a site's stack tells. */
export interface SiteOutputs {
  readonly site: string;
  readonly role: string;
  /** The site's name server, as directory and certificate have it. */
  readonly server: string;
  readonly namespace: pulumi.Output<string>;
  /** Where clients and other sites ask. */
  readonly addresses: pulumi.Output<string[]>;
  /** A cluster-internal address per pod, by ordinal. */
  readonly podAddresses: pulumi.Output<string[]>;
}

/** Everything that one site has in its cluster. */
export class SiteStack extends pulumi.ComponentResource {
  readonly outputs: SiteOutputs;

  constructor(name: string, args: SiteStackArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:SiteStack", name, {}, opts);
    const { config, welcome } = args;
    const { packet } = welcome;
    const { transport } = packet;
    const isPrimary = packet.site.role === "primary-catalog";
    const runtime = siteRuntime(config);
    const within = { parent: this, providers: [this.createProvider(name, config)] };

    const { name: namespace } = new SiteNamespace(`${name}-namespace`, config, within);
    const secrets = new SiteSecrets(`${name}-secrets`, { ...welcome, namespace, readers: config.readers }, within);
    const files = new ConfigFiles(`${name}-config`, { namespace, packet, runtime }, within);
    const central = isPrimary
      ? new CentralZoneFiles(`${name}-central-zones`, { namespace, zones: welcome.central }, within)
      : undefined;
    const bundles = new Bundles(`${name}-bundles`, { namespace, programs: args.programs }, within);
    const policies = new Policies(`${name}-policies`, { namespace, packet, config, ...vaultReach(args) }, within);
    const pods = new PodServices(`${name}-pods`, { namespace, replicas: config.replicas, transport }, within);
    const service = new PublicService(
      `${name}-service`,
      { namespace, service: config.service, site: packet.site, transport },
      within,
    );
    const mounted = [secrets, files, bundles, policies, ...(central ? [central] : [])];
    const server = new KnotServer(
      `${name}-knot`,
      {
        namespace,
        config,
        runtime,
        transport,
        isPrimary,
        podAddresses: pods.addresses,
        restartHash: contentHash(files.restartHash, bundles.agentHash),
        looksUpNames: welcome.vaultAddress !== undefined && looksUpVault(welcome.vaultAddress),
      },
      { ...within, dependsOn: mounted },
    );
    const hashes = [secrets.hash, files.liveHash, ...(central ? [central.hash] : [])];
    new LiveMounts(
      `${name}-live-mounts`,
      { namespace, replicas: config.replicas, statefulSet: server.statefulSet, hashes },
      within,
    );
    new Reconciler(
      `${name}-reconciler`,
      { namespace, config, podAddresses: pods.addresses },
      { ...within, dependsOn: mounted },
    );

    this.outputs = {
      site: config.site,
      role: packet.site.role,
      server: serverName(config.site, packet.directoryZone),
      namespace,
      addresses: service.addresses,
      podAddresses: pods.addresses,
    };
    this.registerOutputs(this.outputs);
  }

  /**
   * The site's cluster. Without an identifier that stays, a changed kubeconfig would replace every resource, volumes
   * included; without mutable ConfigMaps and Secrets, each change of one would replace it.
   */
  private createProvider(name: string, config: SiteConfig): k8s.Provider {
    return new k8s.Provider(
      `${name}-cluster`,
      {
        ...(config.kubeconfig !== undefined && { kubeconfig: config.kubeconfig }),
        context: config.context,
        clusterIdentifier: config.site,
        enableConfigMapMutable: true,
        enableSecretMutable: true,
        enableServerSideApply: true,
      },
      { parent: this },
    );
  }
}

/** The Vault that pods may talk to, as far as there is one. */
function vaultReach({ config, welcome }: SiteStackArgs): { readonly vault?: VaultReach } {
  if (welcome.vaultAddress === undefined) return {};
  const { egress } = config.vault ?? {};
  return { vault: { address: welcome.vaultAddress, ...(egress && { egress }) } };
}
