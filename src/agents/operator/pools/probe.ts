import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { Agent, request as requestHttp } from "node:http";
import { Agent as TlsAgent, request as requestHttps } from "node:https";
import { connect, isIPv6 } from "node:net";

import { checkQuestion, checkResponse, decodeMessage, encodeMessage } from "../../../dns/message";
import { queryMessage } from "../../../dns/request";
import { opcodes, rcodes } from "../../../dns/types";
import type { Check } from "../../../pools/model";

/** Probes a target once. Returns whether it answered as it should. Never throws. */
export async function probe(check: Check, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  switch (check.kind) {
    case "tcp":
      return probeTcp(check, signal);
    case "http":
    case "https":
      return probeHttp(check, signal);
    case "dns":
      return probeDns(check, signal);
  }
}

/**
 * One datagram from a socket of its own: an answer to it that has a record of the type, or more than fits, is good. What is lost
 * on the way is a bad probe, as it is for a client that asks once.
 */
function probeDns(
  { address, port, timeoutMs, name, recordType: type }: Extract<Check, { kind: "dns" }>,
  signal: AbortSignal,
): Promise<boolean> {
  const id = randomInt(0x10000);
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    let isOver = false;
    const end = (isGood: boolean): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      // Its listeners stay: without its own, one that is about to be bound would never be closed.
      socket.close();
      resolve(isGood);
    };
    const onAbort = (): void => {
      end(false);
    };
    const timer = setTimeout(onAbort, timeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", onAbort);
    socket.on("message", (octets) => {
      const isGood = judgeAnswer(octets, { id, name, type });
      // A late or forged datagram is none of ours.
      if (isGood !== undefined) end(isGood);
    });
    // Connected, so that a port at which nobody listens says so at once.
    socket.connect(port, address, () => {
      if (isOver) return;
      socket.send(encodeMessage(queryMessage({ id, name, type, recursive: true })));
    });
  });
}

/** Whether an answer is a good one; undefined for what is no answer to the question. */
function judgeAnswer(
  octets: Uint8Array,
  { id, name, type }: { readonly id: number; readonly name: string; readonly type: string },
): boolean | undefined {
  try {
    const message = decodeMessage(octets);
    checkResponse(message, { id, opcode: opcodes.query });
    checkQuestion(message, { name, type, class: "IN" });
    if (message.rcode !== rcodes.NOERROR) return false;
    return message.flags.tc || message.answers.some((record) => record.type === type);
  } catch {
    return undefined;
  }
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
