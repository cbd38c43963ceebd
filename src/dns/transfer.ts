import { DnsError } from "./errors";
import type { ResourceRecord } from "./record";
import { outOfOrder, type Soa, type TransferRequest, TransferStream } from "./transfer-stream";

/**
 * Puts the messages of an AXFR (RFC 5936 section 2.2) together and verifies their signatures. Nothing may be used
 * before {@link push} said that the transfer is done: until then any of it may be forged or missing.
 */
export class TransferAssembler {
  readonly #stream: TransferStream;
  readonly #records: ResourceRecord[] = [];
  #soa: Soa | undefined;
  #closed = false;

  constructor(request: TransferRequest) {
    this.#stream = new TransferStream(request, "AXFR");
  }

  /** Whether the closing SOA came and all of it is signed. */
  get done(): boolean {
    return this.#closed && this.#stream.settled;
  }

  /**
   * Takes the next message.
   *
   * @param now seconds since 1970
   * @returns whether the transfer is done; further messages are not part of it.
   * @throws DnsError for whatever is wrong; nothing of the transfer may be used then.
   */
  push(bytes: Uint8Array, now: number): boolean {
    for (const record of this.#stream.push(bytes, now)) this.#take(record);
    if (this.#closed && !this.#stream.settled) throw new DnsError({ kind: "unsigned" });
    return this.done;
  }

  /**
   * The zone's records, its SOA first; the closing SOA is left out.
   *
   * @throws DnsError `incomplete` when the stream ended before the transfer was done.
   */
  finish(): readonly ResourceRecord[] {
    if (this.done) return this.#records;
    throw new DnsError({ kind: "incomplete", detail: `${this.#stream.progress}, no closing SOA` });
  }

  #take(record: ResourceRecord): void {
    if (this.#closed) throw outOfOrder("records behind the closing SOA");
    if (record.type === "SOA" && this.#soa !== undefined) {
      if (record.serial !== this.#soa.serial) throw outOfOrder("the closing SOA has another serial");
      this.#closed = true;
      return;
    }
    if (record.type === "SOA") this.#soa = record;
    else if (this.#soa === undefined) throw outOfOrder("the first record is no SOA");
    this.#records.push(record);
  }
}
