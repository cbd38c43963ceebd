import { DnsError } from "../../src/dns/errors";
import type { Message } from "../../src/dns/message";
import type { Change, History, Question } from "./history";

/** Checks what `Programmed` says: from then on every linked pod answers the change, or what followed it. */
export class Promises {
  constructor(
    private readonly options: {
      readonly history: History;
      readonly pods: () => readonly string[];
      /** A pod's answer for a name's TXT record; undefined when it could not be had. */
      readonly ask: (pod: string, name: string) => Promise<Message | undefined>;
      /** Whether a pod has no fault, and the operator is linked with it. */
      readonly isBound: (pod: string) => boolean;
      readonly broken: (pod: string, detail: string) => void;
    },
  ) {}

  /**
   * Asks every pod at once, and holds it to the change from then on.
   *
   * @param but - names sites that are away, and pods that could not be seen (`site-b pod 1`): nothing is said of them
   */
  async check(change: Change, but: string): Promise<void> {
    const { history, pods, isBound } = this.options;
    history.acknowledge(change);
    const bound = pods().filter((pod) => isBound(pod) && !isNamed(pod, but));
    for (const pod of bound) history.promise(pod, change);
    await Promise.all(bound.map((pod) => this.#ask(pod, change)));
  }

  async #ask(pod: string, { zone, name }: Change): Promise<void> {
    const { history, isBound, broken } = this.options;
    const question: Question = { zone, name, type: "TXT" };
    const standard = history.standard(pod, question);
    try {
      const answer = await this.options.ask(pod, name);
      const wrong = answer && history.judge(pod, { question, standard, answer });
      if (wrong !== undefined && isBound(pod)) broken(pod, `TXT of ${name}: ${wrong.rule}: ${wrong.detail}`);
    } catch (error) {
      // No answer at all is no other answer.
      if (!(error instanceof DnsError)) throw error;
    }
  }
}

/** Whether a pod, or its site as a whole, is in such a text. */
export function isNamed(pod: string, text: string): boolean {
  const [site = "", ordinal = "0"] = pod.split("/");
  const words = text.split(/[,;:] */);
  return words.includes(site) || words.includes(`${site} pod ${ordinal}`);
}
