/** A message behind its length, as TCP carries it (RFC 1035 section 4.2.2). */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 2);
  frame.writeUInt16BE(message.length);
  frame.set(message, 2);
  return frame;
}

/** Cuts a TCP stream into messages. Holds at most one unfinished message. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #length = 0;

  /** Octets that belong to no whole message yet. */
  get pending(): number {
    return this.#length;
  }

  /** Takes what arrived; returns the messages that are whole now, which may be pieces of it. What is left is kept as a copy. */
  push(chunk: Uint8Array): Buffer[] {
    if (this.#length === 0) return this.#cut(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#keep(chunk);
    return this.#length < this.#needed() ? [] : this.#cut(Buffer.concat(this.#chunks));
  }

  #cut(all: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    let at = 0;
    while (at + 2 <= all.length && at + 2 + all.readUInt16BE(at) <= all.length) {
      const end = at + 2 + all.readUInt16BE(at);
      messages.push(all.subarray(at + 2, end));
      at = end;
    }
    this.#chunks = [];
    this.#length = 0;
    if (at < all.length) this.#keep(all.subarray(at));
    return messages;
  }

  #keep(octets: Uint8Array): void {
    this.#chunks.push(Buffer.from(octets));
    this.#length += octets.length;
  }

  /** Octets that the first message takes, its length included; 2 while the length itself is not known. */
  #needed(): number {
    const first = this.#chunks[0];
    if (first === undefined || first.length < 2) return 2;
    return 2 + (first[0] ?? 0) * 256 + (first[1] ?? 0);
  }
}
