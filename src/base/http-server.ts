import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { messageOf } from "./errors";
import { readBody } from "./http-exchange";

/** What a handler answers. Objects are sent as JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string | object;
}

/** What a handler may read of its request. */
export interface HttpCall {
  /** The token that the request shows as its right (RFC 6750 section 2.1). */
  readonly bearer?: string;
  /** Reads the body as text. Fails for more than 64 KiB. */
  readonly text: () => Promise<string>;
}

/** Handlers by method and path, for example `GET /status`. */
export type HttpRoutes = Readonly<Record<string, (call: HttpCall) => HttpAnswer | Promise<HttpAnswer>>>;

/** Octets of a request's body that are read. */
const mostBody = 65_536;

/** How much clients may take of an {@link HttpServer}. */
export interface HttpLimits {
  /** Connections at a time. @default 256 */
  readonly connections?: number;
  /** Connections at a time from one address: whoever takes more cannot keep the kubelet's probes out. @default 16 */
  readonly perAddress?: number;
  /** Milliseconds from a connection, or from the answer before, until a request's headers are there. @default 3000 */
  readonly headersMs?: number;
}

/** A small HTTP server for probes, metrics and the few requests of our own programs. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Map<string, number>();

  constructor(routes: HttpRoutes, limits: HttpLimits = {}) {
    const { headersMs = 3000, connections = 256, perAddress = 16 } = limits;
    const timeouts = {
      headersTimeout: headersMs,
      keepAliveTimeout: headersMs,
      requestTimeout: Math.max(headersMs, 5000),
      connectionsCheckingInterval: Math.min(headersMs, 1000),
    };
    this.#server = createServer(timeouts, (request, response) => {
      const key = `${request.method ?? ""} ${(request.url ?? "").split("?")[0] ?? ""}`;
      void answer(routes[key], callOf(request)).then((reply) => {
        request.resume();
        send(response, reply);
      });
    });
    this.#server.maxConnections = connections;
    this.#server.on("connection", (socket) => {
      this.#admit(socket, perAddress);
    });
  }

  /** Starts to listen, at any free port for 0; returns the port. Fails when the port is taken. */
  listen(address: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, address, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #admit(socket: Socket, most: number): void {
    const address = socket.remoteAddress ?? "";
    const open = (this.#open.get(address) ?? 0) + 1;
    this.#open.set(address, open);
    socket.once("close", () => {
      const left = (this.#open.get(address) ?? 1) - 1;
      if (left > 0) this.#open.set(address, left);
      else this.#open.delete(address);
    });
    if (open > most) socket.destroy();
  }
}

function callOf(request: IncomingMessage): HttpCall {
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
  return {
    ...(bearer !== undefined && { bearer }),
    text: () => readBody(request, { what: "the request", most: mostBody }),
  };
}

/** A reply as it is written. */
interface Reply {
  readonly status: number;
  readonly type: "application/json" | "text/plain; charset=utf-8";
  readonly text: string;
}

/** Never rejects. */
async function answer(handler: HttpRoutes[string] | undefined, call: HttpCall): Promise<Reply> {
  if (handler === undefined) return plain(404, "not found\n");
  try {
    const { status, body } = await handler(call);
    if (typeof body === "string") return plain(status, body);
    return { status, type: "application/json", text: `${JSON.stringify(body)}\n` };
  } catch (error) {
    return plain(500, `${messageOf(error)}\n`);
  }
}

function plain(status: number, text: string): Reply {
  return { status, type: "text/plain; charset=utf-8", text };
}

function send(response: ServerResponse, { status, type, text }: Reply): void {
  response.writeHead(status, { "content-type": type });
  response.end(text);
}
