import { createHmac } from "node:crypto";

import { encodeName } from "../../src/dns/name";
import type { TsigKey } from "../../src/dns/tsig-key";
import { encodeTsig } from "../../src/dns/tsig-record";

const uint16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);

/** A server's side of RFC 8945 section 5.3.1, for hmac-sha256, told apart from the code under test. */
export class StreamSigner {
  #prior: Buffer;
  #unsigned: Uint8Array[] = [];
  #first = true;

  constructor(
    readonly key: TsigKey,
    requestMac: Uint8Array,
  ) {
    this.#prior = Buffer.from(requestMac);
  }

  /** The message as it is; its octets go into the next signature. */
  skip(message: Uint8Array): Uint8Array {
    this.#unsigned.push(message);
    return message;
  }

  sign(message: Uint8Array, now: number): Buffer {
    const timers = Buffer.alloc(8);
    timers.writeUIntBE(now, 0, 6);
    timers.writeUInt16BE(300, 6);
    const none = Buffer.alloc(4);
    const variables = [
      encodeName(this.key.name),
      Buffer.from("00ff00000000", "hex"),
      encodeName("hmac-sha256"),
      timers,
      none,
    ];
    const parts = [uint16(this.#prior.length), this.#prior, ...this.#unsigned, message];
    const signed = Buffer.concat([...parts, ...(this.#first ? variables : [timers])]);
    const mac = createHmac("sha256", Buffer.from(this.key.secret, "base64")).update(signed).digest();
    this.#prior = mac;
    this.#unsigned = [];
    this.#first = false;
    const copy = Buffer.from(message);
    copy.writeUInt16BE(copy.readUInt16BE(10) + 1, 10);
    const tsig = { keyName: this.key.name, algorithm: "hmac-sha256", timeSigned: now, fudge: 300, mac };
    return Buffer.concat([
      copy,
      encodeTsig({ ...tsig, originalId: copy.readUInt16BE(0), error: 0, other: Buffer.alloc(0) }),
    ]);
  }
}
