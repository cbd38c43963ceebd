import { connect as connectPlainly, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";

import { frameMessage } from "../../dns/framing";
import { encodeMessage } from "../../dns/message";
import { queryMessage } from "../../dns/request";
import type { RelayTarget } from "../../knot/config/remotes";

/** Where a {@link ServerLook} goes, and what is spoken there. */
export interface LookedAt extends Pick<RelayTarget, "port" | "speaks"> {
  readonly host: string;
  /** What it is asked, where DNS is spoken. @default for what nobody has */
  readonly question?: Uint8Array;
}

const emptyQuestion = encodeMessage(queryMessage({ id: 0, name: "", type: "SOA" }));

/** In milliseconds: until a server takes a connection, and from then on until it says something. */
export interface Patience {
  readonly connectMs: number;
  readonly answerMs: number;
  /** From then on until it is called a second time, at least. @default never */
  readonly secondMs?: number;
}

/**
 * Finds out whether a server says anything. That it takes a connection is not enough: a load balancer takes it for pods
 * that are away, and the kernel for a process that hangs. What it says is between the two Knots: any octet will do.
 */
export class ServerLook {
  readonly #socket: Socket;
  /** Milliseconds from the connection until it said something; undefined where it did not before the time was over. */
  readonly took: Promise<number | undefined>;
  #isConnected = false;

  constructor({ host, port, speaks, question = emptyQuestion }: LookedAt, patience: Patience) {
    const socket = connectPlainly({ host, port, noDelay: true });
    socket.on("error", () => undefined);
    this.#socket = socket;
    this.took = new Promise((resolve) => {
      let connectedAt = 0;
      const end = (): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(socket.bytesRead > 0 ? performance.now() - connectedAt : undefined);
      };
      const endWithin = (ms: number, isOver: () => boolean): NodeJS.Timeout =>
        setTimeout(() => {
          whenRead(() => {
            if (isOver()) end();
          });
        }, ms);
      let timer = endWithin(patience.connectMs, () => socket.connecting);
      socket.once("connect", () => {
        clearTimeout(timer);
        connectedAt = performance.now();
        this.#isConnected = true;
        timer = endWithin(patience.answerMs, () => true);
      });
      socket.once("close", end);
      if (speaks === "tls") greet(socket, end);
      else ask(socket, question, end);
    });
  }

  /** Whether the server took the connection. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Ends it, as one that heard nothing. */
  end(): void {
    this.#socket.destroy();
  }
}

/** When what lies in sockets has been read: a process that had no CPU for long comes to its timers first. */
export function whenRead(then: () => void): void {
  setImmediate(then);
}

function ask(socket: Socket, question: Uint8Array, end: () => void): void {
  socket.once("connect", () => socket.write(frameMessage(question)));
  socket.once("data", end);
}

/** Begins a handshake, which is refused later than it is answered. */
function greet(socket: Socket, end: () => void): void {
  const secure = connectSecurely({ socket, rejectUnauthorized: false });
  for (const event of ["secureConnect", "error", "end"]) secure.once(event, end);
  secure.on("error", () => undefined);
}
