import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { commonLabels, objects } from "../../src/contract/names";
import type { WelcomePacket } from "../../src/mesh/model";
import { serverName } from "../../src/mesh/welcome";
import { objectOptions } from "../object-options";
import { fileSecret } from "./file-secret";
import { contentHash } from "./hash";
import type { SiteCertificate } from "./welcome";

const group = "cert-manager.io";

/** What {@link ClusterCertificate} needs. */
export interface ClusterCertificateArgs {
  readonly namespace: pulumi.Input<string>;
  readonly packet: WelcomePacket;
  /** The site's own authority below the mesh's root. */
  readonly issuer: pulumi.Output<SiteCertificate>;
}

/**
 * The site's certificate by cert-manager, which must run in the cluster: an Issuer with the site's own authority, and a
 * Certificate whose key is born in the cluster, made anew at each renewal, and leaves it never.
 *
 * The Issuer is named after its authority's certificate: with a new authority the Certificate has another issuer, which
 * cert-manager acts on at once. Of a new key behind the same name it takes no notice until the next renewal.
 */
export class ClusterCertificate extends pulumi.ComponentResource {
  constructor(name: string, args: ClusterCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:ClusterCertificate", name, {}, opts);
    const issuer = this.createIssuer(name, args);
    this.createCertificate(name, args, issuer);
    this.registerOutputs({});
  }

  /** The old authority goes when the certificate has left it. */
  private createIssuer(name: string, { namespace, issuer }: ClusterCertificateArgs): pulumi.Output<string> {
    const certificate = pulumi.unsecret(issuer.apply((issued) => issued.certificate));
    const issuerName = certificate.apply((pem) => `${objects.issuer}-${contentHash(pem).slice(0, 8)}`);
    const files = { "tls.crt": certificate, "tls.key": issuer.apply(({ privateKey }) => privateKey) };
    const successorFirst = { deleteBeforeReplace: false };
    const secret = fileSecret(
      `${name}-authority`,
      { name: issuerName, namespace, type: "kubernetes.io/tls", files },
      { parent: this, ...successorFirst },
    );
    const { metadata } = new k8s.apiextensions.CustomResource(
      `${name}-issuer`,
      {
        apiVersion: `${group}/v1`,
        kind: "Issuer",
        metadata: { name: issuerName, namespace, labels: commonLabels },
        spec: { ca: { secretName: secret.metadata.name } },
      },
      objectOptions(this, successorFirst),
    );
    return metadata.name;
  }

  private createCertificate(name: string, args: ClusterCertificateArgs, issuer: pulumi.Output<string>): void {
    new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: `${group}/v1`,
        kind: "Certificate",
        metadata: { name: objects.tls, namespace: args.namespace, labels: commonLabels },
        spec: certificateSpec(args.packet, issuer),
      },
      objectOptions(this),
    );
  }
}

/** 90 days, renewed after 60: as Let's Encrypt has taught everybody. */
function certificateSpec({ site, directoryZone }: WelcomePacket, issuer: pulumi.Output<string>): object {
  const host = serverName(site.name, directoryZone);
  return {
    secretName: objects.tls,
    secretTemplate: { labels: commonLabels },
    issuerRef: { group, kind: "Issuer", name: issuer },
    commonName: host,
    dnsNames: [host],
    ipAddresses: [...site.addresses],
    duration: "2160h0m0s",
    renewBefore: "720h0m0s",
    privateKey: { algorithm: "ECDSA", size: 256, encoding: "PKCS8", rotationPolicy: "Always" },
    usages: ["digital signature", "server auth", "client auth"],
    revisionHistoryLimit: 1,
  };
}
