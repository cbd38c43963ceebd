import type { DnsServer } from "../../dns/client/dns-client";
import { isNewerSerial } from "../../dns/serial";
import type { PodAnswer } from "../pods";
import type { SitePods } from "./site-pods";

/**
 * Asks for a zone's serial. With `anew` from a source port of its own, by which another pod behind the address may get the
 * question; one socket for all otherwise. @throws DnsError
 */
export type AskSerial = (question: {
  readonly server: DnsServer;
  readonly zone: string;
  readonly anew: boolean;
}) => Promise<PodAnswer>;

/** Whom a {@link ZoneAtSite} asks, and about what. */
export interface ZoneAtSiteOptions {
  readonly site: string;
  readonly zone: string;
  /** What is known of the site's pods, whichever zone it was learned from. */
  readonly pods: SitePods;
  /** Addresses of single pods, by ordinal, where they can be reached by themselves: our own site's. */
  readonly direct: () => readonly DnsServer[];
  readonly ask: AskSerial;
}

/** For pods that did not get the first question of a look: rounds of further ones, and questions of a round at most. */
const mostRounds = 2;
const mostQuestions = 16;

/** Where a version of a zone stands at one site. Pods are ordinals. */
export interface Arrival {
  /** The site as a whole does not have it: it is silent, or answers something older wherever it answers. */
  readonly isMissing: boolean;
  /** Pods that answered something older, or nothing yet. */
  readonly late: readonly number[];
  /** Pods that none of many questions reached. */
  readonly unseen: readonly number[];
}

/** What a site answers about one zone: each of its pods, as far as questions reach them. */
export class ZoneAtSite {
  /** The latest serial that each pod answered, by ordinal. */
  readonly #serials = new Map<number, number>();
  /** Serials of the last look's answers that named no pod of the site. */
  #plain: readonly number[] = [];
  #isSilent = true;
  /** All that can be asked has this serial. */
  #arrived: number | undefined;

  constructor(private readonly options: ZoneAtSiteOptions) {}

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Asks at each address, and where the site has several pods until each answered, or had its chances. Never throws. */
  async look(servers: readonly DnsServer[], wanted: number): Promise<void> {
    if (this.#arrived !== undefined && !isNewerSerial(wanted, this.#arrived)) return;
    const { pods } = this.options;
    const direct = this.options.direct();
    const anew = direct.length === 0 && pods.replicas > 1;
    const first = await Promise.all(servers.map(async (server) => ({ server, answer: await this.#ask(server, anew) })));
    const answers = first.flatMap(({ answer }) => answer ?? []);
    this.#isSilent = answers.length === 0;
    this.#plain = answers.filter(({ pod }) => pod?.site !== this.options.site).map(({ serial }) => serial);
    const heard = this.#note(answers);
    await Promise.all(
      direct.map((server, ordinal) => this.#askDirectly(server, { ordinal, replicas: direct.length, wanted })),
    );
    const answering = first.flatMap(({ server, answer }) => (answer === undefined ? [] : [server]));
    await this.#askAnew(answering, { wanted, heard, direct: direct.length });
    const { isMissing, late, unseen } = this.arrivalOf(wanted);
    if (!isMissing && late.length + unseen.length === 0) this.#arrived = wanted;
  }

  /** What the answers so far say of a version. */
  arrivalOf(serial: number): Arrival {
    const { pods } = this.options;
    const missing = this.#missing(serial);
    const unseen = missing.filter((ordinal) => pods.isOutOfReach(ordinal));
    const late = missing.filter((ordinal) => !unseen.includes(ordinal));
    const isOlder = this.#plain.some((answer) => isNewerSerial(serial, answer));
    return { isMissing: this.#isSilent || isOlder || (late.length > 0 && late.length === pods.replicas), late, unseen };
  }

  /** Pods that are not known to have a version. */
  #missing(serial: number): readonly number[] {
    return Array.from({ length: this.options.pods.replicas }, (_, ordinal) => ordinal).filter((ordinal) => {
      const answer = this.#serials.get(ordinal);
      return answer === undefined || isNewerSerial(serial, answer);
    });
  }

  async #askDirectly(
    server: DnsServer,
    { ordinal, replicas, wanted }: { readonly ordinal: number; readonly replicas: number; readonly wanted: number },
  ): Promise<void> {
    const { site, pods } = this.options;
    const known = this.#serials.get(ordinal);
    if (known !== undefined && !isNewerSerial(wanted, known)) return;
    const answer = await this.#ask(server, false);
    if (answer === undefined) pods.miss(ordinal);
    else this.#note([{ serial: answer.serial, pod: { site, ordinal, replicas } }]);
  }

  /** A question cannot be aimed at a pod: it is repeated until the missing pods have answered. */
  async #askAnew(
    servers: readonly DnsServer[],
    question: { readonly wanted: number; readonly heard: Set<number>; readonly direct: number },
  ): Promise<void> {
    const { pods } = this.options;
    const { wanted, heard, direct } = question;
    for (let round = 0; round < mostRounds && servers.length > 0; round++) {
      const missing = this.#missing(wanted).filter((ordinal) => ordinal >= direct && !heard.has(ordinal));
      const hoped = missing.filter((ordinal) => !pods.isOutOfReach(ordinal)).length;
      // Those out of reach have one question of each look.
      const count = hoped > 0 ? Math.min(2 * hoped, mostQuestions) : Number(missing.length > 0 && round === 0);
      const asked = Array.from({ length: count }, (_, i) => servers.slice(i % servers.length)[0]).flatMap((server) =>
        server === undefined ? [] : [this.#ask(server, true)],
      );
      for (const ordinal of this.#note((await Promise.all(asked)).flatMap((answer) => answer ?? [])))
        heard.add(ordinal);
    }
  }

  /** Takes answers of pods. Returns which pods they are of. */
  #note(answers: readonly PodAnswer[]): Set<number> {
    const heard = new Set<number>();
    for (const { serial, pod } of answers) {
      if (pod?.site !== this.options.site) continue;
      this.options.pods.note(pod);
      this.#serials.set(pod.ordinal, serial);
      heard.add(pod.ordinal);
    }
    return heard;
  }

  async #ask(server: DnsServer, anew: boolean): Promise<PodAnswer | undefined> {
    return this.options.ask({ server, zone: this.options.zone, anew }).catch(() => undefined);
  }
}
