import type { Lab } from "../../lab";
import { DnsClient } from "../../src/dns/client/dns-client";
import { DnsError } from "../../src/dns/errors";
import type { Change, History, Question } from "./history";

/** Checks what `Programmed` says: from then on every linked pod answers the change, or what followed it. */
export class Promises {
  readonly #dns = new DnsClient({ timeoutMs: 1400 });

  constructor(
    private readonly options: {
      readonly lab: Lab;
      readonly history: History;
      /** Whether a pod has no fault, and the operator is linked with it. */
      readonly isBound: (pod: string) => boolean;
      readonly broken: (pod: string, detail: string) => void;
    },
  ) {}

  /** Asks every pod at once, and holds it to the change from then on. */
  async check(change: Change): Promise<void> {
    const { history, lab, isBound } = this.options;
    history.acknowledge(change);
    const bound = [...lab.sites.keys()].filter(isBound);
    for (const pod of bound) history.promise(pod, change);
    await Promise.all(bound.map((pod) => this.#ask(pod, change)));
  }

  async #ask(pod: string, { zone, name }: Change): Promise<void> {
    const { history, lab, isBound, broken } = this.options;
    const question: Question = { zone, name, type: "TXT" };
    const standard = history.standard(pod, question);
    try {
      const answer = await this.#dns.query(lab.site(pod).server, name, "TXT");
      const wrong = history.judge(pod, { question, standard, answer });
      if (wrong !== undefined && isBound(pod)) broken(pod, `TXT of ${name}: ${wrong.rule}: ${wrong.detail}`);
    } catch (error) {
      // No answer at all is no other answer.
      if (!(error instanceof DnsError)) throw error;
    }
  }
}
