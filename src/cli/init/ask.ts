import { createInterface } from "node:readline/promises";

import { UserError } from "../../base/errors";
import { foldName, siteNameProblem, zoneNameProblem } from "../../base/names";
import { ipVersion } from "../../dns/address";
import { InterruptedError } from "../exit-codes";
import type { InitAnswers, InitSite } from "./files";

/** Asks a person, who may take what is suggested. */
export interface Questions {
  /** @param problemOf - What is wrong with an answer, which is then asked for once more. */
  ask(question: string, suggestion: string, problemOf: (answer: string) => string | undefined): Promise<string>;
  say(line: string): void;
}

/** Asks for a new mesh. `contexts` are those of the kubeconfig. */
export async function askForMesh(
  questions: Questions,
  contexts: readonly string[],
): Promise<Omit<InitAnswers, "organization">> {
  questions.say("A new mesh. What is in [brackets] is taken when you press Enter.");
  const directoryZone = await questions.ask("zone that says which sites there are", "dns.internal", zoneProblem);
  const catalogZone = await questions.ask("zone that lists all zones", "catalog.internal.dns", zoneProblem);
  questions.say(
    contexts.length === 0
      ? "There is no kubeconfig context here."
      : `Contexts of your kubeconfig: ${contexts.join(", ")}`,
  );
  questions.say("Sites: the first has the primary catalog, the second stands in for it. An empty name ends the list.");
  const sites: InitSite[] = [];
  for (;;) {
    const site = await askForSite(questions, { contexts, sites });
    if (site === undefined) return { directoryZone, catalogZone, sites };
    sites.push(site);
  }
}

interface SoFar {
  readonly contexts: readonly string[];
  readonly sites: readonly InitSite[];
}

async function askForSite(questions: Questions, { contexts, sites }: SoFar): Promise<InitSite | undefined> {
  const taken = new Set(sites.map(({ name }) => name));
  const next = sites.length === 0 ? (contexts.find((name) => siteNameProblem(name) === undefined) ?? "site-a") : "";
  const name = await questions.ask(`site ${sites.length + 1}: name`, next, (answer) => {
    if (answer === "") return sites.length === 0 ? "a mesh has at least one site" : undefined;
    return taken.has(answer) ? `"${answer}" is taken` : problemText(answer, siteNameProblem(answer));
  });
  if (name === "") return undefined;
  const context = await questions.ask(
    "  kubeconfig context of its cluster",
    contexts.includes(name) ? name : "",
    (answer) => (contexts.includes(answer) ? undefined : `your kubeconfig has ${contexts.join(", ") || "none"}`),
  );
  const addresses = await questions.ask(
    "  addresses where other sites ask it (auto: those that its load balancer gets)",
    "",
    (answer) => {
      if (answer === "auto") return undefined;
      const bad = words(answer).find((word) => ipVersion(word) === undefined);
      if (bad !== undefined) return `"${bad}" is not an IP address, such as 192.0.2.1 or 2001:db8::1`;
      return words(answer).length === 0 ? "a site has at least one address" : undefined;
    },
  );
  const zones = await questions.ask("  zones that it owns, with spaces between", "", (answer) =>
    words(answer)
      .map((word) => zoneProblem(word))
      .find((problem) => problem !== undefined),
  );
  return { name, context, addresses: words(addresses), zones: words(zones) };
}

/** What stands between spaces or commas. */
export function words(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function zoneProblem(answer: string): string | undefined {
  return problemText(answer, zoneNameProblem(foldName(answer)));
}

function problemText(answer: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `"${answer}" ${problem}`;
}

/**
 * Asks the person at the terminal: on the standard error when the standard output is JSON, which a program reads.
 *
 * @param instead - What says to the command beforehand what it would ask for.
 * @throws UserError when the standard input is no terminal.
 */
export function questionsFor(options: { readonly json?: boolean }, instead: string): Questions & Disposable {
  if (!process.stdin.isTTY) throw new UserError(`this is not a terminal to ask on; ${instead}`);
  return onTerminal(process.stdin, options.json === true ? process.stderr : process.stdout);
}

/** Questions on a terminal. @throws UserError when it ends in the middle, InterruptedError by Ctrl-C. */
export function onTerminal(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Questions & Disposable {
  const lines = createInterface({ input, output });
  const unanswered = "the questions were not answered to the end. Nothing was written";
  const closed = new Promise<never>((_, reject) => {
    lines.once("SIGINT", () => {
      reject(new InterruptedError(unanswered));
      lines.close();
    });
    lines.once("close", () => {
      reject(new UserError(unanswered));
    });
  });
  closed.catch(() => undefined);
  const answerTo = (prompt: string): Promise<string> =>
    // Once it is closed, a question throws before the promise does.
    Promise.race([closed, lines.question(prompt).catch(() => closed)]);
  const say = (line: string): void => void output.write(`${line}\n`);
  return {
    say,
    ask: async (question, suggestion, problemOf) => {
      for (;;) {
        const prompt = `${question}${suggestion === "" ? "" : ` [${suggestion}]`}: `;
        const answer = (await answerTo(prompt)).trim() || suggestion;
        const problem = problemOf(answer);
        if (problem === undefined) return answer;
        say(`  ${problem}`);
      }
    },
    [Symbol.dispose]: () => {
      lines.close();
    },
  };
}
