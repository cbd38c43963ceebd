import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/**
 * Takes connections and says nothing, as a load balancer does whose pods are away, or a machine that hangs. Disposing ends
 * it and its connections.
 */
export class SilentServer implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();
  #taken = 0;

  private constructor() {
    // Made by start().
  }

  /** @param ports - at the address, over TCP */
  static async start(address: string, ports: readonly number[]): Promise<SilentServer> {
    const silent = new SilentServer();
    for (const port of ports) {
      const server = createServer((connection) => {
        silent.#take(connection);
      });
      silent.#servers.push(server);
      server.listen(port, address);
      await once(server, "listening");
    }
    return silent;
  }

  /** Connections that it took. */
  get taken(): number {
    return this.#taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await Promise.all(this.#servers.map((server) => once(server.close(), "close")));
  }

  #take(connection: Socket): void {
    this.#taken += 1;
    this.#connections.add(connection);
    connection.on("error", () => undefined);
    connection.on("close", () => this.#connections.delete(connection));
    // Read, so that an end at the other side is noticed.
    connection.resume();
  }
}
