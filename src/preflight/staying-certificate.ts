import { messageOf, UserError } from "../base/errors";
import { fields } from "../base/json";
import { objects } from "../contract/names";
import { sharedClient } from "../kube/cluster-client";
import type { WelcomePacket, WelcomeSecrets } from "../mesh/model";
import type { SiteConfig } from "../settings/site-settings";
import { type LivePlace, liveSecret } from "./live-site";

/** What an authority outside the cluster issued: PEM of a certificate and its key. */
export type IssuedPems = Pick<WelcomeSecrets, "certificate" | "privateKey">;

/**
 * The certificate that a site's cluster has, or that of its issuer, while the root that signs has lost its key and nothing
 * can be issued. It goes on as it is.
 *
 * @throws UserError when the cluster has none: the site can only come once another root signs.
 */
export async function stayingCertificate(
  config: Pick<SiteConfig, "context" | "kubeconfig" | "namespace" | "site">,
  packet: Pick<WelcomePacket, "certificates">,
): Promise<IssuedPems> {
  const place = { kube: await sharedClient(config), namespace: config.namespace };
  try {
    const name = packet.certificates === "cert-manager" ? await issuerOf(place) : objects.tls;
    const { "tls.crt": certificate, "tls.key": privateKey } = (name && (await liveSecret(place, name))) || {};
    if (certificate !== undefined && privateKey !== undefined) return { certificate, privateKey };
  } catch (error) {
    throw new UserError(`the certificate that ${config.site} has cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  throw new UserError(
    `${config.site} has no certificate in ${config.namespace}, and the root that signs has lost its key. Nothing was changed; ` +
      `bring it up once another root signs (docs/runbooks/shared-state-lost.md)`,
  );
}

/** The Secret of the issuer that the site's certificate comes from. */
async function issuerOf({ kube, namespace }: LivePlace): Promise<string | undefined> {
  const certificate = await kube.get(`/apis/cert-manager.io/v1/namespaces/${namespace}/certificates/${objects.tls}`);
  const { name } = fields(fields(certificate?.["spec"])["issuerRef"]);
  return typeof name === "string" ? name : undefined;
}
