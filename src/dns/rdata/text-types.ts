import { UserError } from "../../base/errors";
import { malformed } from "../errors";
import { type Form, longString, name, sequence, string, strings, u8, u16 } from "./parts";
import { carried, decodeOctets, encodeOctets, typed, type TypeForm, unfolded } from "./type-form";

/** RDATA of NAPTR (RFC 3403 section 4.1). Strings have one character per octet (latin-1). */
export interface Naptr {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly services: string;
  readonly regexp: string;
  readonly replacement: string;
}

const naptr: Form<Naptr> = sequence({
  order: u16("order"),
  preference: u16("preference"),
  flags: string("flags"),
  services: string("services"),
  regexp: string("regexp"),
  replacement: name("replacement"),
});

/** A tag has letters and digits (RFC 8659 section 4.1); another one can only be written as octets. */
const tag: Form<string> = {
  decode: (reader) => nonEmpty(reader.characterString()),
  encode: (writer, value) => {
    writer.characterString(nonEmpty(value));
  },
  parse(fields) {
    const text = fields.word("tag");
    if (!/^[a-z0-9]{1,255}$/i.test(text))
      throw new UserError(`the tag of CAA must be letters and digits, for example issue, got "${text}"`);
    return text;
  },
  format: (value) => (/^[a-z0-9]+$/i.test(value) ? value : undefined),
};

function nonEmpty(text: string): string {
  return text === "" ? malformed("a CAA record without a tag") : text;
}

const text = sequence({ strings: strings("text") });

/** Types whose data is text, or text and little else. */
export const textTypes: readonly TypeForm[] = [
  typed("TXT", text),
  ...["SPF", "RESINFO", "WALLET"].map((type) => carried(type, text)),
  carried("HINFO", sequence({ cpu: string("CPU"), system: string("system") })),
  typed("CAA", sequence({ flags: u8("flags"), tag, value: longString("value") })),
  carried("URI", sequence({ priority: u16("priority"), weight: u16("weight"), target: longString("target") })),
  unfolded("NAPTR", naptr),
];

/** Reads the RDATA of a NAPTR record. @throws DnsError `malformed` when it is cut, padded or has a compressed name. */
export function decodeNaptr(rdata: Uint8Array): Naptr {
  return decodeOctets(naptr, rdata);
}

/** RDATA for a record of type NAPTR. @throws DnsError `malformed` for values that do not fit. */
export function encodeNaptr(data: Naptr): Uint8Array {
  return encodeOctets(naptr, data);
}
