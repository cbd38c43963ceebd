import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import { meshLabel } from "../../mesh/directory";
import { packetEpoch } from "../../mesh/epoch";
import { defaultLimits, isRetired, zoneRetirement } from "../../mesh/limits";
import type { WelcomePacket } from "../../mesh/model";
import { planMesh } from "../../mesh/plan-mesh";
import { readMesh } from "../../mesh/read-view";
import type { Held, MeshPlan, MeshView, SiteView } from "../../mesh/view";
import type { AgentStatus } from "../sidecar/http/status";

/** Which version of the central zones an agent follows, and what it holds back. */
export interface FollowedZones {
  readonly applied?: Pick<NonNullable<AgentStatus["applied"]>, "directorySerial" | "catalogSerial">;
  readonly held: readonly Held[];
}

/** What {@link MeshFollower} works with. */
export interface MeshFollowerOptions {
  /** As the site's stack says it now. */
  readonly packet: () => WelcomePacket;
  /** For the zones of the mesh, at the site's own server. */
  readonly dns: Pick<DnsClient, "query" | "querySoa" | "transfer">;
  readonly writer: () => DnsServer;
  /** What the agent beside that server follows. @throws Error when it does not say. */
  readonly agent: () => Promise<FollowedZones>;
  readonly key: TsigKey;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const epochEveryMs = 60_000;

/**
 * The sites of the mesh and the zones that they own, as directory and catalog tell them, within the limits that agents keep: a
 * site that a directory has lost stays one of those that must answer. With nothing known yet there is nothing to hold on to,
 * and zones are taken that the site's agent follows without holding anything back.
 */
export class MeshFollower {
  #view: MeshView | undefined;
  /** What identifies the pair of zones that was read last, whether it was taken or refused. */
  #read: string | undefined;
  #refusal: string | undefined;
  /** Why nothing was taken at first, as it was logged. */
  #waitsFor: string | undefined;
  /** What is held back, as it was logged. */
  #held = "";
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

  /** All zones; undefined as long as nothing is known. */
  get zones(): MeshView["zones"] | undefined {
    return this.#view?.zones;
  }

  /** Why what directory and catalog say now is not followed; undefined when it is. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Why nothing is taken as long as nothing is known; undefined when it is not that. */
  get waitsFor(): string | undefined {
    return this.#waitsFor;
  }

  /** The owner of a zone; undefined for zones that the mesh does not have, or as long as nothing is known. */
  ownerOf(zone: string): string | undefined {
    return this.#view?.zones.find(({ name }) => name === zone)?.owner;
  }

  /** Since when a zone of this site has been retired, itself or with the site; undefined as long as its day has not come. */
  retiredSince(zone: string): string | undefined {
    const retired = this.#retired.get(zone);
    return retired !== undefined && isRetired({ retired }, this.#today) ? retired : undefined;
  }

  get #today(): string {
    return new Date(this.options.now()).toISOString().slice(0, 10);
  }

  /**
   * Reads the central zones where they changed. A pair that is refused is read once, and the view stays as it is. Zones whose
   * serials were set back are refused, unless they are of an epoch above. Of sites and zones that are gone, those stay that were
   * not retired and are more than may leave at once.
   *
   * @returns whether the view is another one.
   * @throws DnsError
   */
  async follow(): Promise<boolean> {
    const { dns, key } = this.options;
    const [packet, writer] = [this.options.packet(), this.options.writer()];
    const directory = await dns.querySoa(writer, packet.directoryZone);
    const catalog = await dns.querySoa(writer, packet.catalogZone);
    if (this.options.now() >= this.#epochDueAt) await this.#lookAtEpoch(packet, writer);
    const epoch = packetEpoch(packet);
    const today = this.#today;
    const shown = JSON.stringify([directory.serial, catalog.serial, this.#epoch, epoch, today]);
    if (this.#read === shown) return false;
    const serials = { directorySerial: directory.serial, catalogSerial: catalog.serial };
    if (this.#view === undefined && !(await this.#isFollowed(serials))) return false;
    const discovered = await readMesh(packet, (zone) => dns.transfer(writer, zone, key));
    this.#read = shown;
    const self = packet.site.name;
    const plan = planMesh({ self, known: this.#view, discovered, limits: defaultLimits, today, epoch });
    this.#report(plan, serials);
    if (plan.refusal !== undefined || plan.next === this.#view) return false;
    this.#take(plan.next);
    return true;
  }

  /** Whether the site's agent, which remembers what it knew, follows a version of the zones as it is. */
  async #isFollowed(serials: Required<FollowedZones>["applied"]): Promise<boolean> {
    const reason = await this.#doubtOf(serials);
    if (reason !== undefined && reason !== this.#waitsFor)
      this.options.log.info("directory and catalog are not followed by the site's agent", { reason, ...serials });
    this.#waitsFor = reason;
    return reason === undefined;
  }

  async #doubtOf({ directorySerial, catalogSerial }: Required<FollowedZones>["applied"]): Promise<string | undefined> {
    try {
      const { applied, held } = await this.options.agent();
      if (applied?.directorySerial !== directorySerial || applied.catalogSerial !== catalogSerial)
        return "it follows another version";
      return held.length > 0 ? held.map(({ reason }) => reason).join("; ") : undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Logs what is new of a refusal, and of what is held back. */
  #report({ refusal, held }: MeshPlan, serials: Required<FollowedZones>["applied"]): void {
    const { log } = this.options;
    if (refusal !== undefined) {
      this.#refusal = `${refusal.kind}: ${refusal.reason}`;
      log.warn("directory and catalog are refused", { reason: this.#refusal, ...serials });
      return;
    }
    if (this.#refusal !== undefined) log.info("directory and catalog are followed again");
    this.#refusal = undefined;
    const text = held.map(({ names, reason }) => `${names.join(", ")}: ${reason}`).join("; ");
    if (text !== "" && text !== this.#held) log.warn("sites or zones that are gone stay in the mesh", { reason: text });
    this.#held = text;
  }

  /** Another primary may come to the same serials. */
  async #lookAtEpoch({ directoryZone }: WelcomePacket, writer: DnsServer): Promise<void> {
    const { answers } = await this.options.dns.query(writer, `${meshLabel}.${directoryZone}`, "TXT");
    this.#epoch = answers.flatMap((record) => (record.type === "TXT" ? record.strings : [])).join(" ");
    this.#epochDueAt = this.options.now() + epochEveryMs;
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
