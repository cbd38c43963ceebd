import type { Agent } from "node:http";
import { checkServerIdentity } from "node:tls";

import { getProxyForUrl } from "proxy-from-env";

import { UserError } from "../base/errors";
import { exchangeHttp, type TlsChoices } from "../base/http-exchange";
import { bareHost } from "../base/text";
import type { ClusterEntry } from "./kubeconfig";

/**
 * The proxy on the way to a cluster, as kubectl takes it: the kubeconfig's `proxy-url`, else the one that the environment
 * names (`HTTPS_PROXY`, `NO_PROXY`), which is never for this machine itself.
 *
 * @returns its URL, which may hold a password; undefined without a proxy.
 */
export function proxyOf({
  server,
  "proxy-url": given,
}: Pick<ClusterEntry, "server" | "proxy-url">): string | undefined {
  if (given !== undefined && given !== "") return given;
  const { hostname } = new URL(server);
  if (/^(localhost|127\..*|\[::1\])$/.test(hostname)) return undefined;
  const named = getProxyForUrl(server);
  return named === "" ? undefined : named;
}

/**
 * Connections through a proxy: HTTP, HTTPS or SOCKS.
 *
 * @throws UserError when the proxy is of another kind.
 */
export async function agentThrough(proxy: string): Promise<Agent> {
  const { protocol } = new URL(proxy);
  if (/^https?:$/.test(protocol)) return new (await import("https-proxy-agent")).HttpsProxyAgent(proxy);
  if (/^socks(4a?|5h?)?:$/.test(protocol)) return new (await import("socks-proxy-agent")).SocksProxyAgent(proxy);
  throw new UserError(
    `the proxy ${hostOf(proxy)} is of the kind "${protocol.slice(0, -1)}", which is not known; use http, https or socks5`,
  );
}

/**
 * Judges a certificate by the host that was asked for. Agents of proxies leave out the host where it is an address, and
 * Node would judge by "localhost" then.
 */
export function identityOf(server: string): Required<Pick<TlsChoices, "checkServerIdentity">> {
  const host = bareHost(new URL(server));
  return { checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate) };
}

/** Without user and password. */
export function hostOf(proxy: string): string {
  return new URL(proxy).host;
}

/**
 * Makes sure that a server answers through a proxy, whoever asks: its certificate is not looked at.
 *
 * @throws Error that says what the proxy answered, or why there was no answer.
 */
export async function reachThrough(proxy: string, server: URL, timeoutMs: number): Promise<void> {
  const agent = await agentThrough(proxy);
  let refusal: number | undefined;
  // The agent's own event: an answer of the proxy itself would pass for the server's otherwise.
  agent.once("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => {
    if (statusCode !== 200) refusal = statusCode;
  });
  const url = new URL("/version", server).href;
  const answer = exchangeHttp({ method: "GET", url, agent, tls: { rejectUnauthorized: false }, timeoutMs });
  await answer.catch((error: unknown) => {
    if (refusal === undefined) throw error;
  });
  if (refusal !== undefined) throw new Error(`the proxy answers ${refusal}`);
}
