import { inParallel } from "../../../base/in-parallel";
import { without } from "../../../base/lists";
import { Turns } from "../../../base/turns";
import type { DnsClient, DnsServer } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import type { KnotControl } from "../../../knot/control/knot-control";

/** What {@link OwnAnswers} asks. */
export interface OwnAnswersParts {
  readonly dns: Pick<DnsClient, "querySoa">;
  readonly control: Pick<KnotControl, "loadingZones">;
  readonly knot: DnsServer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A look at the own zones of a server that was ready once. */
export interface OwnLook {
  /** Own zones that have a content here, or had one. */
  readonly own: readonly string[];
  /** Zones that every server has: one of them shows whether it serves anything. */
  readonly central: readonly string[];
  /** The site's other pods. */
  readonly siblings: readonly DnsServer[];
}

/** Own zones that the server does not answer, and why it should therefore get no traffic, if it should not. */
export interface OwnFindings {
  readonly unanswered: readonly string[];
  readonly reason?: string;
}

/** Of so many zones is asked in one look; the next look goes on with others. */
const mostZones = 20;
/** Questions that wait for their answers at a time. */
const askWidth = 16;
/** Between whole looks, at all zones and all pods of the site, as long as the same zones are not answered. */
const wholeAgainMs = 10_000;
/** The same, for each own zone, where another pod is better: that one may be about to go. */
const againMsPerZone = 5;

/**
 * Which own zones a server answers, and whether it is better than none. One that lacks a zone still serves all others, and is
 * left out only where another pod of its site lacks less and nothing else: of two that lack different zones both serve.
 */
export class OwnAnswers {
  readonly #turns = new Turns(mostZones);
  #last: OwnFindings = { unanswered: [] };
  #wholeAt = 0;
  /** Whether it was good enough once: until then a zone that is being loaded is waited for. */
  #served = false;

  constructor(private readonly parts: OwnAnswersParts) {}

  /** @throws DnsError when the server answers nothing at all. */
  async look(input: OwnLook): Promise<OwnFindings> {
    const { own, central } = input;
    const known = new Set(this.#last.unanswered);
    const asked = new Set([...own.filter((zone) => known.has(zone)).slice(0, mostZones), ...this.#turns.next(own)]);
    const unanswered = new Set(await this.#unanswered(this.parts.knot, asked.size === 0 ? central : [...asked]));
    const isAsBefore = [...asked].every((zone) => known.has(zone) === unanswered.has(zone));
    const isClean = known.size === 0 && (unanswered.size === 0 || own.length === 0);
    if (isClean) this.#last = { unanswered: [] };
    else if (!isAsBefore || this.parts.now() >= this.#wholeAt) await this.#lookAtAll(input);
    this.#served ||= this.#last.reason === undefined;
    return this.#last;
  }

  async #lookAtAll(input: OwnLook): Promise<void> {
    const unanswered = await this.#unanswered(this.parts.knot, input.own);
    const reason = unanswered.length === 0 ? undefined : await this.#reason(input, unanswered);
    this.#last = { unanswered, ...(reason !== undefined && { reason }) };
    const restMs = reason === undefined ? wholeAgainMs : Math.min(wholeAgainMs, againMsPerZone * input.own.length);
    this.#wholeAt = this.parts.now() + restMs;
  }

  /** Why it should get no traffic. */
  async #reason({ own, central, siblings }: OwnLook, lacking: readonly string[]): Promise<string | undefined> {
    const [zone = ""] = lacking;
    const { control, knot } = this.parts;
    if (lacking.length === own.length && (await this.#unanswered(knot, central)).length === central.length)
      return `no zone is answered, ${zone} neither`;
    const loading = this.#served ? [] : await control.loadingZones(lacking).catch(() => []);
    if (loading[0] !== undefined) return `zone ${loading[0]} is being loaded`;
    for (const sibling of siblings) {
      const theirs = await this.#unanswered(sibling, own).catch(() => own);
      if (theirs.length < lacking.length && without(theirs, lacking).length === 0)
        return `zone ${without(lacking, theirs)[0] ?? ""} is not answered, which another pod of the site answers`;
    }
    return undefined;
  }

  /** Those of these zones that a server does not answer with authority. Throws when it does not answer at all. */
  async #unanswered(server: DnsServer, zones: readonly string[]): Promise<readonly string[]> {
    const failed = new Set<string>();
    const ask = async (zone: string): Promise<void> => {
      try {
        await this.parts.dns.querySoa(server, zone);
      } catch (error) {
        if (isUnreachable(error)) throw error;
        failed.add(zone);
      }
    };
    // One that does not answer is asked once.
    const [first, ...others] = zones;
    if (first !== undefined) await ask(first);
    await inParallel(askWidth, others, ask);
    return zones.filter((zone) => failed.has(zone));
  }
}
