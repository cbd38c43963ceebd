import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

import ipaddr from "ipaddr.js";

import { bareHost } from "../../base/text";

/** Sent with everything. Nothing on the page comes from elsewhere or stands in its text: not a script, not a style. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "cache-control": "no-store",
};

/** What is answered in place of what was asked for. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** Of a request what decides whether it is answered. */
export interface GuardedRequest {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Which names the page answers to. */
export interface AllowedHosts {
  /** The address that it listens at. */
  readonly address: string;
  /** Further names that a browser may know it by, in lower case. */
  readonly names: readonly string[];
}

/** Whether an address is this machine's own, which others cannot reach. */
export function isLoopback(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.process(address).range() === "loopback";
}

/**
 * Why a request is not answered, if it is not. A page of somebody else's can have a name of its own point here, and would then
 * read what is here as its own (DNS rebinding): a name in `Host` counts only when it is known. It can ask without reading as
 * well, which would take up the few streams that there are: browsers say so (`Sec-Fetch-Site`, `Origin`).
 */
export function refusalOf({ method, headers }: GuardedRequest, allowed: AllowedHosts): Refusal | undefined {
  if (method !== "GET" && method !== "HEAD") return { status: 405, text: "this page can only be read\n" };
  const url = urlOf(headers.host);
  if (url === undefined || !isAllowed(bareHost(url), allowed))
    return {
      status: 421,
      text: "this page does not answer to that name; it is asked by its address or as localhost, or mesh dashboard --host NAME lets another in\n",
    };
  const { origin } = headers;
  const isForeign = origin !== undefined && origin.toLowerCase() !== `http://${url.host}`;
  const site = headers["sec-fetch-site"];
  const isLink = headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
  const isEmbedded = site !== undefined && site !== "same-origin" && site !== "none" && !isLink;
  return isForeign || isEmbedded ? { status: 403, text: "other pages may not ask this one\n" } : undefined;
}

/** Undefined for what is not a host, with a port or without. */
function urlOf(host: string | undefined): URL | undefined {
  if (host === undefined || !/^[\w.:[\]-]+$/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`);
  } catch {
    return undefined;
  }
}

/** An address cannot be somebody else's name; another port is a tunnel's (`ssh -L`). */
function isAllowed(host: string, { address, names }: AllowedHosts): boolean {
  if (host === "localhost" || names.includes(host)) return true;
  if (isIP(host) === 0) return false;
  const isEvery = ipaddr.process(address).range() === "unspecified";
  return isEvery || isLoopback(host) || sameAddress(host, address);
}

function sameAddress(a: string, b: string): boolean {
  return ipaddr.process(a).toNormalizedString() === ipaddr.process(b).toNormalizedString();
}
