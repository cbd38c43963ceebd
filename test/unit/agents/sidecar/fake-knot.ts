import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { DnsError } from "../../../../src/dns/errors";
import type { ResourceRecord, SoaData } from "../../../../src/dns/record";
import type { KnotControl, ZoneStatus } from "../../../../src/knot/control/knot-control";
import { localCatalogFile, localCatalogZone } from "../../../../src/knot/config/site-config";
import { apexRecord } from "../../../../src/mesh/central-zone";
import { encodeCatalog } from "../../../../src/mesh/catalog";
import { encodeDirectory } from "../../../../src/mesh/directory";
import type { Mesh } from "../../../../src/mesh/model";

/** Both central zones as transferred records. */
export function centralRecords(mesh: Mesh, serial: number): Map<string, ResourceRecord[]> {
  const members = mesh.sites.flatMap((site) => site.zones.map(({ name }) => ({ name, group: site.name })));
  const at = (records: readonly ResourceRecord[]): ResourceRecord[] =>
    records.map((record) => (record.type === "SOA" ? { ...record, serial } : record));
  return new Map([
    [mesh.directoryZone, at(encodeDirectory(mesh))],
    [mesh.catalogZone, at(encodeCatalog(apexRecord(mesh, mesh.catalogZone), members))],
  ]);
}

/** Stands in for a Knot: serves records, and loads files as far as an agent can see it. */
export class FakeKnot {
  questions = 0;
  transfers = 0;
  /** Resolves when the next transfer is asked for. */
  get transferring(): Promise<void> {
    return new Promise((resolve) => (this.#asked = resolve));
  }
  #asked: () => void = () => undefined;
  readonly commands: string[] = [];
  /** Thrown by what would load files. */
  refusal: Error | undefined;
  /** Verification of a loaded configuration hangs until {@link release}. */
  stall = false;
  readonly stalled: Promise<void>;
  release: () => void = () => undefined;
  #reached: () => void = () => undefined;
  readonly #released: Promise<void>;
  #records = new Map<string, ResourceRecord[]>();
  #failure: DnsError | undefined;
  #own: string[] = [];
  #members = new Map<string, string>();

  constructor(private readonly storage: string) {
    this.stalled = new Promise((resolve) => {
      this.#reached = resolve;
    });
    this.#released = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  /** @param failure - What each transfer ends with. */
  serve(records: Map<string, ResourceRecord[]>, failure?: DnsError): void {
    this.#records = records;
    this.#failure = failure;
  }

  members(): readonly string[] {
    return [...this.#members.keys()];
  }

  readonly dns = {
    querySoa: (_server: unknown, zone: string): Promise<SoaData> => {
      this.questions += 1;
      const soa = this.#records.get(zone)?.find((record) => record.type === "SOA");
      if (soa?.type === "SOA") return Promise.resolve(soa);
      return Promise.reject(new DnsError({ kind: "rcode", rcode: "SERVFAIL" }));
    },
    transfer: (_server: unknown, zone: string): Promise<ResourceRecord[]> => {
      this.transfers += 1;
      this.#asked();
      const records = this.#records.get(zone);
      if (this.#failure !== undefined) return Promise.reject(this.#failure);
      if (records === undefined) return Promise.reject(new DnsError({ kind: "refused" }));
      return Promise.resolve(records);
    },
  };

  readonly control = {
    reload: () => this.#load("reload"),
    zoneReload: (zone: string) => this.#load(`zone-reload ${zone}`),
    zoneFlush: (zone: string) => {
      this.commands.push(`zone-flush ${zone}`);
      return Promise.resolve();
    },
    zoneStatus: async (zones?: readonly string[]): Promise<ZoneStatus[]> => {
      if (this.stall) {
        this.#reached();
        await this.#released;
      }
      const own = this.#own.map((zone) => ({ zone, role: "master", serial: 1 }));
      const members = [...this.#members].map(([zone, group]) => ({
        ...{ zone, role: "slave", serial: 1, member: { catalog: localCatalogZone, group } },
      }));
      return [...own, ...members].filter(({ zone }) => zones?.includes(zone) ?? true);
    },
  } as unknown as KnotControl;

  #load(command: string): Promise<void> {
    this.commands.push(command);
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const conf = ["central", "own", "former"].map((name) => this.#read(`conf/zones.d/${name}.conf`)).join("\n");
    this.#own = [...conf.matchAll(/domain: (\S+)/g)].map((match) => match[1]!).concat(localCatalogZone);
    const catalog = this.#read(localCatalogFile);
    this.#members = new Map(
      [...catalog.matchAll(/PTR (\S+)\.\n\S+ TXT "([^"]*)"/g)].map((match) => [match[1]!, match[2]!]),
    );
    return Promise.resolve();
  }

  #read(path: string): string {
    const full = join(this.storage, path);
    return existsSync(full) ? readFileSync(full, "utf8") : "";
  }
}
