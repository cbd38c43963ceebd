import { malformed } from "./errors";
import { headerLength } from "./message";
import { encodeName } from "./name";
import { WireReader } from "./wire";

/** The TSIG record of a message (RFC 8945 section 4.2) and where it starts. */
export interface TsigRecord {
  /** Offset of the record: the signed octets end here. */
  readonly offset: number;
  readonly keyName: string;
  readonly algorithm: string;
  /** Seconds since 1970. */
  readonly timeSigned: number;
  /** Seconds of tolerance in both directions. */
  readonly fudge: number;
  readonly mac: Buffer;
  readonly originalId: number;
  readonly error: number;
  readonly other: Buffer;
}

/** Extended errors (RFC 8945 section 4.2 and IANA). */
export const tsigErrors = { badSignature: 16, badKey: 17, badTime: 18, badTruncation: 22 } as const;

const tsigType = 250;
const anyClass = 255;

/**
 * Finds the TSIG record by stepping over all others, without decoding them.
 *
 * @returns `undefined` for an unsigned message.
 * @throws DnsError `malformed` when a TSIG record is not the last one, or occurs twice (section 5.1).
 */
export function locateTsig(message: Uint8Array): TsigRecord | undefined {
  const reader = new WireReader(message, { offset: 4 });
  const questions = reader.u16();
  const records = reader.u16() + reader.u16();
  const additionals = reader.u16();
  for (let i = 0; i < questions; i++) {
    reader.skipName();
    reader.take(4);
  }
  for (let left = records + additionals; left > 0; left--) {
    const offset = reader.offset;
    reader.skipName();
    if (reader.u16() === tsigType) return left === 1 && additionals > 0 ? readTsig(reader, offset) : misplaced();
    reader.take(6);
    reader.take(reader.u16());
  }
  return undefined;
}

/** The record as octets, never compressed. */
export function encodeTsig(tsig: Omit<TsigRecord, "offset">): Buffer {
  const end = Buffer.alloc(6);
  end.writeUInt16BE(tsig.originalId, 0);
  end.writeUInt16BE(tsig.error, 2);
  end.writeUInt16BE(tsig.other.length, 4);
  const rdata = Buffer.concat([
    encodeName(tsig.algorithm),
    encodeTimers(tsig),
    uint16(tsig.mac.length),
    tsig.mac,
    end,
    tsig.other,
  ]);
  const fixed = Buffer.from([0, tsigType, 0, anyClass, 0, 0, 0, 0]);
  return Buffer.concat([encodeName(tsig.keyName), fixed, uint16(rdata.length), rdata]);
}

/** Time and fudge as they stand on the wire (section 4.2) and in digests (section 4.3.3). */
export function encodeTimers(tsig: Pick<TsigRecord, "timeSigned" | "fudge">): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeUIntBE(tsig.timeSigned, 0, 6);
  octets.writeUInt16BE(tsig.fudge, 6);
  return octets;
}

/** 16 bits in network order. */
export function uint16(value: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16BE(value);
  return octets;
}

function misplaced(): never {
  return malformed("a TSIG record that is not the last one");
}

function readTsig(reader: WireReader, offset: number): TsigRecord {
  reader.offset = offset;
  const keyName = reader.name();
  reader.take(2);
  if (reader.u16() !== anyClass || reader.u32() !== 0) malformed("a TSIG record with a wrong class or TTL");
  const end = reader.u16() + reader.offset;
  const algorithm = reader.name();
  const timeSigned = reader.u48();
  const fudge = reader.u16();
  const mac = reader.take(reader.u16());
  const originalId = reader.u16();
  const error = reader.u16();
  const other = reader.take(reader.u16());
  if (reader.offset !== end || end !== reader.length || offset < headerLength) malformed("a TSIG record cut or padded");
  return { offset, keyName, algorithm, timeSigned, fudge, mac, originalId, error, other };
}
