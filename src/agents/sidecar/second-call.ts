import type { Socket } from "node:net";

import { whenRead } from "./server-look";

/** Octets that Knot may have said by then. */
const mostSaid = 65_536;

/** What {@link callAgain} works with. */
export interface SecondCallParts {
  /** Knot's connection, which is handed on to the first one. */
  readonly local: Socket;
  /** Milliseconds without a word of the server's until it is called again. */
  readonly afterMs: number;
  /** Whether Knot has said something, and the first one nothing. */
  readonly isUnanswered: () => boolean;
  readonly connect: () => Socket;
  /** The second one has spoken first, so many milliseconds after it was called: the first one is to end. */
  readonly spoke: (second: Socket, took: number) => void;
}

/**
 * Calls a server a second time when it has said nothing for a while: behind a load balancer another one may answer. What Knot
 * has said until then is said to both, and who speaks first is the one that it speaks to. A handshake that began twice, and a
 * question, change nothing at either.
 *
 * @returns what ends the attempt, since the first one has spoken.
 */
export function callAgain({ local, afterMs, isUnanswered, connect, spoke }: SecondCallParts): () => void {
  const said: Buffer[] = [];
  let second: Socket | undefined;
  let isOver = false;
  const listen = (piece: Buffer): void => {
    said.push(piece);
    second?.write(piece);
  };
  const call = (): void => {
    const octets = said.reduce((sum, { length }) => sum + length, 0);
    if (isOver || !isUnanswered() || local.readableEnded || octets > mostSaid) return;
    const calledAt = performance.now();
    const socket = connect();
    second = socket;
    socket.write(Buffer.concat(said));
    socket.once("data", (piece: Buffer) => {
      rest();
      spoke(socket, performance.now() - calledAt);
      local.unpipe();
      local.write(piece);
      local.pipe(socket).pipe(local);
    });
  };
  const timer = setTimeout(() => {
    whenRead(call);
  }, afterMs);
  const rest = (): void => {
    clearTimeout(timer);
    local.off("data", listen);
  };
  const end = (): void => {
    isOver = true;
    rest();
    second?.destroy();
  };
  local.on("data", listen);
  local.once("close", end);
  return end;
}
