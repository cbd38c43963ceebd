import { DnsError } from "../../src/dns/errors";
import { FrameReader } from "../../src/dns/framing";
import { IncrementalAssembler } from "../../src/dns/incremental";
import { decodeMessage, encodeMessage, type Message } from "../../src/dns/message";
import { decodeServiceBinding } from "../../src/dns/rdata/service-types";
import { decodeNaptr } from "../../src/dns/rdata/text-types";
import { decodeTlsa } from "../../src/dns/rdata/trust-types";
import { TransferAssembler } from "../../src/dns/transfer";
import { verifyMessage } from "../../src/dns/tsig";
import { key, now, requestMac, zone } from "./zone-builders";

const limits = { records: 10_000, messages: 10, octets: 1_000_000 };
const request = { zone, id: 5, key, requestMac, limits };

/** How far some octets came: no message, a message, one with a good signature, a whole transfer. */
export type Outcome = "refused" | "decoded" | "verified" | "transferred";

/**
 * Gives octets to everything that reads what comes from the network.
 *
 * @throws Error for what a peer could exploit: an error that is not the codec's own, or a message that is not the same
 * after it was written and read again.
 */
export function tryHostile(bytes: Uint8Array): Outcome {
  new FrameReader().push(bytes);
  for (const read of [decodeServiceBinding, decodeTlsa, decodeNaptr]) guarded(() => read(bytes));
  const verified = guarded(() => verifyMessage({ message: bytes, keys: [key], now, requestMac }));
  const transferred = [new TransferAssembler(request), new IncrementalAssembler({ ...request, serial: 7 })].some(
    (assembler) => guarded(() => assembler.push(bytes, now) && assembler.finish()),
  );
  const message = guarded(() => decodeMessage(bytes));
  if (message === undefined) return "refused";
  checkWritten(message);
  if (transferred) return "transferred";
  return verified === undefined ? "decoded" : "verified";
}

/** What `work` returns, `undefined` when it refuses by an error of the codec's own. */
function guarded<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}

function checkWritten(message: Message): void {
  let written: Buffer;
  try {
    written = encodeMessage(message);
  } catch (error) {
    if (error instanceof DnsError && error.failure.kind === "tooLarge") return;
    throw new Error("what was read cannot be written", { cause: error });
  }
  if (!encodeMessage(decodeMessage(written)).equals(written)) throw new Error("what was written is read as another");
}
