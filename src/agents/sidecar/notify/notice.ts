import { decodeMessage, encodeMessage, noFlags } from "../../../dns/message";
import { signMessage, verifyMessage } from "../../../dns/tsig";
import type { TsigKey } from "../../../dns/tsig-key";
import { opcodes } from "../../../dns/types";
import type { KeyRing } from "../../../keyring/ring-document";

/** A NOTIFY of our own Knot's to another server, which is answered in that one's place and passed on. */
export interface Notice {
  readonly zone: string;
  /** Of a central zone: the agent itself announces those at the primary alone. */
  readonly isCentral: boolean;
  /** The answer (RFC 1996 section 3.12), signed as the question is. */
  readonly answer: Buffer;
  /** The same NOTIFY with a signature of this moment: it may have to wait for longer than one is good for. */
  readonly signed: () => Buffer;
}

/** What a {@link Notice} is checked and signed with. */
export interface NoticeParts {
  readonly ring: () => KeyRing | undefined;
  /** Names of the central zones. */
  readonly central: () => readonly string[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Returns undefined for what is no NOTIFY, or is not signed by a key of the ring. */
export function takeNotice(message: Uint8Array, { ring, central, now }: NoticeParts): Notice | undefined {
  const keyRing = ring();
  if (keyRing === undefined) return undefined;
  const seconds = (): number => Math.floor(now() / 1000);
  try {
    const { key, mac, end } = verifyMessage({ message, keys: keyRing.accepted, now: seconds() });
    const { id, flags, questions } = decodeMessage(message);
    const zone = questions[0]?.name;
    if (flags.opcode !== opcodes.notify || flags.qr || zone === undefined) return undefined;
    const answer = encodeMessage({
      ...{ id, questions, rcode: 0, flags: { ...noFlags, opcode: opcodes.notify, qr: true, aa: true } },
      ...{ answers: [], authorities: [], additionals: [] },
    });
    const unsigned = withoutSignature(message, end);
    return {
      zone,
      isCentral: central().includes(zone),
      answer: signMessage({ message: answer, key, now: seconds(), requestMac: mac }).bytes,
      signed: () => {
        const { accepted, signing } = ring() ?? keyRing;
        const named = (wanted: string): TsigKey | undefined => accepted.find(({ name }) => name === wanted);
        return signMessage({ message: unsigned, key: named(key.name) ?? named(signing) ?? key, now: seconds() }).bytes;
      },
    };
  } catch {
    return undefined;
  }
}

/** @param end - where the TSIG record begins, which is the last one (RFC 8945 section 5.1) */
function withoutSignature(message: Uint8Array, end: number): Buffer {
  const unsigned = Buffer.from(message.subarray(0, end));
  unsigned.writeUInt16BE(unsigned.readUInt16BE(10) - 1, 10);
  return unsigned;
}
