import * as pulumi from "@pulumi/pulumi";

import { keptKeysMarker } from "../../src/contract/kept-keys";
import { objects } from "../../src/contract/names";
import { tsigKeyFrom } from "../../src/dns/tsig-key";
import type { Reader } from "../../src/keyring/reader";
import type { Updater } from "../../src/records/updater";
import type { MadeKeys } from "../../src/settings/site-parts";
import { fileSecret } from "./file-secret";
import { contentHash } from "./hash";
import { madeText } from "./made-text";
import type { Welcome } from "./welcome";

/** What {@link SiteSecrets} needs. */
export interface SiteSecretsArgs extends Pick<Welcome, "packet" | "ring" | "issued"> {
  readonly namespace: pulumi.Input<string>;
  /** Keys of servers outside the mesh. */
  readonly readers: pulumi.Input<readonly Reader[]>;
  /** Who may change own zones by DNS UPDATE, with their keys. */
  readonly updaters: pulumi.Input<readonly Updater[]>;
  /** Whether the site's own programs change its zones over DNS: its operator, and pods that send updates on to the writer. */
  readonly hasRecordsKey: boolean;
  /** Keys that a former stack made. */
  readonly madeKeys: MadeKeys;
}

/**
 * The key by which the site's own programs read from its Knot, the one by which the record operator changes its zones,
 * those of servers and programs outside the mesh, and the key ring and
 * the site's certificate with its key unless Vault or cert-manager gives them, what the zones' DNSSEC keys are kept in without
 * Vault: a Secret each, as files for the pods.
 * Changes reach running pods.
 */
export class SiteSecrets extends pulumi.ComponentResource {
  /** Changes with the content. */
  readonly hash: pulumi.Output<string>;
  /** Changes with the keys that this stack made. */
  readonly madeHash: pulumi.Output<string>;
  private readonly namespace: pulumi.Input<string>;

  constructor(name: string, args: SiteSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:SiteSecrets", name, {}, opts);
    this.namespace = args.namespace;
    const { madeKeys } = args;
    const createKey = (key: "local" | "records"): Readonly<Record<string, pulumi.Output<string>>> => ({
      "key.json": madeText(`${name}-${key}`, madeKeys[key], this).apply((text) =>
        JSON.stringify(tsigKeyFrom(key, text)),
      ),
    });
    const made = [
      this.write(`${name}-local-key`, objects.localKey, createKey("local")),
      ...(args.hasRecordsKey ? [this.write(`${name}-records-key`, objects.recordsKey, createKey("records"))] : []),
    ];
    const written = [
      ...made,
      this.write(`${name}-readers`, objects.readers, { "readers.json": pulumi.jsonStringify(args.readers) }),
      this.write(`${name}-updaters`, objects.updaters, { "updaters.json": pulumi.jsonStringify(args.updaters) }),
      ...(args.packet.vault === undefined ? [this.writeZoneKeys(name, args)] : []),
      ...this.writeGiven(name, args),
    ];
    this.hash = pulumi.all(written).apply((contents) => contentHash(...contents));
    this.madeHash = pulumi.all(made).apply((contents) => contentHash(...contents));
    this.registerOutputs({});
  }

  private writeGiven(name: string, { ring, issued, packet }: SiteSecretsArgs): pulumi.Output<string>[] {
    const written: pulumi.Output<string>[] = [];
    if (ring !== undefined) {
      const files = { "ring.json": ring.apply((document) => JSON.stringify(document)) };
      written.push(this.write(`${name}-keys`, objects.keys, files));
    }
    if (issued !== undefined && packet.certificates !== "cert-manager") {
      const files = {
        "tls.crt": issued.apply(({ certificate }) => certificate),
        "tls.key": issued.apply(({ privateKey }) => privateKey),
        "ca.crt": pulumi.output(packet.ca),
      };
      written.push(this.write(`${name}-tls`, objects.tls, files));
    }
    return written;
  }

  /**
   * Where the zones' DNSSEC keys are kept beside the writer's volume, and what they are sealed with. The copy itself is the
   * reconciler's: no `up` compares it or takes it back. What is there from the beginning tells an empty Secret from a missing one.
   */
  private writeZoneKeys(name: string, { packet, madeKeys }: SiteSecretsArgs): pulumi.Output<string> {
    const { name: site } = packet.site;
    const key = madeText(`${name}-zone-keys-seal`, madeKeys.zoneKeysSeal, this);
    const kept = { name: objects.zoneKeys, namespace: this.namespace, type: "Opaque" } as const;
    const files = { [keptKeysMarker]: pulumi.output(site) };
    fileSecret(`${name}-zone-keys`, { ...kept, files }, { parent: this, ignoreChanges: ["data"] });
    return this.write(`${name}-zone-keys-seal`, objects.zoneKeysSeal, { key });
  }

  /** Returns what changes with the content, known once the Secret is there. */
  private write(
    resource: string,
    name: string,
    files: Readonly<Record<string, pulumi.Output<string>>>,
  ): pulumi.Output<string> {
    const type = name === objects.tls ? "kubernetes.io/tls" : "Opaque";
    const secret = fileSecret(resource, { name, namespace: this.namespace, type, files }, { parent: this });
    return pulumi
      .all([secret.metadata.name, pulumi.all(Object.values(files))])
      .apply(([, contents]) => contentHash(...contents));
  }
}
