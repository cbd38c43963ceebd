import { DnsError } from "./errors";
import { WireReader, WireWriter } from "./wire";

/** One option of an OPT record (RFC 6891 section 6.1.2). */
export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** Asks which server of several behind one address answers (RFC 5001). */
export const nsidCode = 3;

/** The RDATA of an OPT record. */
export function encodeEdnsOptions(options: readonly EdnsOption[]): Uint8Array {
  const writer = new WireWriter();
  for (const { code, data } of options) {
    writer.u16(code);
    writer.lengthPrefixed(() => {
      writer.bytes(data);
    });
  }
  return new Uint8Array(writer.finish());
}

/**
 * The options in the RDATA of an OPT record, in their order.
 *
 * @throws DnsError `malformed` when an option is cut short.
 */
export function decodeEdnsOptions(rdata: Uint8Array): readonly EdnsOption[] {
  const reader = new WireReader(rdata);
  const options: EdnsOption[] = [];
  while (reader.offset < reader.length) {
    const code = reader.u16();
    options.push({ code, data: new Uint8Array(reader.take(reader.u16())) });
  }
  return options;
}

/** The server's identifier among the options of an answer; undefined when there is none, or the options are broken. */
export function nsidOf(rdata: Uint8Array): Uint8Array | undefined {
  try {
    return decodeEdnsOptions(rdata).find(({ code }) => code === nsidCode)?.data;
  } catch (error) {
    // The answer itself is whole: what cannot be read here says nothing of who sent it.
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}
