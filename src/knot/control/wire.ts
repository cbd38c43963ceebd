import { connect, type Socket } from "node:net";

import { TransientError } from "../../base/errors";

/** Unit types of Knot's control protocol (libknot, control.c). DATA and EXTRA carry items, END and BLOCK carry none. */
const unit = { end: 0, data: 1, extra: 2, block: 3 } as const;

/** Items start here; what is below is a unit type. */
const itemOffset = 16;
const itemCount = 12;

/** A status of 100,000 zones is some 20 MB. */
const mostOctets = 128 * 1024 * 1024;

/** Items that are used here, by their place in `knot_ctl_idx_t`. */
export const item = {
  command: 0,
  flags: 1,
  error: 2,
  section: 3,
  item: 4,
  id: 5,
  zone: 6,
  owner: 7,
  ttl: 8,
  type: 9,
  data: 10,
  filters: 11,
} as const;

/** What one unit of an answer says, by item. Good until the next unit comes: answers about many zones have many units. */
export type Unit = ReadonlyMap<number, string>;

/** A command with what goes with it; `flags` and `filters` are single letters of Knot's. */
export interface ControlCommand {
  readonly command: string;
  readonly flags?: string;
  readonly filters?: string;
  readonly owner?: string;
  readonly ttl?: string;
  readonly type?: string;
  readonly data?: string;
}

/** One DATA unit, or one for each zone, and BLOCK, which makes Knot answer. */
export function encodeRequest(command: ControlCommand, zones: readonly string[] | undefined): Buffer {
  const common = Object.entries(command).map(([name, value]) =>
    encodeItem(item[name as keyof ControlCommand], value as string),
  );
  const units = (zones ?? [undefined]).flatMap((zone) => [
    Buffer.of(unit.data),
    ...common,
    ...(zone === undefined ? [] : [encodeItem(item.zone, `${zone}.`)]),
  ]);
  return Buffer.concat([...units, Buffer.of(unit.block)]);
}

function encodeItem(index: number, text: string): Buffer {
  const value = Buffer.from(text, "utf8");
  const head = Buffer.alloc(3);
  head.writeUInt8(itemOffset + index, 0);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}

/**
 * Sends one request over a control socket and hands over units until Knot says BLOCK or END.
 *
 * @throws TransientError when Knot does not answer, or not in this protocol.
 */
export function exchange(call: {
  path: string;
  timeoutMs: number;
  request: Buffer;
  take: (unit: Unit) => void;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(call.path);
    const reader = new UnitReader(call.take);
    const timer = setTimeout(() => {
      finish(new TransientError(`Knot did not answer on its control socket within ${call.timeoutMs} ms`));
    }, call.timeoutMs);
    const finish = (error: Error | undefined): void => {
      clearTimeout(timer);
      endSession(socket);
      if (error) reject(error);
      else resolve();
    };
    socket.on("error", (error) => {
      finish(new TransientError(`Knot's control socket: ${error.message}`, { cause: error }));
    });
    socket.on("close", () => {
      finish(new TransientError("Knot closed its control socket in the middle of an answer"));
    });
    socket.on("data", (bytes) => {
      try {
        if (reader.push(bytes)) finish(undefined);
      } catch (error) {
        finish(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.write(call.request);
  });
}

/** Tells Knot that no further command comes, so that it need not wait for its own time-out. */
function endSession(socket: Socket): void {
  socket.removeAllListeners();
  socket.on("error", () => undefined);
  socket.end(Buffer.of(unit.end));
}

/** Takes an answer apart however it is cut into reads. */
class UnitReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #items = new Map<number, string>();
  #open = false;
  #octets = 0;

  constructor(private readonly take: (unit: Unit) => void) {}

  /**
   * Returns whether the answer is whole.
   *
   * @throws TransientError for octets that are none of this protocol, or far too many.
   */
  push(bytes: Buffer): boolean {
    this.#octets += bytes.length;
    if (this.#octets > mostOctets) throw new TransientError(`Knot's answer is longer than ${mostOctets} octets`);
    let buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const code = buffer.at(0);
      if (code === undefined) break;
      if (code < itemOffset) {
        this.#close();
        if (code === unit.block || code === unit.end) return true;
        this.#open = true;
        buffer = buffer.subarray(1);
        continue;
      }
      if (!this.#open || code >= itemOffset + itemCount)
        throw new TransientError(`unknown code ${code} in an answer; is this Knot's control socket?`);
      if (buffer.length < 3 || buffer.length < 3 + buffer.readUInt16BE(1)) break;
      const length = buffer.readUInt16BE(1);
      this.#items.set(code - itemOffset, buffer.toString("utf8", 3, 3 + length));
      buffer = buffer.subarray(3 + length);
    }
    this.#rest = buffer;
    return false;
  }

  #close(): void {
    if (this.#open) this.take(this.#items);
    this.#open = false;
    this.#items.clear();
  }
}
