import { UserError } from "../base/errors";
import { directiveOf, type Entry, EntryReader, recordFields } from "./master-file";

/** A SOA record's serial, and where it stands. */
export interface SerialPlace {
  readonly start: number;
  readonly end: number;
  readonly serial: number;
}

/** Where the serial of a master file's first SOA record stands; undefined when there is none, or none that can be read. */
export function findSerial(text: string): SerialPlace | undefined {
  try {
    for (const entry of new EntryReader(text).entries()) if (isSoa(entry)) return serialOf(entry);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return undefined;
}

function isSoa(entry: Entry): boolean {
  return directiveOf(entry) === undefined && /^(?:SOA|TYPE6)$/i.test(recordFields(entry).type.text);
}

function serialOf(entry: Entry): SerialPlace | undefined {
  const [, , token] = recordFields(entry).data;
  if (token === undefined || token.isQuoted || !/^\d{1,10}$/.test(token.text)) return undefined;
  const { text, start, end } = token;
  return Number(text) < 2 ** 32 ? { start, end, serial: Number(text) } : undefined;
}

/**
 * The same master file with another SOA serial.
 *
 * A file that is loaded without a journal is served with its own serial, which secondaries take as outdated when it is
 * smaller than the one they hold; so the current time goes in first.
 *
 * @param serial - 32 bits, usually seconds since 1970.
 * @throws Error when the text holds no SOA record.
 */
export function stampSerial(text: string, serial: number): string {
  const found = findSerial(text);
  if (found === undefined) throw new Error("the zone file has no SOA record to put a serial into");
  return `${text.slice(0, found.start)}${serial}${text.slice(found.end)}`;
}
