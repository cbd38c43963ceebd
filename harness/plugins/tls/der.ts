/** Universal tags of X.690 that certificates use. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  derSequence: 0x30,
  set: 0x31,
} as const;

/** One value in its encoded form (X.690 §8.1). */
export function value(tag: number, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const digits = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, body]);
}

/** SEQUENCE of values. */
export function sequence(...items: Uint8Array[]): Buffer {
  return value(tags.derSequence, ...items);
}

/** A non-negative INTEGER from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(start));
  return value(tags.integer, (digits[0] ?? 0) & 0x80 ? Buffer.from([0]) : Buffer.alloc(0), digits);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return value(tags.objectId, Buffer.from(bytes));
}

/** BIT STRING of whole bytes, or of flags counted from the left. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return value(tags.bitString, Buffer.from([unusedBits]), bytes);
}

/** Named bits (X.680 §22.7): trailing zeros are left out. */
export function namedBits(positions: readonly number[]): Buffer {
  if (positions.length === 0) return bitString(Buffer.alloc(0));
  const highest = Math.max(...positions);
  const bytes = Buffer.alloc((highest >> 3) + 1);
  for (const position of positions) bytes[position >> 3] = (bytes[position >> 3] ?? 0) | (0x80 >> (position & 7));
  return bitString(bytes, 7 - (highest & 7));
}

/** Time as RFC 5280 §4.1.2.5 wants it: UTCTime up to 2049. */
export function time(at: Date): Buffer {
  const text = `${at.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return at.getUTCFullYear() < 2050
    ? value(tags.utcTime, Buffer.from(text.slice(2)))
    : value(tags.generalizedTime, Buffer.from(text));
}

/** A value that was read: its tag, its contents, and itself with both. */
export interface Element {
  readonly tag: number;
  readonly contents: Buffer;
  readonly whole: Buffer;
}

/** The values that stand in a row in the bytes. Throws RangeError when they are cut off. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const short = bytes.readUInt8(at + 1);
    const digits = short & 0x80 ? short & 0x7f : 0;
    const length = digits > 0 ? bytes.readUIntBE(at + 2, digits) : short;
    const start = at + 2 + digits;
    if (start + length > bytes.length) throw new RangeError("DER value is cut off");
    found.push({
      tag: bytes.readUInt8(at),
      contents: bytes.subarray(start, start + length),
      whole: bytes.subarray(at, start + length),
    });
    at = start + length;
  }
  return found;
}

/** The value at a path of positions inside nested values. Throws RangeError when there is none. */
export function elementAt(bytes: Buffer, ...path: number[]): Element {
  let current: Element | undefined;
  for (const index of path) {
    current = elements(current?.contents ?? bytes)[index];
    if (!current) throw new RangeError(`no DER value at ${path.join(".")}`);
  }
  if (!current) throw new RangeError("no DER value");
  return current;
}

/** PEM text of some bytes, with the last newline that Go writes. */
export function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The bytes of the first PEM block with the label. Throws an Error that names the label. */
export function fromPem(label: string, text: string): Buffer {
  const match = new RegExp(`-----BEGIN ${label}-----([\\s\\S]+?)-----END ${label}-----`).exec(text);
  if (!match) throw new Error(`there is no PEM block "${label}"`);
  return Buffer.from(match[1] ?? "", "base64");
}
