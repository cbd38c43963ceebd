import type { OnReadOpts } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";

import type { DnsFailure, TrustReason } from "../errors";

/** How both ends of a connection know each other (RFC 9103 section 9.3.3, mutual TLS). All texts are PEM. */
export interface DnsTls {
  /** Roots that the server's certificate must lead to; several during a roll-over. The system's own do not count. */
  readonly ca: string;
  /** Our certificate and what leads to its root, for a server that asks. */
  readonly cert?: string;
  readonly key?: string;
  /** Host name that the server's certificate must be for, also sent as SNI. */
  readonly serverName: string;
}

/** Where a connection goes. */
interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
  /** Takes what arrives in place of the socket's `data` events. */
  readonly onread?: OnReadOpts;
}

/** The ALPN token of DNS over TLS, without which a transfer may not go on (RFC 9103 section 7.1). */
export const alpn = "dot";

const contexts = new WeakMap<DnsTls, SecureContext>();

/**
 * Opens a connection of TLS 1.3, the least that RFC 9103 section 7.1 allows, and judges the server's chain and name. The
 * socket emits `secureConnect`, or an error that {@link tlsFailureOf} explains.
 *
 * @throws Error of OpenSSL when a PEM text is none.
 */
export function connectTls({ address, port, localAddress, onread }: Endpoint, tls: DnsTls): TLSSocket {
  return connect({
    host: address,
    port,
    ...(localAddress !== undefined && { localAddress }),
    ...(onread !== undefined && { onread }),
    servername: tls.serverName,
    secureContext: contextOf(tls),
    ALPNProtocols: [alpn],
    rejectUnauthorized: true,
  });
}

/** A context, and the texts that it was made from. */
interface MadeContext {
  readonly ca: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly context: SecureContext;
}

/** The context that was made last: hundreds of servers differ in their names alone. */
let latest: MadeContext | undefined;

/** Reading keys and roots takes longer than a handshake's arithmetic: once for each identity. */
function contextOf(tls: DnsTls): SecureContext {
  const known = contexts.get(tls);
  if (known !== undefined) return known;
  const { ca, cert, key } = tls;
  let made = latest;
  if (made?.ca !== ca || made.cert !== cert || made.key !== key)
    made = { ca, cert, key, context: createSecureContext({ ca, cert, key, minVersion: "TLSv1.3" }) };
  latest = made;
  contexts.set(tls, made.context);
  return made.context;
}

/** What OpenSSL finds wrong with the server's certificate. */
const ours: Readonly<Record<string, TrustReason>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "name",
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "notYetValid",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "authority",
  UNABLE_TO_GET_ISSUER_CERT: "authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "authority",
  SELF_SIGNED_CERT_IN_CHAIN: "authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "authority",
  CERT_SIGNATURE_FAILURE: "authority",
  INVALID_CA: "authority",
  CERT_UNTRUSTED: "other",
  CERT_REJECTED: "other",
  CERT_REVOKED: "other",
  INVALID_PURPOSE: "other",
};

/** Alerts by which the server says what is wrong with ours (RFC 8446 section 6.2), as OpenSSL names them. */
const theirs: Readonly<Record<string, TrustReason>> = {
  CERTIFICATE_REQUIRED: "missing",
  UNKNOWN_CA: "authority",
  CERTIFICATE_EXPIRED: "expired",
  BAD_CERTIFICATE: "other",
  UNSUPPORTED_CERTIFICATE: "other",
  CERTIFICATE_REVOKED: "other",
  CERTIFICATE_UNKNOWN: "other",
  ACCESS_DENIED: "other",
};

/** Why a connection with TLS failed, when TLS is what it failed for. */
export function tlsFailureOf({ code = "" }: NodeJS.ErrnoException): DnsFailure | undefined {
  const ourReason = ours[code];
  if (ourReason !== undefined) return { kind: "untrusted", by: "us", reason: ourReason, code };
  const alert = /^ERR_SSL_.*ALERT_(.*)$/.exec(code)?.[1];
  const theirReason = alert === undefined ? undefined : theirs[alert];
  if (theirReason !== undefined) return { kind: "untrusted", by: "peer", reason: theirReason, code };
  return /^ERR_(SSL|OSSL|TLS)_/.test(code) ? { kind: "noTls", code } : undefined;
}
