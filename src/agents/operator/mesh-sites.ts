import { inParallel } from "../../base/in-parallel";
import { isNewerSerial } from "../../dns/serial";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import type { WelcomePacket } from "../../mesh/model";
import { isRetired, zoneRetirement } from "../../mesh/limits";
import { readMesh } from "../../mesh/read-view";
import type { MeshView, SiteView } from "../../mesh/view";

/** What {@link MeshSites} works with. */
export interface MeshSitesOptions {
  readonly packet: WelcomePacket;
  /** For the zones of the mesh, at the site's own server. */
  readonly dns: Pick<DnsClient, "querySoa" | "transfer">;
  /** For questions to all sites. */
  readonly peerDns: Pick<DnsClient, "querySoa">;
  readonly writer: DnsServer;
  readonly key: TsigKey;
  readonly remotePort: number;
  readonly awayMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How far a version of a zone has come. */
export interface Spread {
  /** Sites that answer something older, or are silent only for a while. */
  readonly waiting: readonly string[];
  /** Sites that have been silent for so long that nothing waits for them. */
  readonly away: readonly string[];
}

/** Sites asked at a time. */
const askWidth = 64;

/** The sites of the mesh and the zones that they own, and what they answer. */
export class MeshSites {
  #view: MeshView | undefined;
  readonly #silentSince = new Map<string, number>();

  /** Days from which zones of this site are retired: asked for with each object. */
  #retired: ReadonlyMap<string, string>;

  constructor(private readonly o: MeshSitesOptions) {
    const { site } = o.packet;
    this.#retired = retirements(site, site.zones);
  }

  /** The owner of another site's zone; undefined for zones that the mesh does not have, or as long as nothing is known. */
  ownerOf(zone: string): string | undefined {
    return this.#view?.zones.find(({ name }) => name === zone)?.owner;
  }

  /** Since when a zone of this site has been retired, itself or with the site; undefined as long as its day has not come. */
  retiredSince(zone: string): string | undefined {
    const retired = this.#retired.get(zone);
    const today = new Date(this.o.now()).toISOString().slice(0, 10);
    return retired !== undefined && isRetired({ retired }, today) ? retired : undefined;
  }

  /** Whether the mesh is known. */
  get known(): boolean {
    return this.#view !== undefined;
  }

  /** Reads the central zones where they changed. Returns whether the view is another one. @throws DnsError */
  async follow(): Promise<boolean> {
    const { dns, writer, packet, key } = this.o;
    const directory = await dns.querySoa(writer, packet.directoryZone);
    const catalog = await dns.querySoa(writer, packet.catalogZone);
    const same = this.#view?.directorySerial === directory.serial && this.#view.catalogSerial === catalog.serial;
    if (same) return false;
    const found = await readMesh(packet, (zone) => dns.transfer(writer, zone, key));
    if (found.kind === "refused") return false;
    this.#view = found.view;
    const self = found.view.sites.find(({ name }) => name === packet.site.name) ?? packet.site;
    this.#retired = retirements(
      self,
      found.view.zones.filter(({ owner }) => owner === packet.site.name),
    );
    return true;
  }

  /** Asks every site for a zone's serial, at each of its addresses, over UDP. Returns what that says of a version. */
  async ask(zone: string): Promise<(serial: number) => Spread> {
    if (this.#view === undefined) return () => ({ waiting: ["the list of sites, which cannot be read"], away: [] });
    const answered = new Map<string, readonly number[]>();
    await inParallel(askWidth, this.#view.sites, async (site) => {
      const serials = await this.#serials(site, zone);
      answered.set(site.name, serials);
      if (serials.length > 0) this.#silentSince.delete(site.name);
      else if (!this.#silentSince.has(site.name)) this.#silentSince.set(site.name, this.o.now());
    });
    const names = [...answered.keys()].sort();
    const away = names.filter((name) => this.#isAway(name));
    return (serial) => ({
      waiting: names.filter((name) => !away.includes(name) && !has(answered.get(name) ?? [], serial)),
      away,
    });
  }

  #isAway(site: string): boolean {
    const since = this.#silentSince.get(site);
    return since !== undefined && this.o.now() - since >= this.o.awayMs;
  }

  async #serials(site: SiteView, zone: string): Promise<number[]> {
    const asked = site.addresses.map((address) =>
      this.o.peerDns.querySoa({ address, port: this.o.remotePort }, zone).catch(() => undefined),
    );
    return (await Promise.all(asked)).flatMap((soa) => (soa === undefined ? [] : [soa.serial]));
  }
}

/** Days from which zones are retired, by name. */
function retirements(
  site: { readonly retired?: string },
  zones: readonly { readonly name: string; readonly retired?: string }[],
): ReadonlyMap<string, string> {
  return new Map(
    zones.flatMap((zone) => {
      const { retired } = zoneRetirement(zone, site);
      return retired === undefined ? [] : [[zone.name, retired] as const];
    }),
  );
}

/** Whether a site answers a version or a later one wherever it answers at all. */
function has(answers: readonly number[], serial: number): boolean {
  return answers.length > 0 && answers.every((answer) => !isNewerSerial(serial, answer));
}
