import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { Mesh, Site } from "../../src/mesh/model";
import { serverName } from "../../src/mesh/welcome";

const hoursPerYear = 365 * 24;

/** A site's certificate and the key to it, both PEM. The key is a secret. */
export interface SiteCertificate {
  readonly certificate: pulumi.Output<string>;
  /** PKCS 8. */
  readonly privateKey: pulumi.Output<string>;
}

/**
 * The mesh's private certificate authority. Its key stays in the shared stack's state (encrypted) and is no property of
 * this class, so that it cannot become an output by accident.
 */
export class Authority extends pulumi.ComponentResource {
  /** PEM of the root certificate. */
  readonly certificate: pulumi.Output<string>;
  /** One certificate per site, by the site's name. */
  readonly sites: ReadonlyMap<string, SiteCertificate>;

  constructor(name: string, args: { readonly mesh: Mesh }, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:shared:Authority", name, {}, opts);
    const key = this.createKey(name);
    const root = this.createRoot(name, key);
    this.certificate = root.certPem;
    this.sites = new Map(
      args.mesh.sites.map((site) => [site.name, this.issue({ name, key, root, site, mesh: args.mesh })]),
    );
    this.registerOutputs({ certificate: this.certificate });
  }

  private createKey(name: string): tls.PrivateKey {
    return new tls.PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent: this });
  }

  private createRoot(name: string, key: tls.PrivateKey): tls.SelfSignedCert {
    return new tls.SelfSignedCert(
      `${name}-root`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: "dns-mesh root" },
        isCaCertificate: true,
        setAuthorityKeyId: true,
        setSubjectKeyId: true,
        allowedUses: ["cert_signing", "crl_signing"],
        validityPeriodHours: 10 * hoursPerYear,
        earlyRenewalHours: hoursPerYear,
      },
      { parent: this },
    );
  }

  private issue(o: {
    name: string;
    key: tls.PrivateKey;
    root: tls.SelfSignedCert;
    site: Site;
    mesh: Mesh;
  }): SiteCertificate {
    const prefix = `${o.name}-${o.site.name}`;
    const host = serverName(o.site.name, o.mesh.directoryZone);
    const key = new tls.PrivateKey(`${prefix}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent: this });
    const request = new tls.CertRequest(
      `${prefix}-request`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: host },
        dnsNames: [host],
        ipAddresses: [...o.site.addresses],
      },
      { parent: this },
    );
    const certificate = new tls.LocallySignedCert(
      `${prefix}-certificate`,
      {
        caCertPem: o.root.certPem,
        caPrivateKeyPem: o.key.privateKeyPem,
        certRequestPem: request.certRequestPem,
        allowedUses: ["digital_signature", "server_auth", "client_auth"],
        setSubjectKeyId: true,
        validityPeriodHours: hoursPerYear,
        earlyRenewalHours: 60 * 24,
      },
      { parent: this },
    );
    return { certificate: certificate.certPem, privateKey: pulumi.secret(key.privateKeyPemPkcs8) };
  }
}
