import { connect } from "node:net";
import { join } from "node:path";

import { listFolder, writeAtomically } from "../../base/files";
import { resolverFiles, versionVariable } from "../../contract/resolver";

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
    let text = "";
    const end = await this.#say(path, question, (more) => {
      text += more;
      return answer.test(text);
    });
    const version = answer.exec(text)?.[1];
    if (version !== undefined) return { kind: "answers", ...{ version: version === "nil" ? undefined : version } };
    return { kind: end === "nothing" ? "silent" : "away" };
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
