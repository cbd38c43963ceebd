import * as pulumi from "@pulumi/pulumi";
import { packCentralZones } from "../../src/knot/central-parts";
import { renderCatalog, renderDirectory } from "../../src/knot/central-zones";
import type { Mesh, WelcomePacket, WelcomeSecrets } from "../../src/mesh/model";
import { welcomePacket } from "../../src/mesh/welcome";
import type { SharedConfig } from "../config";
import { Authority } from "./authority";
import { KeyRing } from "./key-ring";
import { VaultShelf, type VaultPaths } from "./vault-shelf";

/** What the shared stack shows to the sites' stacks. The CA key is not among it, and never may be. */
export interface SharedOutputs {
  /** Master-file text of the directory zone, with a placeholder for the serial. */
  readonly directory: string;
  /** Master-file text of the catalog zone (RFC 9432), with a placeholder for the serial. */
  readonly catalog: string;
  /** Public welcome packets by the site's name. */
  readonly sites: pulumi.Output<Record<string, WelcomePacket>>;
  /** Keys and certificates by the site's name: a secret. Left out when they lie in Vault. */
  readonly siteSecrets?: pulumi.Output<Record<string, WelcomeSecrets>>;
  /** Where in Vault keys and certificates lie. */
  readonly vaultPaths?: pulumi.Output<VaultPaths>;
}

/** Everything that the sites share: authority, key ring, central zones and a welcome packet for each site. */
export class SharedStack extends pulumi.ComponentResource {
  readonly outputs: SharedOutputs;

  constructor(name: string, args: SharedConfig, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:SharedStack", name, {}, opts);
    const central = renderCentralZones(args.mesh);
    const authority = new Authority(`${name}-authority`, { mesh: args.mesh }, { parent: this });
    const keyRing = new KeyRing(`${name}-key-ring`, {}, { parent: this });
    const secrets = welcomeSecrets(authority, keyRing);
    const sites = authority.certificate.apply((ca) => welcomePackets(args.mesh, ca));
    this.outputs = { ...central, sites, ...this.hand(name, args, secrets) };
    this.registerOutputs(this.outputs);
  }

  private hand(
    name: string,
    args: SharedConfig,
    secrets: ReadonlyMap<string, pulumi.Output<WelcomeSecrets>>,
  ): Pick<SharedOutputs, "siteSecrets" | "vaultPaths"> {
    if (args.vault === undefined) return { siteSecrets: pulumi.secret(pulumi.all(Object.fromEntries(secrets))) };
    const shelf = new VaultShelf(`${name}-vault`, { vault: args.vault, secrets }, { parent: this });
    return { vaultPaths: shelf.paths };
  }
}

/** Text of both central zones. Packed once to see whether the primary could mount it: better told here than there. */
function renderCentralZones(mesh: Mesh): { directory: string; catalog: string } {
  const zones = { directory: renderDirectory(mesh, {}), catalog: renderCatalog(mesh) };
  packCentralZones(zones);
  return zones;
}

function welcomePackets(mesh: Mesh, ca: string): Record<string, WelcomePacket> {
  return Object.fromEntries(mesh.sites.map((site) => [site.name, welcomePacket(mesh, site.name, ca)]));
}

function welcomeSecrets(authority: Authority, keyRing: KeyRing): ReadonlyMap<string, pulumi.Output<WelcomeSecrets>> {
  return new Map(
    [...authority.sites].map(([site, issued]) => {
      const all = pulumi.all([keyRing.document, issued.certificate, issued.privateKey] as const);
      return [site, all.apply(([ring, certificate, privateKey]) => ({ keyRing: ring, certificate, privateKey }))];
    }),
  );
}
