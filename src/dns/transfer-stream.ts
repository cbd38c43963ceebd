import { DnsError } from "./errors";
import { checkResponse, decodeMessage, type Message } from "./message";
import { isSubdomain } from "./name";
import type { ResourceRecord } from "./record";
import { TsigStreamVerifier } from "./tsig";
import type { TsigKey } from "./tsig-key";
import { rcodeName } from "./types";

/** How much a transfer may bring before it is given up. */
export interface TransferLimits {
  readonly records: number;
  readonly messages: number;
  readonly octets: number;
}

/** Room for some hundred thousand records. */
export const defaultTransferLimits: TransferLimits = { records: 500_000, messages: 50_000, octets: 64 * 1024 * 1024 };

/** What must be known of the request to read its answer. */
export interface TransferRequest {
  readonly zone: string;
  readonly id: number;
  readonly key: TsigKey;
  readonly requestMac: Uint8Array;
  readonly limits?: TransferLimits;
}

/** An SOA record with its owner. */
export type Soa = ResourceRecord & { type: "SOA" };

/** The messages of one transfer, whatever its kind: counted, verified, and checked for what they may hold. */
export class TransferStream {
  readonly #request: TransferRequest;
  readonly #type: "AXFR" | "IXFR";
  readonly #limits: TransferLimits;
  readonly #verifier: TsigStreamVerifier;
  #messages = 0;
  #octets = 0;
  #records = 0;

  constructor(request: TransferRequest, type: "AXFR" | "IXFR") {
    this.#request = request;
    this.#type = type;
    this.#limits = request.limits ?? defaultTransferLimits;
    this.#verifier = new TsigStreamVerifier(request);
  }

  /** Whether everything so far is covered by a signature. */
  get settled(): boolean {
    return this.#verifier.settled;
  }

  /** What came so far, for people. */
  get progress(): string {
    return `${this.#records} records in ${this.#messages} messages`;
  }

  /**
   * The records of the next message.
   *
   * @param now seconds since 1970
   * @throws DnsError for whatever is wrong with it; nothing of the transfer may be used then.
   */
  push(bytes: Uint8Array, now: number): readonly ResourceRecord[] {
    this.#count("messages", ++this.#messages);
    this.#count("octets", (this.#octets += bytes.length));
    const message = decodeMessage(bytes);
    checkResponse(message, { id: this.#request.id, opcode: 0 });
    this.#verifier.push(bytes, now);
    if (message.rcode !== 0) throw rcodeFailure(message.rcode);
    this.#checkShape(message);
    this.#count("records", (this.#records += message.answers.length));
    for (const record of message.answers) this.#checkRecord(record);
    return message.answers;
  }

  #count(limit: keyof TransferLimits, value: number): void {
    if (value > this.#limits[limit]) throw new DnsError({ kind: "tooLarge", limit });
  }

  /** The first message repeats the question, later ones may (RFC 5936 section 2.2.1). */
  #checkShape(message: Message): void {
    const [question, ...more] = message.questions;
    const same =
      question?.name === this.#request.zone &&
      question.type === this.#type &&
      question.class === "IN" &&
      more.length === 0;
    if (question === undefined ? this.#messages === 1 : !same) throw new DnsError({ kind: "wrongQuestion" });
    if (message.flags.tc) throw new DnsError({ kind: "truncated" });
    if (!message.flags.aa && !this.#isLoneSoa(message)) throw new DnsError({ kind: "notAuthoritative" });
    if (message.authorities.length > 0) throw outOfOrder("records in the authority section");
  }

  /** Knot leaves AA out of its answer to an IXFR when nothing is newer, which changes nothing of what we have. */
  #isLoneSoa(message: Message): boolean {
    return this.#type === "IXFR" && this.#messages === 1 && message.answers.length === 1;
  }

  #checkRecord(record: ResourceRecord): void {
    const { zone } = this.#request;
    if (record.class !== "IN") throw outOfOrder(`a record of class ${record.class}`);
    if (!isSubdomain(record.name, zone)) throw outOfOrder(`"${record.name}" is not in the zone`);
    if (record.type === "SOA" && record.name !== zone) throw outOfOrder("a SOA below the apex");
  }
}

/** What an RCODE other than NOERROR is called. */
export function rcodeFailure(rcode: number): DnsError {
  return new DnsError(
    rcodeName(rcode) === "REFUSED" ? { kind: "refused" } : { kind: "rcode", rcode: rcodeName(rcode) },
  );
}

/** The failure of a record that may not be where it is. */
export function outOfOrder(detail: string): DnsError {
  return new DnsError({ kind: "outOfOrder", detail });
}
