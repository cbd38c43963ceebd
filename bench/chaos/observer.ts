import type { Lab } from "../../lab";
import { catalogZone, directoryZone } from "../../lab/plan";
import { DnsClient } from "../../src/dns/client/dns-client";
import { UdpChannel } from "../../src/dns/client/udp-channel";
import { DnsError } from "../../src/dns/errors";
import type { Message } from "../../src/dns/message";
import type { Due, History, Question, Wrong } from "./history";
import type { Random } from "./random";

/** Questions and what became of them. Lost are those without any answer, asked twice. */
export interface AnswerCounts {
  readonly tried: number;
  readonly wrong: number;
  readonly lost: number;
  /** Older than the bound by less than the machine kept the mesh from running; not among the wrong ones. */
  readonly withheld: number;
}

/** Between two questions to a site: below what one address may ask before its answers are cut. */
const everyMs = 40;
/** Longer than the way there and back of a link with the fault `delay`. */
const timeoutMs = 1400;
/** Share of questions that are for a zone's SOA. */
const soaShare = 0.3;
/** Share of the others that are for what changed last. A zone gets ever more names, of which an old copy has nearly all. */
const latestShare = 0.5;

/** Asks every pod all the time, at an even pace whatever the answers, and judges each answer by the history. */
export class Observer implements Disposable {
  readonly #channel = new UdpChannel();
  readonly #dns = new DnsClient({ timeoutMs, channel: this.#channel });
  readonly #counts = { tried: 0, wrong: 0, lost: 0, withheld: 0 };
  readonly #lostAt = new Map<string, number>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #pending = new Set<Promise<void>>();

  constructor(
    private readonly options: {
      readonly lab: Lab;
      readonly history: History;
      readonly random: Random;
      readonly wrong: (pod: string, question: Question, wrong: Wrong) => void;
      /** By when a change must have been acknowledged to be due at a pod now. */
      readonly due: (pod: string, zone: string) => Due;
    },
  ) {}

  get counts(): AnswerCounts {
    return { ...this.#counts };
  }

  /** Questions that got no answer, by pod. */
  get lostAt(): ReadonlyMap<string, number> {
    return new Map(this.#lostAt);
  }

  start(): void {
    for (const { podName } of this.options.lab.sites.values()) {
      const ask = (): void => {
        const asking = this.#ask(podName, this.#question()).finally(() => this.#pending.delete(asking));
        this.#pending.add(asking);
      };
      this.#timers.push(setInterval(ask, everyMs));
    }
  }

  /** Asks no more, and waits for what is still under way. */
  async stop(): Promise<void> {
    this.#end();
    await Promise.all(this.#pending);
  }

  [Symbol.dispose](): void {
    this.#end();
    this.#channel.close();
  }

  #end(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #question(): Question {
    const { history, random } = this.options;
    const { zones } = history;
    if (random.next() < soaShare) {
      const zone = random.pick([...zones, directoryZone, catalogZone]);
      return { zone, name: zone, type: "SOA" };
    }
    const zone = random.pick(zones);
    const latest = random.next() < latestShare ? history.latest(zone) : [];
    return { zone, name: random.pick(latest.length > 0 ? latest : history.names(zone)), type: "TXT" };
  }

  async #ask(site: string, question: Question): Promise<void> {
    const { history } = this.options;
    const standard = history.standard(site, question, this.options.due(site, question.zone));
    this.#counts.tried += 1;
    const answer = await this.#answer(site, question);
    if (answer === undefined) {
      this.#counts.lost += 1;
      this.#lostAt.set(site, (this.#lostAt.get(site) ?? 0) + 1);
      return;
    }
    const wrong = history.judge(site, { question, standard, answer });
    if (wrong === undefined) return;
    if (wrong.isWithheld === true) {
      this.#counts.withheld += 1;
      return;
    }
    this.#counts.wrong += 1;
    this.options.wrong(site, question, wrong);
  }

  async #answer(site: string, { name, type }: Question): Promise<Message | undefined> {
    try {
      return await this.#dns.query(this.options.lab.site(site).server, name, type);
    } catch (error) {
      if (error instanceof DnsError) return undefined;
      throw error;
    }
  }
}
