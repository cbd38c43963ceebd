import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";

import { messageOf } from "../base/errors";
import { alpn } from "../dns/client/tls";
import { serverName } from "../mesh/welcome";
import type { MeshAccess } from "./mesh-access";

/** A site's certificate, as its server shows it to everybody. */
export type CertificateLook =
  | { readonly kind: "shown"; readonly begins: string; readonly ends: string; readonly problem?: string }
  /** `unreached`: nothing came back at all, as where a network policy lets sites alone reach the port. */
  | { readonly kind: "unreached"; readonly reason: string }
  | { readonly kind: "failure"; readonly reason: string };

const patienceMs = 3000;

/** Made once for each set of authorities: that takes longer than a handshake. */
const contexts = new Map<string | undefined, SecureContext>();

function contextOf(ca: string | undefined): SecureContext {
  const context = contexts.get(ca) ?? createSecureContext({ minVersion: "TLSv1.3", ...(ca !== undefined && { ca }) });
  contexts.set(ca, context);
  return context;
}

/** Looks at the certificate of a site's server; judged by the mesh's authorities where these are known. */
export function lookAtCertificate(
  access: MeshAccess,
  { site, address }: { readonly site: string; readonly address: string },
): Promise<CertificateLook> {
  const name = serverName(site, access.mesh.directoryZone);
  return new Promise((resolve) => {
    const done = (look: CertificateLook): void => {
      resolve(look);
      socket.destroy();
    };
    const socket: TLSSocket = connect({
      host: address,
      port: access.ports.secure,
      servername: name,
      ALPNProtocols: [alpn],
      secureContext: contextOf(access.ca),
      timeout: patienceMs,
      // Whoever it is, when its certificate ends is what is asked; what is wrong with it is said beside.
      rejectUnauthorized: false,
    });
    socket.once("secureConnect", () => {
      // Its dates and no more: to read all of it takes as long as the handshake.
      const { validFrom = "", validTo = "" } = socket.getPeerX509Certificate() ?? {};
      const [begins, ends] = [isoTime(validFrom), isoTime(validTo)];
      if (begins === undefined || ends === undefined) {
        done({ kind: "failure", reason: "its certificate has dates that cannot be read" });
        return;
      }
      const isWrong = access.ca !== undefined && !socket.authorized;
      done({ kind: "shown", begins, ends, ...(isWrong && { problem: messageOf(socket.authorizationError) }) });
    });
    socket.once("timeout", () => {
      done({ kind: "unreached", reason: `no connection within ${patienceMs} ms` });
    });
    socket.once("error", (error) => {
      done({ kind: "failure", reason: messageOf(error) });
    });
  });
}

/** A time as a certificate's dates are written, in ISO 8601; undefined for what is none. */
export function isoTime(text: string): string | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
