import { DnsError } from "./errors";
import type { ResourceRecord } from "./record";
import { isNewerSerial } from "./serial";
import { outOfOrder, type Soa, type TransferRequest, TransferStream } from "./transfer-stream";

/** One step of a zone from a version to a later one (RFC 1995 section 4). The SOA records are not among the others. */
export interface ZoneChange {
  readonly from: Soa;
  readonly to: Soa;
  readonly deleted: readonly ResourceRecord[];
  readonly added: readonly ResourceRecord[];
}

/** What a server answers to an IXFR. */
export type IncrementalTransfer =
  /** The server has nothing newer. `soa` is its own. */
  | { readonly kind: "upToDate"; readonly soa: Soa }
  /** The server no longer knows the changes, and sent the zone: its SOA first, the closing SOA left out. */
  | { readonly kind: "full"; readonly records: readonly ResourceRecord[] }
  /** The changes from our version to the server's, in order. At least one. */
  | { readonly kind: "incremental"; readonly changes: readonly ZoneChange[] };

/** What an {@link IncrementalAssembler} must know of the request. */
export interface IncrementalRequest extends TransferRequest {
  /** The serial that we have. */
  readonly serial: number;
}

interface OpenChange extends ZoneChange {
  readonly deleted: ResourceRecord[];
  readonly added: ResourceRecord[];
}

/** Where the stream is; `head` waits for the record that tells an incremental answer from a whole zone. */
type State =
  | { readonly at: "start" }
  | { readonly at: "head"; readonly target: Soa }
  | { readonly at: "zone"; readonly target: Soa; readonly records: ResourceRecord[] }
  | { readonly at: "deletions"; readonly target: Soa; readonly from: Soa; readonly deleted: ResourceRecord[] }
  | { readonly at: "additions"; readonly target: Soa; readonly change: OpenChange }
  | { readonly at: "end"; readonly result: IncrementalTransfer };

/**
 * Puts the messages of an IXFR (RFC 1995) over TCP together and verifies their signatures, in any of its three forms.
 * Nothing may be used before {@link push} said that the transfer is done.
 */
export class IncrementalAssembler {
  readonly #stream: TransferStream;
  readonly #serial: number;
  readonly #changes: ZoneChange[] = [];
  #state: State = { at: "start" };

  constructor(request: IncrementalRequest) {
    this.#stream = new TransferStream(request, "IXFR");
    this.#serial = request.serial;
  }

  /**
   * Takes the next message.
   *
   * @param now seconds since 1970
   * @returns whether the transfer is done; further messages are not part of it.
   * @throws DnsError for whatever is wrong; nothing of the transfer may be used then.
   */
  push(bytes: Uint8Array, now: number): boolean {
    for (const record of this.#stream.push(bytes, now)) this.#state = this.#next(record);
    const state = this.#state;
    if (state.at === "head" && !isNewerSerial(state.target.serial, this.#serial))
      this.#state = { at: "end", result: { kind: "upToDate", soa: state.target } };
    if (this.#state.at === "end" && !this.#stream.settled) throw new DnsError({ kind: "unsigned" });
    return this.#state.at === "end";
  }

  /**
   * What the server answered.
   *
   * @throws DnsError `incomplete` when the stream ended before the transfer was done.
   */
  finish(): IncrementalTransfer {
    if (this.#state.at === "end") return this.#state.result;
    throw new DnsError({ kind: "incomplete", detail: `${this.#stream.progress}, no closing SOA` });
  }

  #next(record: ResourceRecord): State {
    const state = this.#state;
    if (state.at === "end") throw outOfOrder("records behind the closing SOA");
    if (record.type === "SOA") return this.#nextSoa(state, record);
    switch (state.at) {
      case "start":
        throw outOfOrder("the first record is no SOA");
      case "head":
        return { at: "zone", target: state.target, records: [state.target, record] };
      case "zone":
        state.records.push(record);
        return state;
      case "deletions":
        state.deleted.push(record);
        return state;
      case "additions":
        state.change.added.push(record);
        return state;
    }
  }

  #nextSoa(state: Exclude<State, { at: "end" }>, soa: Soa): State {
    switch (state.at) {
      case "start":
        return { at: "head", target: soa };
      case "head":
        if (soa.serial === state.target.serial) return closed({ kind: "full", records: [state.target] });
        return this.#begin(state.target, soa, this.#serial);
      case "zone":
        if (soa.serial !== state.target.serial) throw outOfOrder("the closing SOA has another serial");
        return closed({ kind: "full", records: state.records });
      case "deletions": {
        const { target, from, deleted } = state;
        if (!isNewerSerial(soa.serial, from.serial)) throw outOfOrder("a change that leads back");
        return { at: "additions", target, change: { from, to: soa, deleted, added: [] } };
      }
      case "additions": {
        this.#changes.push(state.change);
        const reached = state.change.to.serial;
        if (reached !== state.target.serial) return this.#begin(state.target, soa, reached);
        if (soa.serial !== reached) throw outOfOrder("the closing SOA has another serial");
        return closed({ kind: "incremental", changes: this.#changes });
      }
    }
  }

  #begin(target: Soa, from: Soa, expected: number): State {
    if (from.serial !== expected) throw outOfOrder(`a change from serial ${from.serial}, where ${expected} is`);
    return { at: "deletions", target, from, deleted: [] };
  }
}

function closed(result: IncrementalTransfer): State {
  return { at: "end", result };
}
