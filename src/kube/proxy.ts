import type { Agent } from "node:http";
import { request as httpsRequest } from "node:https";
import { checkServerIdentity } from "node:tls";

import { getProxyForUrl } from "proxy-from-env";

import { UserError } from "../base/errors";
import type { TlsChoices } from "../base/http-exchange";
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
  const host = new URL(server).hostname.replace(/^\[|\]$/g, "");
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
  await new Promise<void>((resolve, reject) => {
    const options = { agent, rejectUnauthorized: false, timeout: timeoutMs, method: "HEAD" };
    const request = httpsRequest(new URL("/version", server), options, () => {
      resolve();
      request.destroy();
    });
    const fail = (reason: string): void => {
      reject(new Error(reason));
      request.destroy();
    };
    // The agent's own event: an answer of the proxy itself would pass for the server's otherwise.
    request.once("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => {
      if (statusCode !== 200) fail(`the proxy answers ${statusCode}`);
    });
    request.once("timeout", () => {
      fail(`no answer within ${timeoutMs} ms`);
    });
    request.on("error", (error) => {
      fail(error.message);
    });
    request.end();
  });
}
