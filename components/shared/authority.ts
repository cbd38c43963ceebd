import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

import type { Mesh, Site } from "../../src/mesh/model";
import { serverName } from "../../src/mesh/welcome";
import type { CaConfig, RecoveredConfig } from "../../src/settings/shared-settings";

const hoursPerDay = 24;
const hoursPerYear = 365 * hoursPerDay;

/** A site's certificate and the key to it, both PEM. The key is a secret. */
export interface SiteCertificate {
  readonly certificate: pulumi.Output<string>;
  /** PKCS 8. */
  readonly privateKey: pulumi.Output<string>;
}

/** What {@link Authority} needs. */
export interface AuthorityArgs {
  readonly mesh: Mesh;
  readonly ca: CaConfig;
  /** Roots of a former stack, whose keys are lost: they are trusted, and sign nothing more. */
  readonly formerRoots: RecoveredConfig["roots"];
  /**
   * `certificates`: one for each site's server. `issuers`: an authority for each site, which issues the server's
   * certificate in the site's cluster; its certificate comes with the root's behind it.
   */
  readonly issues: "certificates" | "issuers";
}

/** How long what is issued lives, and how long before its end an `up` renews it. */
const lifetimes = {
  root: { validityPeriodHours: 10 * hoursPerYear, earlyRenewalHours: hoursPerYear },
  issuers: { validityPeriodHours: 3 * hoursPerYear, earlyRenewalHours: hoursPerYear },
  certificates: { validityPeriodHours: hoursPerYear, earlyRenewalHours: 60 * hoursPerDay },
};

interface Root {
  readonly key: tls.PrivateKey;
  readonly certificate: tls.SelfSignedCert;
}

/**
 * The mesh's private certificate authority. Its keys stay in the shared stack's state (encrypted) and are no property of
 * this class, so that they cannot become an output by accident.
 */
export class Authority extends pulumi.ComponentResource {
  /** PEM of every root certificate that is trusted, the newest last. */
  readonly certificate: pulumi.Output<string>;
  /** What each site is given, by the site's name; empty while a root signs whose key is lost: sites keep what they have. */
  readonly sites: ReadonlyMap<string, SiteCertificate>;

  constructor(name: string, args: AuthorityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:Authority", name, {}, opts);
    const { oldest, generation, signing } = args.ca;
    const numbers = Array.from({ length: generation - oldest + 1 }, (_, i) => oldest + i);
    const former = formerRoots(args.formerRoots);
    const roots = new Map(
      numbers.filter((number) => !former.has(number)).map((number) => [number, this.createRoot(name, number)]),
    );
    const signer = roots.get(signing);
    if (signer === undefined && !former.has(signing))
      throw new RangeError("the root that signs is not among those that are trusted");
    this.certificate = joined(
      numbers.map((number) => roots.get(number)?.certificate.certPem ?? pulumi.output(former.get(number) ?? "")),
    );
    const issuedBy = (root: Root): [string, SiteCertificate][] =>
      args.mesh.sites.map((site) => [site.name, this.issue(`${name}-${site.name}`, { ...args, site, signer: root })]);
    this.sites = new Map(signer === undefined ? [] : issuedBy(signer));
    this.registerOutputs({ certificate: this.certificate });
  }

  /** The first root goes without a number: it was there before there could be others. */
  private createRoot(name: string, number: number): Root {
    const suffix = number === 1 ? "" : `-${number}`;
    const key = this.createKey(`${name}-key${suffix}`);
    const certificate = new tls.SelfSignedCert(
      `${name}-root${suffix}`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: number === 1 ? "dns-mesh root" : `dns-mesh root ${number}` },
        isCaCertificate: true,
        setAuthorityKeyId: true,
        setSubjectKeyId: true,
        allowedUses: ["cert_signing", "crl_signing"],
        ...lifetimes.root,
      },
      { parent: this },
    );
    return { key, certificate };
  }

  private createKey(name: string): tls.PrivateKey {
    return new tls.PrivateKey(name, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent: this });
  }

  private issue(prefix: string, args: AuthorityArgs & { site: Site; signer: Root }): SiteCertificate {
    const isIssuer = args.issues === "issuers";
    const kind = isIssuer ? "issuer-" : "";
    const key = this.createKey(`${prefix}-${kind}key`);
    const request = new tls.CertRequest(
      `${prefix}-${kind}request`,
      { privateKeyPem: key.privateKeyPem, ...requestedNames(args) },
      { parent: this },
    );
    const { certPem } = new tls.LocallySignedCert(
      `${prefix}-${kind}certificate`,
      {
        caCertPem: args.signer.certificate.certPem,
        caPrivateKeyPem: args.signer.key.privateKeyPem,
        certRequestPem: request.certRequestPem,
        setSubjectKeyId: true,
        ...(isIssuer
          ? { isCaCertificate: true, maxPathLength: 0, allowedUses: ["cert_signing", "crl_signing"] }
          : { allowedUses: ["digital_signature", "server_auth", "client_auth"] }),
        ...lifetimes[args.issues],
      },
      { parent: this },
    );
    const certificate = isIssuer ? joined([certPem, args.signer.certificate.certPem]) : certPem;
    return { certificate, privateKey: pulumi.secret(key.privateKeyPemPkcs8) };
  }
}

/** PEM by generation. */
export function formerRoots(roots: RecoveredConfig["roots"]): ReadonlyMap<number, string> {
  return new Map(roots.map(({ generation, certificate }) => [generation, `${certificate.trim()}\n`]));
}

function requestedNames(args: AuthorityArgs & { site: Site }): Omit<tls.CertRequestArgs, "privateKeyPem"> {
  if (args.issues === "issuers") return { subject: { commonName: `dns-mesh issuer of ${args.site.name}` } };
  const host = serverName(args.site.name, args.mesh.directoryZone);
  return { subject: { commonName: host }, dnsNames: [host], ipAddresses: [...args.site.addresses] };
}

/** PEM texts one after the other. */
function joined(texts: readonly pulumi.Output<string>[]): pulumi.Output<string> {
  return pulumi.all([...texts]).apply((all) => all.map((text) => (text.endsWith("\n") ? text : `${text}\n`)).join(""));
}
