import type { Logger } from "../../base/log";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import { meshLabel } from "../../mesh/directory";
import { type Epoch, highestEpoch, packetEpoch } from "../../mesh/epoch";
import { replacement } from "../../mesh/fence";
import { isRetired, zoneRetirement } from "../../mesh/limits";
import type { WelcomePacket } from "../../mesh/model";
import { setBack } from "../../mesh/plan-mesh";
import { readMesh } from "../../mesh/read-view";
import type { MeshView, SiteView } from "../../mesh/view";

/** What {@link MeshFollower} works with. */
export interface MeshFollowerOptions {
  /** As the site's stack says it now. */
  readonly packet: () => WelcomePacket;
  /** For the zones of the mesh, at the site's own server. */
  readonly dns: Pick<DnsClient, "query" | "querySoa" | "transfer">;
  readonly writer: () => DnsServer;
  readonly key: TsigKey;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const epochEveryMs = 60_000;

/** The sites of the mesh and the zones that they own, as directory and catalog tell them. */
export class MeshFollower {
  #view: MeshView | undefined;
  /** What identifies the pair of zones that was read last, whether it was taken or refused. */
  #read: string | undefined;
  #refusal: string | undefined;
  /** What the directory said of its epoch at the last look, and when the next one is. */
  #epoch = "";
  #epochDueAt = 0;

  /** Days from which zones of this site are retired: asked for with each object. */
  #retired: ReadonlyMap<string, string>;

  constructor(private readonly options: MeshFollowerOptions) {
    const { site } = options.packet();
    this.#retired = retirements(site, site.zones);
  }

  /** All sites; undefined as long as nothing is known. */
  get sites(): readonly SiteView[] | undefined {
    return this.#view?.sites;
  }

  /** Why what directory and catalog say now is not followed; undefined when it is. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** The owner of a zone; undefined for zones that the mesh does not have, or as long as nothing is known. */
  ownerOf(zone: string): string | undefined {
    return this.#view?.zones.find(({ name }) => name === zone)?.owner;
  }

  /** Since when a zone of this site has been retired, itself or with the site; undefined as long as its day has not come. */
  retiredSince(zone: string): string | undefined {
    const retired = this.#retired.get(zone);
    const today = new Date(this.options.now()).toISOString().slice(0, 10);
    return retired !== undefined && isRetired({ retired }, today) ? retired : undefined;
  }

  /**
   * Reads the central zones where they changed. A pair that is refused is read once, and the view stays as it is. Zones whose
   * serials were set back are refused, unless they are of an epoch above.
   *
   * @returns whether the view is another one.
   * @throws DnsError
   */
  async follow(): Promise<boolean> {
    const { dns, key, log } = this.options;
    const [packet, writer] = [this.options.packet(), this.options.writer()];
    const directory = await dns.querySoa(writer, packet.directoryZone);
    const catalog = await dns.querySoa(writer, packet.catalogZone);
    if (this.options.now() >= this.#epochDueAt) await this.#lookAtEpoch(packet, writer);
    const shown = JSON.stringify([directory.serial, catalog.serial, this.#epoch, packetEpoch(packet)]);
    if (this.#read === shown) return false;
    const found = await readMesh(packet, (zone) => dns.transfer(writer, zone, key));
    this.#read = shown;
    const epoch = highestEpoch(this.#view?.epoch, packetEpoch(packet));
    const refusal = found.kind === "refused" ? found.refusal : this.#refusalOf(found.view, epoch);
    if (refusal !== undefined || found.kind === "refused") {
      this.#refusal = `${refusal?.kind ?? "refused"}: ${refusal?.reason ?? ""}`;
      log.warn("directory and catalog are refused", {
        reason: this.#refusal,
        directorySerial: directory.serial,
        catalogSerial: catalog.serial,
      });
      return false;
    }
    if (this.#refusal !== undefined) log.info("directory and catalog are followed again");
    this.#refusal = undefined;
    this.#take(found.view);
    return true;
  }

  /** Another primary may come to the same serials. */
  async #lookAtEpoch({ directoryZone }: WelcomePacket, writer: DnsServer): Promise<void> {
    const { answers } = await this.options.dns.query(writer, `${meshLabel}.${directoryZone}`, "TXT");
    this.#epoch = answers.flatMap((record) => (record.type === "TXT" ? record.strings : [])).join(" ");
    this.#epochDueAt = this.options.now() + epochEveryMs;
  }

  #refusalOf(view: MeshView, epoch: Epoch | undefined): ReturnType<typeof setBack> {
    return replacement(view.epoch, epoch) ?? (this.#view && setBack(this.#view, view));
  }

  #take(view: MeshView): void {
    const packet = this.options.packet();
    const self = view.sites.find(({ name }) => name === packet.site.name) ?? packet.site;
    const own = view.zones.filter(({ owner }) => owner === packet.site.name);
    this.#view = view;
    this.#retired = retirements(self, own);
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
