import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A way to an API server that can be cut: connections break, and no new ones come about. */
export class ApiProxy implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  private constructor(private readonly target: URL) {}

  static async start(target: URL): Promise<ApiProxy> {
    const proxy = new ApiProxy(target);
    await proxy.mend();
    return proxy;
  }

  /** Lets connections through (again), at the same port. */
  async mend(): Promise<void> {
    this.#server = createServer((client) => {
      const server = connect(Number(this.target.port), this.target.hostname);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    }).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }
}
