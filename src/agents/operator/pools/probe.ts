import { Agent, request as requestHttp } from "node:http";
import { Agent as TlsAgent, request as requestHttps } from "node:https";
import { connect, isIPv6 } from "node:net";

import type { Check } from "../../../pools/model";

/** Probes a target once. Returns whether it answered as it should. Never throws. */
export async function probe(check: Check, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  return check.kind === "tcp" ? probeTcp(check, signal) : probeHttp(check, signal);
}

function probeTcp({ address, port, timeoutMs }: Check, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (isGood: boolean) => (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      // No lingering: a target that is probed each second would keep thousands of closed connections.
      socket.resetAndDestroy();
      resolve(isGood);
    };
    const onAbort = end(false);
    const timer = setTimeout(onAbort, timeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", end(true)).on("error", onAbort);
  });
}

/** A connection for each probe: one that is kept would say that a server is up which takes no new ones. */
const agents = { http: new Agent({ keepAlive: false }), https: new TlsAgent({ keepAlive: false }) };

function probeHttp(check: Extract<Check, { kind: "http" | "https" }>, signal: AbortSignal): Promise<boolean> {
  const { kind, address, port, timeoutMs, path, status, host } = check;
  const isNamed = host !== undefined;
  const plain = isIPv6(address) ? `[${address}]` : address;
  return new Promise((resolve) => {
    const options = {
      host: address,
      port,
      path,
      headers: { host: isNamed ? host : `${plain}:${port}`, "user-agent": "dns-mesh-probe", connection: "close" },
      agent: agents[kind],
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    };
    const sent =
      kind === "http"
        ? requestHttp(options)
        : // Whether a certificate is right is for its users to judge: what is asked here is whether somebody answers.
          requestHttps({ ...options, rejectUnauthorized: false, ...(isNamed && { servername: host }) });
    sent.once("response", (response) => {
      const { statusCode = 0 } = response;
      resolve(status === undefined ? statusCode >= 200 && statusCode < 400 : statusCode === status);
      response.destroy();
    });
    sent.on("error", () => {
      resolve(false);
    });
    sent.end();
  });
}
