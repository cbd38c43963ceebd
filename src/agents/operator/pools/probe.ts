import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { urlHost } from "../../../base/text";
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

/** Octets within which an answer's status and headers must have come. */
const longestHead = 16_384;

/**
 * A connection for each probe: one that is kept would say that a server is up which takes no new ones. Node's own client costs a
 * site with thousands of targets several times as much CPU as the few lines that a probe needs of HTTP.
 */
function probeHttp(check: Extract<Check, { kind: "http" | "https" }>, signal: AbortSignal): Promise<boolean> {
  const { address, port, timeoutMs, path, host = `${urlHost(address)}:${port}` } = check;
  const request = `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: dns-mesh-probe\r\nconnection: close\r\n\r\n`;
  return new Promise((resolve) => {
    const socket = connectionFor(check);
    let head = "";
    const end = (isGood: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(isGood);
    };
    const onAbort = (): void => {
      end(false);
    };
    const timer = setTimeout(onAbort, timeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once(check.kind === "http" ? "connect" : "secureConnect", () => socket.write(request));
    socket.on("error", onAbort).on("end", onAbort);
    socket.on("data", (octets) => {
      head += octets.toString("latin1");
      const status = statusOf(head);
      if (status !== undefined) end(isWanted(status, check.status));
      else if (head.length > longestHead) end(false);
    });
  });
}

/**
 * The status of an answer as soon as its headers have come; undefined before. Interim answers are passed over (RFC 9110 section
 * 15.2), and what is no HTTP has none.
 */
function statusOf(head: string): number | undefined {
  const line = /HTTP\/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?\r?(?=\n)/y;
  const end = /\n\r?\n/g;
  for (let status = line.exec(head); status !== null; status = line.exec(head)) {
    end.lastIndex = line.lastIndex;
    if (end.exec(head) === null) return undefined;
    const found = Number(status[1]);
    if (found >= 200) return found;
    line.lastIndex = end.lastIndex;
  }
  return undefined;
}

/** What may be resumed of TLS with a server, so that a probe each second costs neither side a whole handshake. */
const sessions = new Map<string, Buffer>();
const mostSessions = 1000;

function connectionFor({ kind, address, port, host }: Extract<Check, { kind: "http" | "https" }>): Socket {
  if (kind === "http") return connect({ host: address, port });
  const server = `${address} ${port} ${host ?? ""}`;
  const session = sessions.get(server);
  const socket = connectTls({
    host: address,
    port,
    // Whether a certificate is right is for its users to judge: what is asked here is whether somebody answers.
    rejectUnauthorized: false,
    ...(host !== undefined && { servername: host }),
    ...(session && { session }),
  });
  socket.on("session", (next) => {
    if (sessions.size >= mostSessions) sessions.clear();
    sessions.set(server, next);
  });
  // One that the server does not take any more is not tried again.
  socket.once("error", () => sessions.delete(server));
  return socket;
}

function isWanted(status: number, wanted: number | undefined): boolean {
  return wanted === undefined ? status >= 200 && status < 400 : status === wanted;
}
