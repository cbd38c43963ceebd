import { createServer, type Server } from "node:http";
import type { Server as SocketServer, Socket } from "node:net";

import { listenInside } from "../../lab/inside";

/**
 * A web server that can be ended, slowed down and started again: a pool's target. It is on an address of the loopback interface,
 * or of another network namespace.
 */
export class HttpTarget implements AsyncDisposable {
  #server: Server | undefined;
  /** Where it listens, when that is in another network. */
  #inside: SocketServer | undefined;
  readonly #sockets = new Set<Socket>();
  /** Status of its answers. */
  status = 200;
  /** Milliseconds before each. */
  delayMs = 0;
  /** Requests that it had. */
  asked = 0;

  constructor(
    readonly address: string,
    readonly port: number,
    /** What a command must begin with to run in its network. */
    private readonly enter: readonly string[] = [],
  ) {}

  async start(): Promise<void> {
    const server = createServer((_, response) => {
      this.asked++;
      setTimeout(() => response.writeHead(this.status).end(), this.delayMs);
    });
    if (this.enter.length > 0) {
      this.#inside = await listenInside(this.enter, this.port, this.address);
      this.#inside.on("connection", (socket) => {
        this.#sockets.add(socket.once("close", () => this.#sockets.delete(socket)));
        server.emit("connection", socket);
      });
    } else
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
    const inside = this.#inside;
    this.#inside = undefined;
    server.closeAllConnections();
    if (inside === undefined) await new Promise((resolve) => server.close(resolve));
    else {
      // It listens no more at once; what it waits for are connections, of which HTTP's server knows those with a request.
      inside.close();
      for (const socket of this.#sockets) socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
