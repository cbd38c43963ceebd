import { createServer, type Server } from "node:http";
import { messageOf } from "./errors";

/** What a handler answers. Objects are sent as JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string | object;
}

/** Handlers by method and path, for example `GET /status`. */
export type HttpRoutes = Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>;

/** A small HTTP server for probes and metrics: no bodies are read, no headers matter. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;

  constructor(routes: HttpRoutes) {
    this.#server = createServer((request, response) => {
      request.resume();
      void answer(routes, `${request.method ?? ""} ${(request.url ?? "").split("?")[0] ?? ""}`).then(
        ({ status, body }) => {
          const json = typeof body === "object";
          response.writeHead(status, { "content-type": json ? "application/json" : "text/plain; charset=utf-8" });
          response.end(json ? `${JSON.stringify(body)}\n` : body);
        },
      );
    });
    this.#server.requestTimeout = 5000;
    this.#server.maxConnections = 64;
  }

  /** Starts to listen; fails when the port is taken. */
  listen(address: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, address, () => {
        this.#server.off("error", reject);
        resolve();
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
}

async function answer(routes: HttpRoutes, key: string): Promise<HttpAnswer> {
  const handler = routes[key];
  if (handler === undefined) return { status: 404, body: "not found\n" };
  try {
    return await handler();
  } catch (error) {
    return { status: 500, body: `${messageOf(error)}\n` };
  }
}
