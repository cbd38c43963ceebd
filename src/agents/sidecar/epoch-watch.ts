import { systemClock } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { Logger } from "../../base/log";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import { rcodes } from "../../dns/types";
import { isWriter } from "../../knot/config/site-runtime";
import { centralTimers, type Timers } from "../../knot/config/timers";
import type { KnotControl } from "../../knot/control/knot-control";
import { catalogEpochName } from "../../mesh/catalog";
import { factsOf } from "../../mesh/central-zone";
import { meshLabel } from "../../mesh/directory";
import { checkedEpoch, epochText, readEpoch } from "../../mesh/epoch";
import {
  type EpochAnswer,
  type Fence,
  fenceProblems,
  has,
  isBelow,
  isSameFence,
  nextFence,
  otherCatalogs,
  type SiteEpochs,
} from "../../mesh/fence";
import { isPrimary } from "../../mesh/peers";
import { parsePodId, type PodId } from "../../mesh/pod-id";
import type { MeshView } from "../../mesh/view";
import { askEveryPod } from "../pods";
import { standingView } from "./apply";
import type { Problems } from "./http/status";
import type { Inputs } from "./inputs/inputs";
import type { StateStore } from "./state-store";

/** What an {@link EpochWatch} works with. */
export interface EpochWatchParts {
  /** Asks other sites, each pod by itself, and the site's own Knot. Without a `channel`: see {@link askEveryPod}. */
  readonly dns: Pick<DnsClient, "queryWithNsid">;
  readonly knot: DnsServer;
  readonly control: Pick<KnotControl, "zoneRetransfer">;
  readonly mounts: { readonly inputs: Inputs | undefined; readonly isReplaced: boolean };
  readonly store: Pick<StateStore, "state" | "update">;
  /** Whether Knot runs what the state says, why the central zones may be of another epoch, and how to request a new plan. */
  readonly agent: { readonly isSettled: boolean; readonly epochDoubt: string | undefined; refence(): void };
  readonly problems: Problems;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

const lookMs = 1000;
const longestAfterFailure = 30;
/** Catalog sites that are asked at a time. */
const askWidth = 8;

/** What the site's own Knot has, by zone. */
type OwnEpochs = ReadonlyMap<string, EpochAnswer>;

interface PodEpoch {
  readonly strings: readonly string[];
  readonly pod?: PodId;
}

/**
 * Finds out whether another site has the primary catalog by now, and keeps what a former primary says out of this site
 * (ADR 0030): at the start, whenever epoch or catalog sites are others than before, when the agent refuses central
 * zones that may be of another epoch, and as often as Knot looks at the central zones. As long as something is amiss: after
 * 1, 2, 4, … seconds, and then as often as Knot retries. A pod that is away is not amiss as long as another of its site
 * answers: it takes the most questions, all of which the other one gets.
 *
 * Questions are not signed by TSIG: a site that was away may have no key of the present ring. What makes an epoch higher is
 * signed by the shared stack; a forged lower one leaves a catalog site out until the next look.
 */
export class EpochWatch {
  #dueAt = 0;
  #wait = lookMs;
  #subject = "";
  #own = "";

  constructor(private readonly parts: EpochWatchParts) {}

  /** Looks until the signal is given. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.round();
      } catch (error) {
        this.#again(longestAfterFailure);
        this.parts.log.info("the look at other sites' epochs failed and is repeated", { reason: messageOf(error) });
      }
      await systemClock.pause(lookMs, signal);
    }
  }

  /** Does what is due. Throws what the state's store and the control socket throw. */
  async round(): Promise<void> {
    const { mounts, store, problems } = this.parts;
    const { inputs } = mounts;
    if (inputs === undefined) return;
    const view = standingView(inputs, store.state);
    if (!this.#isDue(inputs, view)) return;
    if (inputs.packet.signers === undefined) {
      problems.set("fenced", []);
      this.#dueAt = Infinity;
      return;
    }
    const [answers, own] = await Promise.all([this.#ask(inputs, view), this.#askOwn(inputs)]);
    const before = store.state.fence;
    const fence = nextFence({ packet: inputs.packet, view, before, answers });
    if (fence === undefined) {
      this.#rest(inputs, view);
      return;
    }
    const isNew = !isSameFence(fence, before);
    if (isNew) await this.#take(fence);
    problems.set("fenced", [...this.#replaced(fence), ...fenceProblems(fence, answers)]);
    const below = isPrimaryWriter(inputs) ? [] : [...own].filter(([, epoch]) => isBelow(epoch, fence.highest));
    this.#noteOwn(own);
    if (!isNew && below.length > 0) await this.#retransfer(below, { inputs, answers, fence });
    if (isNew) this.#wait = lookMs;
    const others = otherCatalogs({ packet: inputs.packet, view });
    const isAway = others.some(({ name }) => !answers.has(name));
    const isAmiss = isNew || isAway || below.length > 0 || fence.behind.length > 0 || mounts.isReplaced;
    if (isAmiss) this.#again(this.#timers(inputs, view).retry);
    else this.#rest(inputs, view);
  }

  #isDue({ packet }: Inputs, view: MeshView): boolean {
    const names = otherCatalogs({ packet, view }).map(({ name }) => name);
    const { epochDoubt } = this.parts.agent;
    const subject = JSON.stringify([packet.epoch, packet.signers, packet.site.role, view.epoch, names, epochDoubt]);
    const isOther = subject !== this.#subject;
    this.#subject = subject;
    if (isOther) this.#wait = lookMs;
    return isOther || this.parts.now() >= this.#dueAt;
  }

  #again(longestSeconds: number): void {
    this.#dueAt = this.parts.now() + this.#wait;
    this.#wait = Math.min(this.#wait * 2, longestSeconds * 1000);
  }

  /** A primary hears of no other one by NOTIFY, and asks as often as others when they miss something. */
  #rest(inputs: Inputs, view: MeshView): void {
    const { refresh, retry } = this.#timers(inputs, view);
    this.#dueAt = this.parts.now() + 1000 * (isPrimary(inputs.packet.site) ? retry : refresh);
    this.#wait = lookMs;
  }

  #timers({ packet }: Inputs, view: MeshView): Timers {
    const sources = otherCatalogs({ packet, view }).length;
    return centralTimers({ sites: view.sites.length, sources, spread: packet.site.name });
  }

  async #take(fence: Fence): Promise<void> {
    const { store, log, agent } = this.parts;
    const isFirst = store.state.fence === undefined;
    await store.update((state) => ({ ...state, fence }));
    const where = { epoch: epochText(fence.highest), leftOut: fence.behind };
    if (isFirst && fence.behind.length === 0) log.info("the epoch is known", where);
    else log.warn("central zones are taken by another epoch, or from other sites", where);
    agent.refence();
  }

  #replaced({ highest }: Fence): readonly string[] {
    if (!this.parts.mounts.isReplaced) return [];
    return [
      `${highest.primary} has had the primary catalog since epoch ${highest.number}: this site goes on as a secondary catalog; bring its stack up with the present shared stack`,
    ];
  }

  /** A zone that was transferred may have another content under the serial that was planned with. */
  #noteOwn(own: OwnEpochs): void {
    const text = JSON.stringify([...own].map(([zone, epoch]) => [zone, epoch ?? null]));
    if (this.#own !== "" && this.#own !== text) this.parts.agent.refence();
    this.#own = text;
  }

  /** Only once Knot has left out what is behind, and as long as anybody has something better. */
  async #retransfer(
    below: readonly (readonly [string, EpochAnswer])[],
    { inputs, answers, fence }: { readonly inputs: Inputs; readonly answers: SiteEpochs; readonly fence: Fence },
  ): Promise<void> {
    const { agent, control, log } = this.parts;
    const isThere = [...answers.values()].flat().some((answer) => has(answer, fence.highest));
    const fromWriter = isPrimary(inputs.packet.site);
    if (!agent.isSettled || !(isThere || fromWriter)) return;
    const zones = below.map(([zone]) => zone);
    log.warn("central zones of a replaced epoch are taken anew, whatever their serials", { zones });
    await control.zoneRetransfer(zones);
  }

  async #ask({ packet, runtime }: Inputs, view: MeshView): Promise<SiteEpochs> {
    const { directoryZone, signers } = packet;
    const name = `${meshLabel}.${directoryZone}`;
    const epochs = new Map<string, readonly EpochAnswer[]>();
    await inParallel(askWidth, otherCatalogs({ packet, view }), async ({ name: site, addresses }) => {
      for (const address of addresses) {
        const { answers, missing } = await askEveryPod(() => this.#texts({ address, port: runtime.remotePort }, name));
        if (answers.size === 0) continue;
        const said = [...answers.values()].map(({ strings }) =>
          checkedEpoch(directoryZone, readEpoch(factsOf(strings)), signers),
        );
        epochs.set(site, [...said, ...missing.map(() => "silent" as const)]);
        return;
      }
    });
    return epochs;
  }

  async #askOwn({ packet }: Inputs): Promise<OwnEpochs> {
    const { directoryZone, catalogZone, signers } = packet;
    const read = async (name: string) => {
      const found = await this.#texts(this.parts.knot, name).catch(() => undefined);
      return found && { epoch: readEpoch(factsOf(found.strings)) };
    };
    const [directory, catalog] = await Promise.all([
      read(`${meshLabel}.${directoryZone}`),
      read(catalogEpochName(catalogZone)),
    ]);
    const epochs = new Map<string, EpochAnswer>();
    if (directory) epochs.set(directoryZone, checkedEpoch(directoryZone, directory.epoch, signers));
    if (catalog) epochs.set(catalogZone, catalog.epoch);
    return epochs;
  }

  /** The strings of a TXT record, none where the zone does not have it. Throws where there is no answer with authority. */
  async #texts(server: DnsServer, name: string): Promise<PodEpoch> {
    const { message, nsid } = await this.parts.dns.queryWithNsid(server, name, "TXT");
    const { rcode, flags, answers } = message;
    if (!flags.aa || (rcode !== rcodes.NOERROR && rcode !== rcodes.NXDOMAIN))
      throw new Error(`${server.address} does not answer ${name} with authority`);
    const pod = nsid && parsePodId(nsid);
    const strings = answers.flatMap((record) => (record.type === "TXT" ? record.strings : []));
    return { strings, ...(pod && { pod }) };
  }
}

function isPrimaryWriter({ packet, runtime }: Inputs): boolean {
  return isPrimary(packet.site) && isWriter(runtime);
}
