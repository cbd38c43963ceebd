import { DnsError, malformed } from "./errors";
import { encodeLabels, formatLabel, labelsOf, maxNameLength, parseName, plainOctets } from "./name";

/** Octets that a message may have: what fits behind the two length octets of TCP (RFC 1035 section 4.2.2). */
export const maxMessageLength = 0xffff;

/** Offsets that a compression pointer can reach (RFC 1035 section 4.1.4). */
const maxPointer = 0x3fff;

/** A name has at most 127 labels, so that more pointers than that are a trap. */
const maxPointers = 127;

interface DecodedName {
  readonly text: string;
  readonly wireLength: number;
  /** Offset behind the name where it stands. */
  readonly end: number;
}

/** Reads a message from its first octet to its last. Everything throws DnsError `malformed` beyond the end. */
export class WireReader {
  readonly #view: Buffer;
  readonly #names = new Map<number, DecodedName>();
  readonly #allowsPointers: boolean;
  offset: number;

  /**
   * @param options.offset - Where reading starts. @default 0
   * @param options.allowsPointers - Whether names may be compressed; octets outside of a message have nothing to point to. @default true
   */
  constructor(bytes: Uint8Array, options: { readonly offset?: number; readonly allowsPointers?: boolean } = {}) {
    this.#view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = options.offset ?? 0;
    this.#allowsPointers = options.allowsPointers ?? true;
  }

  get length(): number {
    return this.#view.length;
  }

  u8(): number {
    return this.#view.readUInt8(this.#advance(1));
  }

  u16(): number {
    return this.#view.readUInt16BE(this.#advance(2));
  }

  u32(): number {
    return this.#view.readUInt32BE(this.#advance(4));
  }

  /** The 48 bits of TSIG's time (RFC 8945 section 4.2). */
  u48(): number {
    return this.#view.readUIntBE(this.#advance(6), 6);
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    const start = this.#advance(length);
    return this.#view.subarray(start, start + length);
  }

  /** A character-string (RFC 1035 section 3.3), one character per octet. */
  characterString(): string {
    return this.latin1(this.u8());
  }

  latin1(length: number): string {
    const start = this.#advance(length);
    return this.#view.toString("latin1", start, start + length);
  }

  /** A name, normalised. Pointers lead strictly backwards, and there is a limit on how many are followed. */
  name(): string {
    const start = this.offset;
    const { text, wireLength, end } = this.#nameAt(start, 0);
    if (!this.#allowsPointers && wireLength !== end - start) malformed("a compressed name where none may be");
    this.offset = end;
    return text;
  }

  /** Steps over a name without looking at where its pointer leads. */
  skipName(): void {
    for (;;) {
      const length = this.u8();
      if (length === 0) return;
      if (length >= 0xc0) {
        this.u8();
        return;
      }
      if (length > 63) malformed("an unknown label type");
      this.#advance(length);
    }
  }

  #advance(length: number): number {
    const start = this.offset;
    if (start + length > this.#view.length) malformed("the message ends too early");
    this.offset = start + length;
    return start;
  }

  #nameAt(start: number, pointers: number): DecodedName {
    const seen = this.#names.get(start);
    if (seen !== undefined) return seen;
    if (pointers > maxPointers) malformed("too many compression pointers");
    const view = this.#view;
    let text = "";
    let wireLength = 1;
    let at = start;
    for (;;) {
      const length = view[at] ?? malformed("a name without an end");
      if (length === 0) return this.#remember(start, { text, wireLength, end: at + 1 });
      if (length > 63) break;
      wireLength += length + 1;
      if (wireLength > maxNameLength) malformed("a name over 255 octets");
      text += (at === start ? "" : ".") + this.#label(at + 1, at + 1 + length);
      at += length + 1;
    }
    const tail = this.#tail(start, at, pointers);
    wireLength += tail.wireLength - 1;
    if (wireLength > maxNameLength) malformed("a name over 255 octets");
    const joint = text === "" || tail.text === "" ? "" : ".";
    return this.#remember(start, { text: text + joint + tail.text, wireLength, end: at + 2 });
  }

  /** The rest of the name that started at `start`, by the pointer at `at`. */
  #tail(start: number, at: number, pointers: number): DecodedName {
    const high = this.#view[at] ?? 0;
    if (high < 0xc0) malformed("an unknown label type");
    const low = this.#view[at + 1] ?? malformed("a name without an end");
    const target = ((high & 0x3f) << 8) | low;
    if (target >= start) malformed("a compression pointer that does not lead back");
    return this.#nameAt(target, pointers + 1);
  }

  #remember(start: number, name: DecodedName): DecodedName {
    this.#names.set(start, name);
    return name;
  }

  #label(start: number, end: number): string {
    const view = this.#view;
    if (end > view.length) malformed("a name without an end");
    for (let at = start; at < end; at++)
      if (plainOctets[view[at] ?? 0] !== 1) return formatLabel(view.subarray(start, end));
    return view.toString("latin1", start, end);
  }
}

/** Writes a message, growing as needed. @throws DnsError `tooLarge` beyond 65,535 octets. */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;
  readonly #suffixes = new Map<string, number>();
  readonly #compresses: boolean;

  /** @param options.compresses - Whether names may be compressed at all; what leaves the message may not. @default true */
  constructor(options: { readonly compresses?: boolean } = {}) {
    this.#compresses = options.compresses ?? true;
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#bytes.writeUInt8(inRange(value, 0xff), at);
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#bytes.writeUInt16BE(inRange(value, 0xffff), at);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#bytes.writeUInt32BE(inRange(value, 0xffffffff), at);
  }

  bytes(octets: Uint8Array): void {
    const at = this.#grow(octets.length);
    this.#bytes.set(octets, at);
  }

  characterString(text: string): void {
    if (text.length > 255) malformed("a character string over 255 octets");
    this.u8(text.length);
    this.latin1(text);
  }

  latin1(text: string): void {
    if (/[^\0-\xff]/.test(text)) malformed("a character that is no octet");
    const at = this.#grow(text.length);
    this.#bytes.write(text, at, "latin1");
  }

  /** A name, compressed against those already written where RFC 3597 section 4 allows it. */
  name(text: string, compress: boolean): void {
    const labels = labelsOf(parseName(text));
    if (!this.#compresses) {
      for (const label of labels) this.#label(label);
      this.u8(0);
      return;
    }
    for (let i = 0; i < labels.length; i++) {
      const suffix = labels.slice(i).join(".");
      const known = this.#suffixes.get(suffix);
      if (compress && known !== undefined) {
        this.u16(0xc000 | known);
        return;
      }
      if (known === undefined && this.#length <= maxPointer) this.#suffixes.set(suffix, this.#length);
      this.#label(labels[i] ?? "");
    }
    this.u8(0);
  }

  /** What `write` writes, behind its length in two octets. */
  lengthPrefixed(write: () => void): void {
    const at = this.#length;
    this.u16(0);
    write();
    this.#bytes.writeUInt16BE(this.#length - at - 2, at);
  }

  /** Begins anew. */
  clear(): void {
    this.#length = 0;
    this.#suffixes.clear();
  }

  /** A copy of what was written. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #label(label: string): void {
    const octets = label.includes("\\") ? encodeLabels(label)[0] : undefined;
    if (octets === undefined) {
      this.characterString(label);
    } else {
      this.u8(octets.length);
      this.bytes(octets);
    }
  }

  /** Makes room and returns where it starts. The buffer may be another one afterwards. */
  #grow(length: number): number {
    const start = this.#length;
    const needed = start + length;
    if (needed > maxMessageLength) throw new DnsError({ kind: "tooLarge", limit: "octets" });
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(maxMessageLength, Math.max(needed, this.#bytes.length * 2)));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    this.#length = needed;
    return start;
  }
}

function inRange(value: number, max: number): number {
  return Number.isInteger(value) && value >= 0 && value <= max ? value : malformed(`a number out of range: ${value}`);
}
