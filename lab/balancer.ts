import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Milliseconds without a datagram after which a flow's next one may go to another pod. */
const flowMs = 5000;

/** What the kernel says of an address whose route is a black hole, to a socket of its own; a packet that it forwards is dropped. */
const blackHole = "EINVAL";

/** What a {@link Balancer} stands in front of. */
export interface BalancerOptions {
  readonly address: string;
  readonly ports: readonly number[];
  /** Addresses of the pods that get traffic, the same ports. */
  readonly pods: () => readonly string[];
}

interface Flow {
  readonly socket: UdpSocket;
  readonly timer: NodeJS.Timeout;
  readonly close: () => void;
  isConnected: boolean;
}

/**
 * What a Service is to a site with several pods: one address, behind which each connection, and each source port over UDP,
 * gets to one pod. They take turns, so that a test meets all of them.
 */
export class Balancer implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #sockets: UdpSocket[] = [];
  readonly #flows = new Map<string, Flow>();
  readonly #connections = new Set<Socket>();
  #turn = 0;

  private constructor(private readonly options: BalancerOptions) {}

  static async start(options: BalancerOptions): Promise<Balancer> {
    const balancer = new Balancer(options);
    for (const port of options.ports) await balancer.#listen(port);
    return balancer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    for (const { socket, timer } of this.#flows.values()) {
      clearTimeout(timer);
      socket.close();
    }
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#servers.map((server) => once(server.close(), "close")));
  }

  async #listen(port: number): Promise<void> {
    const { address } = this.options;
    const udp = createSocket("udp4");
    udp.on("message", (message, from) => {
      this.#forward(udp, message, from);
    });
    const tcp = createServer((client) => {
      this.#pipe(client, port);
    });
    this.#sockets.push(udp);
    this.#servers.push(tcp);
    udp.bind(port, address);
    tcp.listen(port, address);
    await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  }

  #next(): string | undefined {
    const pods = this.options.pods();
    return pods[this.#turn++ % Math.max(1, pods.length)];
  }

  #forward(front: UdpSocket, message: Buffer, from: { readonly address: string; readonly port: number }): void {
    const { port } = front.address();
    const key = `${port} ${from.address} ${from.port}`;
    const standing = this.#flows.get(key);
    const pod = standing === undefined ? this.#next() : undefined;
    if (standing === undefined && pod === undefined) return;
    const flow = standing ?? this.#open(front, key, from);
    flow.timer.refresh();
    if (pod === undefined) {
      // Until the pod's link is looked up, datagrams are lost, as they may be.
      if (flow.isConnected) flow.socket.send(message);
      return;
    }
    // Node calls back with what went wrong, of which its types know nothing.
    const connected = (error?: Error | null): void => {
      if (error) {
        flow.close();
        return;
      }
      flow.isConnected = true;
      flow.socket.send(message);
    };
    flow.socket.connect(port, pod, connected);
  }

  #open(front: UdpSocket, key: string, from: { readonly address: string; readonly port: number }): Flow {
    const socket = createSocket("udp4");
    const close = (): void => {
      if (!this.#flows.delete(key)) return;
      clearTimeout(flow.timer);
      socket.close();
    };
    const flow: Flow = { socket, isConnected: false, close, timer: setTimeout(close, flowMs).unref() };
    socket.on("message", (answer) => {
      front.send(answer, from.port, from.address);
    });
    // A pod that went: the next datagram goes to another one.
    socket.on("error", close);
    this.#flows.set(key, flow);
    return flow;
  }

  #pipe(client: Socket, port: number): void {
    const pod = this.#next();
    if (pod === undefined) {
      client.destroy();
      return;
    }
    const server = connect(port, pod);
    let isLost = false;
    for (const end of [client, server]) {
      end.setNoDelay(true);
      this.#connections.add(end);
      end.on("close", () => this.#connections.delete(end));
    }
    client.on("error", () => server.destroy());
    client.on("close", () => server.end());
    server.on("error", (error: NodeJS.ErrnoException) => {
      isLost = error.code === blackHole;
      if (!isLost) client.destroy();
    });
    server.on("close", () => {
      // What is sent to a cut site is lost without a word: nobody tells the client, which is read on so that its end is noticed.
      if (isLost) client.unpipe().resume();
      else client.end();
    });
    client.pipe(server);
    server.pipe(client);
  }
}
