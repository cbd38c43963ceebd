import { connect } from "node:net";
import { join } from "node:path";

import { listFolder, writeAtomically } from "../../base/files";
import { resolverFiles, versionVariable } from "../../contract/resolver";
import type { WorkerCounts } from "./metrics";

/** How a process of Knot Resolver is: not there, there without an answer, or there with the version of the configuration that it runs. */
export type WorkerState =
  | { readonly kind: "away" }
  | { readonly kind: "silent" }
  | { readonly kind: "answers"; readonly version: string | undefined };

/** Milliseconds that a process has for an answer: one thread answers these and those of clients. */
const answerMs = 2000;
/** What is asked, in Lua, and what comes back, whatever stands around it. */
const question = `'running ' .. tostring(${versionVariable}) .. ' now'`;
const answer = /running (\w+) now/;
/** What its module `stats` counted, as ` group.name=count` each. */
const countsQuestion = `'counted' .. (function() local t = {} for group, all in pairs(stats.list()) do if type(all) == 'table' then for name, count in pairs(all) do if type(count) == 'number' then t[#t + 1] = ' ' .. group .. '.' .. name .. '=' .. count end end end end return table.concat(t) end)() .. ' so far'`;
const counted = /counted((?: [\w.]+=\d+)*) so far/;

/** Speaks to the processes of Knot Resolver by their control sockets, which are in the folder that both containers see. */
export class WorkerControl {
  constructor(
    private readonly folder: string,
    private readonly patienceMs = answerMs,
  ) {}

  /** How a process is now. What it says comes from the loop that answers clients: one that hangs is silent. */
  async state(worker: number): Promise<WorkerState> {
    const states = await Promise.all((await this.#sockets(worker)).map((path) => this.#stateAt(path)));
    const [first = { kind: "away" }] = ["answers", "silent"].flatMap((kind) =>
      states.filter((state) => state.kind === kind),
    );
    return first;
  }

  /** What a process counted since it started, by the names of the module `stats`; undefined when it does not say. */
  async counts(worker: number): Promise<WorkerCounts | undefined> {
    for (const path of await this.#sockets(worker)) {
      const found = await this.#answer(path, countsQuestion, counted);
      if (found.said !== undefined) return new Map(found.said.trim().split(" ").map(countOf));
    }
    return undefined;
  }

  /** Has a process end, which the shell starts anew: by its control socket, or by the shell when it does not take that. */
  async restart(worker: number): Promise<void> {
    const ends = (await this.#sockets(worker)).map((path) => this.#say(path, "quit()", () => false));
    const hasHungUp = (await Promise.all(ends)).every((end) => end !== "nothing");
    if (!hasHungUp) await writeAtomically(resolverFiles(this.folder).end(worker), "");
  }

  async #sockets(worker: number): Promise<readonly string[]> {
    const control = resolverFiles(this.folder).control(worker);
    return (await listFolder(control)).map((name) => join(control, name));
  }

  async #stateAt(path: string): Promise<WorkerState> {
    const { end, said } = await this.#answer(path, question, answer);
    if (said !== undefined) return { kind: "answers", ...{ version: said === "nil" ? undefined : said } };
    return { kind: end === "nothing" ? "silent" : "away" };
  }

  /** What the first group of an expected answer is, as soon as it is there, and how it ended. */
  async #answer(path: string, line: string, expected: RegExp) {
    let text = "";
    const end = await this.#say(path, line, (more) => {
      text += more;
      return expected.test(text);
    });
    return { end, said: expected.exec(text)?.[1] };
  }

  /** Says something, and listens until it is enough, the process has hung up, or nothing comes for too long. Never rejects. */
  #say(path: string, line: string, isEnough: (text: string) => boolean): Promise<"enough" | "hungUp" | "nothing"> {
    return new Promise((resolve) => {
      const socket = connect(path);
      const end = (how: "enough" | "hungUp" | "nothing") => {
        clearTimeout(timer);
        resolve(how);
        socket.destroy();
      };
      const timer = setTimeout(end, this.patienceMs, "nothing");
      socket.setEncoding("utf8");
      socket.on("data", (text: string) => {
        if (isEnough(text)) end("enough");
      });
      socket.once("error", () => {
        end("hungUp");
      });
      socket.once("close", () => {
        end("hungUp");
      });
      socket.write(`${line}\n`);
    });
  }
}

function countOf(text: string): readonly [name: string, count: number] {
  const [name = "", count] = text.split("=");
  return [name, Number(count)];
}
