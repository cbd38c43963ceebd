import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import type { DelegationRecords } from "../../src/mesh/name-servers";
import { rotatesKeys, type VaultProgram } from "../../src/mesh/trust";
import { serverName } from "../../src/mesh/welcome";
import { parentSentences } from "../../src/preflight/parents";
import type { Published } from "../../src/preflight/published";
import { serviceReader } from "../../src/preflight/second-family";
import type { StillIn } from "../../src/preflight/zone-removal";
import { requireListedFamilies } from "../../src/settings/ip-families";
import { requireRecordsZones } from "../../src/settings/record-settings";
import type { SiteConfig } from "../../src/settings/site-settings";
import { requireOwnZones, requirePrimaries, requireReadable } from "../../src/settings/updaters";
import { AppRoles } from "./app-roles";
import { BackupJobs, BackupSecrets } from "./backups";
import { Bundles, type Programs } from "./bundles";
import { CentralZoneFiles } from "./central-zone-files";
import { ClusterCertificate } from "./cluster-certificate";
import { clusterProvider, providerArgs } from "./cluster-provider";
import { ConfigFiles } from "./config-files";
import { contentHash } from "./hash";
import { KeyRotator, type KeyRotatorArgs } from "./key-rotator";
import { KnotServer } from "./knot-server";
import { LiveMounts } from "./live-mounts";
import { Monitoring, type MonitoringArgs, requireFewObjects } from "./monitoring";
import { SiteNamespace } from "./namespace";
import { PodServices } from "./pod-services";
import { Policies } from "./policies";
import { PublicService, type PublicServiceArgs } from "./public-service";
import { Reconciler, type ZoneKeys } from "./reconciler";
import { RecordDefinition } from "./record-definition";
import { RecordOperator } from "./record-operator";
import { Resolver } from "./resolver";
import { liveSettings, siteRuntime } from "./runtime";
import { SiteSecrets } from "./secrets";
import { agentTrust } from "./trust-files";
import { dnsPolicy, vaultReach } from "./vault-reach";
import { VolumeClaims } from "./volume-claims";
import type { Welcome } from "./welcome";

/** What {@link SiteStack} needs. */
export interface SiteStackArgs {
  readonly config: SiteConfig;
  readonly welcome: Welcome;
  readonly programs: Programs;
  /** DnsRecords in zones that are retired, by zone. */
  readonly retiring?: StillIn;
  /** How the site's Service is read while it waits for an address. @default from the site's cluster */
  readonly services?: Partial<Pick<PublicServiceArgs, "look" | "clock">>;
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
  /** The zones that the site owns. */
  readonly zones: readonly string[];
  /** All sites with their zones, as the central zones have them; of the primary alone. */
  readonly published?: Published;
  /** DnsRecords that are still in zones that are retired, by the zone's name; left out where none is. */
  readonly retiring?: StillIn;
  /** Keys of the zones that the site signs, and the DS records that their parents should have, by the zone's name. */
  readonly dnssec?: pulumi.Output<Record<string, ZoneKeys>>;
  /**
   * NS records, addresses and DS records that parents outside the mesh should have, by the zone's name; left out where the
   * list says nothing of name servers.
   */
  readonly delegations?: pulumi.Output<Record<string, DelegationRecords>>;
  /** What these parents have, and what is to be changed there: a line for each zone, as they answered during this `up`. */
  readonly parents?: pulumi.Output<Record<string, string>>;
  /** Public keys by which the site checks epochs, as long as there is one of a former shared stack among them. */
  readonly signers?: readonly string[];
  /** Where the stack may be destroyed. */
  readonly protect?: false;
}

/** What of the settings depends on the welcome packet, before anything is planned. Throws a UserError. */
function requireFitting(config: SiteStackArgs["config"], welcome: SiteStackArgs["welcome"]): void {
  requireOwnZones(config, welcome.packet.site);
  requirePrimaries(config, welcome.packet.site);
  requireReadable(config, welcome.packet.transport);
  requireRecordsZones(config, welcome.packet.site);
  if (welcome.isAuto !== true) requireListedFamilies(config, welcome.packet.site);
  if (config.monitoring) requireFewObjects({ ...monitored(welcome), monitoring: config.monitoring });
}

/** Everything that one site has in its cluster. */
export class SiteStack extends pulumi.ComponentResource {
  readonly outputs: SiteOutputs;

  constructor(name: string, args: SiteStackArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:SiteStack", name, {}, opts);
    const { config, welcome, retiring = {} } = args;
    const { packet } = welcome;
    const { transport } = packet;
    const isPrimary = packet.site.role === "primary-catalog";
    requireFitting(config, welcome);
    const runtime = siteRuntime(config);
    const within = { parent: this, providers: [clusterProvider(this, name, config)] };

    const { name: namespace } = new SiteNamespace(`${name}-namespace`, config, within);
    // Pods beside the writer sign with it the updates that they send on.
    const hasRecordsKey = config.records !== false || config.replicas > 1;
    const secrets = new SiteSecrets(
      `${name}-secrets`,
      {
        ...welcome,
        namespace,
        readers: config.readers,
        updaters: config.updaters,
        madeKeys: config.madeKeys,
        hasRecordsKey,
      },
      within,
    );
    const trust = this.createTrust(name, { welcome, namespace, site: config.site }, within);
    const vault = vaultReach(packet, config);
    const pods = new PodServices(
      `${name}-pods`,
      { namespace, replicas: config.replicas, transport, families: config.service },
      within,
    );
    const settings = pods.addresses.apply((addresses) => liveSettings(config, addresses));
    const files = new ConfigFiles(
      `${name}-config`,
      { namespace, packet, runtime, settings, ...(vault && { vaultAddress: vault.address }) },
      within,
    );
    const central = isPrimary
      ? new CentralZoneFiles(`${name}-central-zones`, { namespace, zones: welcome.central }, within)
      : undefined;
    const bundles = new Bundles(`${name}-bundles`, { namespace, programs: args.programs }, within);
    const policies = new Policies(
      `${name}-policies`,
      { namespace, packet, config, ...(welcome.listed && { listed: welcome.listed }), ...(vault && { vault }) },
      within,
    );
    const service = new PublicService(
      `${name}-service`,
      {
        namespace,
        service: config.service,
        site: packet.site,
        transport,
        isAuto: welcome.isAuto === true,
        look: serviceReader(config),
        ...args.services,
      },
      within,
    );
    const backups = config.backups && { namespace, config, backups: config.backups, site: config.site };
    const backupSecrets = backups && new BackupSecrets(`${name}-backup-secrets`, backups, within);
    const optional = [...(central ? [central] : []), ...(backupSecrets ? [backupSecrets] : [])];
    const mounted = [secrets, ...trust, files, bundles, policies, ...optional];
    const server = new KnotServer(
      `${name}-knot`,
      {
        namespace,
        config,
        runtime,
        trust: agentTrust(packet),
        transport,
        isPrimary,
        isGuarded: config.zoneGuard !== false,
        restartHash: contentHash(files.restartHash, bundles.agentHash),
        dnsPolicy: dnsPolicy(vault),
      },
      { ...within, dependsOn: mounted },
    );
    new VolumeClaims(`${name}-volume-claims`, { namespace, config, statefulSet: server.statefulSet }, within);
    const hashes = [secrets.hash, files.liveHash, ...optional.map(({ hash }) => hash)];
    new LiveMounts(
      `${name}-live-mounts`,
      { namespace, replicas: config.replicas, statefulSet: server.statefulSet, hashes },
      within,
    );
    if (config.records !== false) {
      new RecordOperator(
        `${name}-record-operator`,
        {
          namespace,
          config,
          records: config.records,
          zones: packet.site.zones.map((zone) => zone.name),
          restartHash: secrets.madeHash.apply((keys) => contentHash(keys, bundles.operatorHash)),
        },
        { ...within, dependsOn: [...mounted, this.createDefinition(name, config)] },
      );
    }
    if (config.resolver) {
      const { resolver } = config;
      const restartHash = bundles.resolverHash;
      new Resolver(`${name}-resolver`, { namespace, config, resolver, restartHash }, { ...within, dependsOn: mounted });
    }
    this.createMonitoring(name, { namespace, config, welcome }, within);
    if (backups) new BackupJobs(`${name}-backup`, backups, { ...within, dependsOn: mounted });
    const jobs = { namespace, config, packet };
    const reconciler = this.createJobs(name, jobs, { ...within, dependsOn: mounted });

    this.outputs = {
      site: config.site,
      role: packet.site.role,
      server: serverName(config.site, packet.directoryZone),
      namespace,
      addresses: service.addresses,
      podAddresses: pods.addresses,
      zones: packet.site.zones.map((zone) => zone.name),
      ...(isPrimary && { published: welcome.published }),
      ...(Object.keys(retiring).length > 0 && { retiring }),
      ...reportedBy(reconciler),
      ...signersOf(packet),
      ...protectionOf(config),
    };
    this.registerOutputs(this.outputs);
  }

  /** What stands between the site and those who give it keys and certificates, where that is more than files. */
  private createTrust(
    name: string,
    { welcome, ...place }: { welcome: Welcome; namespace: pulumi.Output<string>; site: string },
    within: pulumi.ComponentResourceOptions,
  ): pulumi.Resource[] {
    const { packet, issued, vault: provider } = welcome;
    const made: pulumi.Resource[] = [];
    if (packet.certificates === "cert-manager" && issued !== undefined) {
      made.push(new ClusterCertificate(`${name}-certificate`, { ...place, packet, issuer: issued }, within));
    }
    if (packet.vault?.auth.method === "approle" && provider !== undefined) {
      const clients: VaultProgram[] = rotatesKeys(packet) ? ["site", "rotator"] : ["site"];
      const args = { ...place, path: packet.vault.auth.path, clients, provider };
      made.push(new AppRoles(`${name}-app-roles`, args, within));
    }
    return made;
  }

  /** What a Prometheus and a Grafana find, where the settings want it. */
  private createMonitoring(
    name: string,
    { welcome, ...place }: { welcome: Welcome; namespace: pulumi.Output<string>; config: SiteConfig },
    within: pulumi.ComponentResourceOptions,
  ): void {
    const { monitoring } = place.config;
    if (monitoring === undefined) return;
    new Monitoring(`${name}-monitoring`, { ...place, monitoring, ...monitored(welcome) }, within);
  }

  /** What runs from time to time: healing, and where the ring lies in Vault its rotation. */
  private createJobs(name: string, args: KeyRotatorArgs, within: pulumi.ComponentResourceOptions): Reconciler {
    if (rotatesKeys(args.packet)) new KeyRotator(`${name}-key-rotator`, args, within);
    return new Reconciler(`${name}-reconciler`, args, within);
  }

  /**
   * What the cluster's sites share, through a provider that takes over what is there. By default it refuses to make what
   * another site, or this one in an earlier life, has left in the cluster.
   */
  private createDefinition(name: string, config: SiteConfig): RecordDefinition {
    const args = { ...providerArgs(config), upsertExistingObjects: true };
    const provider = new k8s.Provider(`${name}-shared-objects`, args, { parent: this });
    return new RecordDefinition(`${name}-records`, { parent: this, providers: [provider] });
  }
}

function protectionOf({ protect }: Pick<SiteConfig, "protect">): Pick<SiteOutputs, "protect"> {
  return protect ? {} : { protect: false };
}

/** What the reconciler's last pass reported, by zone. */
function reportedBy({ signedZones, delegations }: Reconciler): Pick<SiteOutputs, "dnssec" | "delegations" | "parents"> {
  return {
    ...(signedZones && { dnssec: signedZones }),
    ...(delegations && { delegations, parents: delegations.apply((zones) => parentSentences(zones)) }),
  };
}

/** What the shared stack's next `up` goes by that takes the key of a former one away. */
function signersOf({ signers = [] }: Welcome["packet"]): Pick<SiteOutputs, "signers"> {
  return signers.length > 1 ? { signers } : {};
}

/** What monitoring is made for. */
function monitored({ packet, probed: sites = [] }: Welcome): Pick<MonitoringArgs, "packet" | "sites"> {
  return { packet, sites };
}
