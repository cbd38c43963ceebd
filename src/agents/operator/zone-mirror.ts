import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import { DnsError } from "../../dns/errors";
import type { ZoneChange } from "../../dns/incremental";
import { signerTypes } from "../../dns/rdata/trust-types";
import type { ResourceRecord } from "../../dns/record";
import type { Soa } from "../../dns/transfer-stream";
import type { TsigKey } from "../../dns/tsig-key";
import { ZoneCopy } from "../../dns/zone-copy";
import type { ServedName } from "../../records/plan";

/** A zone as its writer has it, without what a signer makes: transferred once, and followed by what changed since. */
export class ZoneMirror {
  readonly #copy = new ZoneCopy(signerTypes);

  constructor(
    private readonly parts: {
      readonly zone: string;
      readonly dns: Pick<DnsClient, "querySoa" | "transfer" | "transferIncremental">;
      readonly writer: () => DnsServer;
      readonly key: TsigKey;
    },
  ) {}

  /** The SOA of what we have; undefined before the first {@link follow}. */
  get soa(): Soa | undefined {
    return this.#copy.soa;
  }

  /** Its serial. */
  get serial(): number | undefined {
    return this.soa?.serial;
  }

  /** All records, the SOA first; none before the first {@link follow}. */
  records(): readonly ResourceRecord[] {
    return this.#copy.records();
  }

  /** RRsets at a name, by type. */
  at(name: string): ServedName {
    return this.#copy.at(name);
  }

  /**
   * Takes what changed at the writer: asks for the serial over UDP, and transfers where that is another one.
   *
   * @param isChanged - We have just changed the zone ourselves.
   * @returns the names that changed; undefined when the zone came as a whole.
   * @throws DnsError when the writer does not give it.
   */
  async follow(isChanged = false): Promise<ReadonlySet<string> | undefined> {
    const { zone, dns, key } = this.parts;
    const writer = this.parts.writer();
    const { serial } = this;
    if (serial === undefined) return this.#transfer();
    if (!isChanged && (await dns.querySoa(writer, zone)).serial === serial) return new Set();
    const answer = await dns.transferIncremental(writer, { zone, serial }, key);
    switch (answer.kind) {
      case "upToDate":
        // With another serial the zone went back: its volume was lost. What we have says nothing of it.
        return answer.soa.serial === serial ? new Set() : this.#transfer();
      case "full":
        this.#copy.load(answer.records);
        return undefined;
      case "incremental":
        return this.#apply(answer.changes) ?? this.#transfer();
    }
  }

  /** Nothing when the changes are not those of the zone that we have. */
  #apply(changes: readonly ZoneChange[]): ReadonlySet<string> | undefined {
    try {
      return this.#copy.apply(changes);
    } catch (error) {
      if (error instanceof DnsError && error.failure.kind === "notApplicable") return undefined;
      throw error;
    }
  }

  async #transfer(): Promise<undefined> {
    const { zone, dns, writer, key } = this.parts;
    this.#copy.load(await dns.transfer(writer(), zone, key));
  }
}
