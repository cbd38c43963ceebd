import { decodeMessage, encodeMessage, noFlags } from "../../../dns/message";
import { signMessage, verifyMessage } from "../../../dns/tsig";
import type { TsigKey } from "../../../dns/tsig-key";
import { opcodes } from "../../../dns/types";

/**
 * The answer to a NOTIFY (RFC 1996 section 3.12), signed as the question is.
 *
 * @param by.seconds - since 1970
 * @returns undefined for what is no NOTIFY, or is not signed by one of the keys.
 */
export function notifyAnswer(
  message: Uint8Array,
  by: { readonly keys: readonly TsigKey[]; readonly seconds: number },
): Buffer | undefined {
  try {
    const { key, mac } = verifyMessage({ message, keys: by.keys, now: by.seconds });
    const { id, flags, questions } = decodeMessage(message);
    if (flags.opcode !== opcodes.notify || flags.qr) return undefined;
    const answer = encodeMessage({
      ...{ id, questions, rcode: 0, flags: { ...noFlags, opcode: opcodes.notify, qr: true, aa: true } },
      ...{ answers: [], authorities: [], additionals: [] },
    });
    return signMessage({ message: answer, key, now: by.seconds, requestMac: mac }).bytes;
  } catch {
    return undefined;
  }
}
