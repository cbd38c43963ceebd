import { encodeEdnsOptions, nsidCode } from "./edns-options";
import { type Edns, type Message, noFlags } from "./message";
import { parseName } from "./name";
import type { ResourceRecord } from "./record";
import { opcodes } from "./types";

/** What fits an Ethernet frame without fragments (DNS Flag Day 2020). */
const edns: Edns = { udpPayload: 1232, version: 0, dnssecOk: false, options: new Uint8Array() };
const askForNsid = encodeEdnsOptions([{ code: nsidCode, data: new Uint8Array() }]);

interface QueryRequest {
  readonly id: number;
  readonly name: string;
  /** Mnemonic or `TYPE1234`. */
  readonly type: string;
}

/**
 * A question, to an authority unless it says otherwise.
 *
 * @param request.nsid - Whether the server is asked for its identifier, too (RFC 5001 section 2.1).
 * @param request.recursive - Whether recursion is wanted (RD).
 */
export function queryMessage(
  request: QueryRequest & { readonly nsid?: boolean; readonly recursive?: boolean | undefined },
): Message {
  const options = request.nsid === true ? askForNsid : edns.options;
  const flags = request.recursive === true ? { ...noFlags, rd: true } : noFlags;
  return { ...bareMessage(request), flags, edns: { ...edns, options } };
}

/** The request for a whole zone (RFC 5936 section 2.1). */
export function transferMessage(request: { readonly id: number; readonly zone: string }): Message {
  return bareMessage({ id: request.id, name: request.zone, type: "AXFR" });
}

interface IncrementalMessageRequest {
  readonly id: number;
  readonly zone: string;
  /** The serial that we have. */
  readonly serial: number;
}

/** The request for what changed since a serial (RFC 1995 section 3). */
export function incrementalTransferMessage({ id, zone, serial }: IncrementalMessageRequest): Message {
  const name = parseName(zone);
  return { ...bareMessage({ id, name, type: "IXFR" }), authorities: [bareSoa(name, serial)] };
}

interface NotifyRequest {
  readonly id: number;
  readonly zone: string;
  /** Sent as a hint when known (RFC 1996 section 3.7). */
  readonly serial: number | undefined;
}

/** Tells a secondary that a zone changed (RFC 1996). */
export function notifyMessage(request: NotifyRequest): Message {
  const { id, serial } = request;
  const zone = parseName(request.zone);
  const answers = serial === undefined ? [] : [bareSoa(zone, serial)];
  const flags = { ...noFlags, opcode: opcodes.notify, aa: true };
  return { ...bareMessage({ id, name: zone, type: "SOA" }), flags, answers };
}

function bareMessage({ id, name, type }: QueryRequest): Message {
  const questions = [{ name: parseName(name), type: type.toUpperCase(), class: "IN" as const }];
  return { id, flags: noFlags, rcode: 0, questions, answers: [], authorities: [], additionals: [] };
}

/** An SOA of which only the serial counts. */
function bareSoa(name: string, serial: number): ResourceRecord {
  const rest = { mname: "", rname: "", refresh: 0, retry: 0, expire: 0, minimum: 0 };
  return { name, class: "IN", ttl: 0, type: "SOA", serial, ...rest };
}
