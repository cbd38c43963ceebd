import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A TCP line to a server of this machine that can be cut: connections break, and new ones end at once. */
export class Line implements AsyncDisposable {
  readonly #open = new Set<Socket>();
  readonly #servers: Server[] = [];
  #isCut = false;

  private constructor(
    private readonly target: number,
    readonly port: number,
  ) {}

  static async to(target: number): Promise<Line> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const line = new Line(target, (server.address() as AddressInfo).port);
    line.serve(server);
    return line;
  }

  /** Whoever connects to one more server that listens gets to the same target. It ends with the line. */
  serve(server: Server): void {
    this.#servers.push(server);
    server.on("connection", (socket) => {
      this.#join(socket);
    });
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await Promise.all(this.#servers.map((server) => once(server.close(), "close")));
  }

  #join(socket: Socket): void {
    if (this.#isCut) {
      socket.destroy();
      return;
    }
    const other = connect(this.target, "127.0.0.1");
    for (const [end, far] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#open.add(end);
      end.on("error", () => far.destroy());
      end.on("close", () => {
        this.#open.delete(end);
        far.destroy();
      });
    }
    socket.pipe(other).pipe(socket);
  }
}
