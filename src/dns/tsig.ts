import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";

import { DnsError, malformed } from "./errors";
import { headerLength } from "./message";
import { encodeName, parseName } from "./name";
import type { TsigKey } from "./tsig-key";
import { encodeTimers, encodeTsig, locateTsig, tsigErrors, type TsigRecord, uint16 } from "./tsig-record";
import { rcodeName } from "./types";
import { maxMessageLength } from "./wire";

type Digest = ReturnType<typeof createHmac>;

const hashes: Readonly<Record<TsigKey["algorithm"], { readonly hash: string; readonly length: number }>> = {
  "hmac-sha256": { hash: "sha256", length: 32 },
  "hmac-sha384": { hash: "sha384", length: 48 },
  "hmac-sha512": { hash: "sha512", length: 64 },
};

/** What {@link signMessage} needs. */
export interface SignRequest {
  /** The whole message without TSIG. */
  readonly message: Uint8Array;
  readonly key: TsigKey;
  /** Seconds since 1970. */
  readonly now: number;
  /** Seconds. @default 300 (RFC 8945 section 10) */
  readonly fudge?: number;
  /** MAC of the request, when a response is signed (section 5.3). */
  readonly requestMac?: Uint8Array;
  /** TSIG error and other data, for a BADTIME response (section 5.2.3). */
  readonly error?: { readonly code: number; readonly other: Uint8Array };
}

/** A signed message, and the MAC that its response's signature covers. */
export interface SignedMessage {
  readonly bytes: Buffer;
  readonly mac: Buffer;
}

/**
 * Appends a TSIG record (RFC 8945 section 5.1).
 *
 * @throws DnsError `malformed` for what is no message or has no room for another record, `tooLarge` beyond 65,535 octets.
 */
export function signMessage(request: SignRequest): SignedMessage {
  const message = Buffer.from(request.message);
  if (message.length < headerLength || message.readUInt16BE(10) === 0xffff)
    malformed("a message that cannot be signed");
  const unsigned = {
    keyName: parseName(request.key.name),
    algorithm: request.key.algorithm,
    timeSigned: request.now,
    fudge: request.fudge ?? 300,
    originalId: message.readUInt16BE(0),
    error: request.error?.code ?? 0,
    other: Buffer.from(request.error?.other ?? []),
  };
  const hmac = startDigest(request.key, request.requestMac).update(message).update(encodeVariables(unsigned));
  const mac = hmac.digest();
  message.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  const bytes = Buffer.concat([message, encodeTsig({ ...unsigned, mac })]);
  if (bytes.length > maxMessageLength) throw new DnsError({ kind: "tooLarge", limit: "octets" });
  return { bytes, mac };
}

/** What {@link verifyMessage} needs. */
export interface VerifyRequest {
  readonly message: Uint8Array;
  /** Every key that is accepted. */
  readonly keys: readonly TsigKey[];
  /** Seconds since 1970. */
  readonly now: number;
  /** MAC of our request, when a response is verified. */
  readonly requestMac?: Uint8Array;
}

/** What a verified signature tells. */
export interface VerifiedMessage {
  readonly key: TsigKey;
  /** Goes into the signature of the response, or of the stream's next message. */
  readonly mac: Buffer;
  /** Where the message ends without its TSIG record. */
  readonly end: number;
}

/**
 * Verifies a request or a single response (RFC 8945 sections 5.2 and 5.3): key, then MAC, then time, then truncation.
 *
 * @throws DnsError `unsigned`, `badKey`, `badSignature`, `badTime`, `badTruncation` or `malformed`. With `by: "peer"`
 * it is what a response says of our request; BADKEY and BADSIG responses are unsigned, so take them as a hint only.
 */
export function verifyMessage(request: VerifyRequest): VerifiedMessage {
  const tsig = locateTsig(request.message);
  if (tsig === undefined) throw unsigned(request.message);
  if (request.requestMac !== undefined) throwUnsignedPeerError(tsig);
  const key = findKey(tsig, request.keys);
  const hmac = startDigest(key, request.requestMac);
  addMessage(hmac, request.message, tsig);
  checkMac(hmac.update(encodeVariables(tsig)), tsig, key);
  checkTimeAndErrors(tsig, request.now);
  return { key, mac: tsig.mac, end: tsig.offset };
}

/** What a {@link TsigStreamVerifier} needs. */
export interface StreamOptions {
  /** The key that the request was signed with; the answer must use the same. */
  readonly key: TsigKey;
  readonly requestMac: Uint8Array;
  /** Unsigned messages allowed in a row. @default 99 (RFC 8945 section 5.3.1) */
  readonly maxUnsigned?: number;
}

/**
 * Verifies the messages of one answer over TCP (RFC 8945 section 5.3.1), where the first and the last are signed and
 * some of those in between. Content of unsigned messages is to be trusted only once {@link settled} is true again.
 */
export class TsigStreamVerifier {
  readonly #options: StreamOptions;
  /** MAC of the last signed message, with which the next one's digest begins. */
  #mac: Buffer | undefined;
  #digest: Digest | undefined;
  #unsigned = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Whether everything pushed so far is covered by a signature. */
  get settled(): boolean {
    return this.#mac !== undefined && this.#unsigned === 0;
  }

  /**
   * Takes the next message.
   *
   * @param now seconds since 1970
   * @returns where the message ends without its TSIG record.
   * @throws DnsError as {@link verifyMessage}; the stream is of no use afterwards.
   */
  push(message: Uint8Array, now: number): number {
    const { key, requestMac } = this.#options;
    if (this.#mac === undefined) {
      const { mac, end } = verifyMessage({ message, keys: [key], now, requestMac });
      this.#mac = mac;
      return end;
    }
    this.#digest ??= startDigest(key, this.#mac);
    const tsig = locateTsig(message);
    if (tsig === undefined) {
      this.#unsigned++;
      if (this.#unsigned > (this.#options.maxUnsigned ?? 99)) throw unsigned(message);
      this.#digest.update(message);
      return message.length;
    }
    throwUnsignedPeerError(tsig);
    findKey(tsig, [key]);
    addMessage(this.#digest, message, tsig);
    checkMac(this.#digest.update(encodeTimers(tsig)), tsig, key);
    checkTimeAndErrors(tsig, now);
    this.#mac = tsig.mac;
    this.#digest = undefined;
    this.#unsigned = 0;
    return tsig.offset;
  }
}

/** Made once for each key: that takes longer than the digest of a small message. */
const secrets = new WeakMap<TsigKey, KeyObject>();

function secretOf(key: TsigKey): KeyObject {
  const known = secrets.get(key);
  if (known !== undefined) return known;
  const secret = createSecretKey(Buffer.from(key.secret, "base64"));
  secrets.set(key, secret);
  return secret;
}

function startDigest(key: TsigKey, priorMac: Uint8Array | undefined): Digest {
  const hmac = createHmac(hashes[key.algorithm].hash, secretOf(key));
  return priorMac === undefined ? hmac : hmac.update(uint16(priorMac.length)).update(priorMac);
}

/** Adds the message as it was before it was signed: with its original id, without the TSIG record. */
function addMessage(hmac: Digest, message: Uint8Array, tsig: TsigRecord): void {
  const header = Buffer.from(message.subarray(0, 12));
  header.writeUInt16BE(tsig.originalId, 0);
  header.writeUInt16BE(header.readUInt16BE(10) - 1, 10);
  hmac.update(header).update(message.subarray(12, tsig.offset));
}

type Variables = Pick<TsigRecord, "keyName" | "algorithm" | "timeSigned" | "fudge" | "error" | "other">;

/** The TSIG variables of RFC 8945 section 4.3.3; class is ANY and TTL 0. */
function encodeVariables(tsig: Variables): Buffer {
  return Buffer.concat([
    encodeName(tsig.keyName),
    Buffer.from([0, 255, 0, 0, 0, 0]),
    encodeName(tsig.algorithm),
    encodeTimers(tsig),
    uint16(tsig.error),
    uint16(tsig.other.length),
    tsig.other,
  ]);
}

function findKey(tsig: TsigRecord, keys: readonly TsigKey[]): TsigKey {
  const key = keys.find((each) => parseName(each.name) === tsig.keyName && each.algorithm === tsig.algorithm);
  if (key === undefined) throw new DnsError({ kind: "badKey", by: "us", key: tsig.keyName });
  return key;
}

function checkMac(hmac: Digest, tsig: TsigRecord, key: TsigKey): void {
  const expected = hmac.digest();
  const { length } = hashes[key.algorithm];
  if (tsig.mac.length > length || tsig.mac.length < length / 2) malformed("a MAC of an impossible length");
  if (!timingSafeEqual(expected.subarray(0, tsig.mac.length), tsig.mac))
    throw new DnsError({ kind: "badSignature", by: "us" });
}

/** Errors that are reported only after the MAC was verified. */
function checkTimeAndErrors(tsig: TsigRecord, now: number): void {
  if (tsig.error === tsigErrors.badTime && tsig.other.length === 6)
    throw new DnsError({ kind: "badTime", by: "peer", skewSeconds: tsig.other.readUIntBE(0, 6) - now });
  const skewSeconds = tsig.timeSigned - now;
  if (Math.abs(skewSeconds) > tsig.fudge) throw new DnsError({ kind: "badTime", by: "us", skewSeconds });
  if (tsig.mac.length < hashes[tsig.algorithm as TsigKey["algorithm"]].length)
    throw new DnsError({ kind: "badTruncation", by: "us" });
  if (tsig.error === tsigErrors.badTruncation) throw new DnsError({ kind: "badTruncation", by: "peer" });
  if (tsig.error !== 0) malformed(`an unknown TSIG error ${tsig.error}`);
}

/** A peer that cannot verify our message cannot sign its answer to it (RFC 8945 section 5.3.2). */
function throwUnsignedPeerError(tsig: TsigRecord): void {
  if (tsig.mac.length > 0) return;
  if (tsig.error === tsigErrors.badKey) throw new DnsError({ kind: "badKey", by: "peer", key: tsig.keyName });
  if (tsig.error === tsigErrors.badSignature) throw new DnsError({ kind: "badSignature", by: "peer" });
}

function unsigned(message: Uint8Array): DnsError {
  const rcode = (message[3] ?? 0) & 0xf;
  return new DnsError(rcode === 0 ? { kind: "unsigned" } : { kind: "unsigned", rcode: rcodeName(rcode) });
}
