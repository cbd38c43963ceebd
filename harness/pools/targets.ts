import { createServer, type Server } from "node:http";

/** A web server on an address of the loopback interface that can be ended, slowed down and started again: a pool's target. */
export class HttpTarget implements AsyncDisposable {
  #server: Server | undefined;
  /** Status of its answers. */
  status = 200;
  /** Milliseconds before each. */
  delayMs = 0;
  /** Requests that it had. */
  asked = 0;

  constructor(
    readonly address: string,
    readonly port: number,
  ) {}

  async start(): Promise<void> {
    const server = createServer((_, response) => {
      this.asked++;
      setTimeout(() => response.writeHead(this.status).end(), this.delayMs);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(this.port, this.address, resolve);
    });
    this.#server = server;
  }

  /** Ends it: its port refuses connections from then on. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
