import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { MeshWatch } from "./mesh-watch";
import type { PageFile } from "./page-files";
import type { PageState } from "./page-state";
import { type AllowedHosts, refusalOf, securityHeaders } from "./request-guard";

/** Streams and connections that are open at a time: a few tabs. */
export const mostStreams = 16;
const mostConnections = 64;
/** Milliseconds after which a browser that lost the stream comes back. */
const retryMs = 2000;

/** What is served. */
export interface PageServerParts {
  readonly watch: Pick<MeshWatch, "state" | "listen">;
  /** By their paths. */
  readonly files: ReadonlyMap<string, PageFile>;
  readonly hosts: AllowedHosts;
}

/** Serves the page, its files and its stream. Nothing can be changed through it. */
export class PageServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #streams = new Set<Stream>();
  readonly #listening: Disposable;

  constructor(private readonly parts: PageServerParts) {
    this.#server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (request, response) => {
      request.resume();
      this.#answer(request, response);
    });
    this.#server.maxConnections = mostConnections;
    this.#listening = parts.watch.listen((state) => {
      const event = eventOf(state);
      for (const stream of this.#streams) stream.send(event);
    });
  }

  /** Starts to listen, at any free port for 0; returns the port. Fails when the port is taken. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, this.parts.hosts.address, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    const refusal = refusalOf(request, this.parts.hosts);
    if (refusal !== undefined) {
      end(response, refusal.status, { type: "text/plain; charset=utf-8", text: refusal.text });
      return;
    }
    const path = (request.url ?? "").split("?")[0] ?? "";
    const file = this.parts.files.get(path);
    if (path === "/events") this.#stream(request, response);
    else if (file !== undefined) end(response, 200, file);
    else end(response, 404, { type: "text/plain; charset=utf-8", text: "not found\n" });
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    if (this.#streams.size >= mostStreams) {
      end(response, 503, { type: "text/plain; charset=utf-8", text: "too many pages are open\n" });
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    const stream = new Stream(response);
    this.#streams.add(stream);
    response.once("close", () => this.#streams.delete(stream));
    response.write(`retry: ${retryMs}\n\n`);
    stream.send(eventOf(this.parts.watch.state));
  }
}

/** One page that listens. Whoever reads too slowly misses states, each of which is whole, and gets the last one. */
class Stream {
  #next: string | undefined;

  constructor(private readonly response: ServerResponse) {
    response.on("drain", () => {
      const next = this.#next;
      this.#next = undefined;
      if (next !== undefined) response.write(next);
    });
  }

  send(event: string): void {
    if (this.response.writableNeedDrain) this.#next = event;
    else this.response.write(event);
  }
}

/** A state as a server-sent event. JSON has no line breaks, which would end it. */
function eventOf(state: PageState): string {
  return `event: state\ndata: ${JSON.stringify(state)}\n\n`;
}

function end(response: ServerResponse, status: number, { type, text }: PageFile): void {
  response.writeHead(status, { "content-type": type });
  response.end(text);
}
