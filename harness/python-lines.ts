import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { basename } from "node:path";
import { createInterface } from "node:readline";

import { pythonOf } from "./tools/python";

/** What a program answers to a task. */
type Answer = { readonly answer: unknown } | { readonly failure: string };

/**
 * A Python program that answers each line of its input, a task as JSON, with a line: `{"answer": …}` or `{"failure": "…"}`.
 * One for many tasks, since its start takes ten times as long as a task. While it has none, this process does not wait for it:
 * who does not dispose of it has it until this process ends.
 */
export class PythonLines implements AsyncDisposable {
  readonly #child;
  readonly #lines;
  readonly #closed: Promise<unknown>;
  #last: Promise<unknown> = Promise.resolve();
  #errors = "";

  constructor(
    private readonly program: string,
    python = pythonOf("python"),
  ) {
    this.#child = spawn(python, [program]);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    // An input that takes no task any more is told by the answer that is not there.
    this.#child.stdin.on("error", () => undefined);
    this.#closed = once(this.#child, "close").catch((error: unknown) => (this.#errors += String(error)));
    this.#hold(false);
  }

  /** One task after the other. @throws Error with the program's failure, or with its errors when it has ended. */
  ask(task: object): Promise<unknown> {
    const turn = this.#last.then(() => this.#exchange(task));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Ends the program, after the tasks that it has. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    this.#hold(true);
    this.#child.stdin.end();
    await this.#closed;
  }

  async #exchange(task: object): Promise<unknown> {
    this.#hold(true);
    try {
      this.#child.stdin.write(`${JSON.stringify(task)}\n`);
      const { value, done } = await this.#lines.next();
      if (done === true) {
        await this.#closed;
        throw new Error(`${basename(this.program)} ended: ${this.#errors}`);
      }
      const said = JSON.parse(value) as Answer;
      if ("failure" in said) throw new Error(said.failure);
      return said.answer;
    } finally {
      this.#hold(false);
    }
  }

  /** Whether this process lives on for it. */
  #hold(holds: boolean): void {
    const { stdin, stdout, stderr } = this.#child as unknown as Record<"stdin" | "stdout" | "stderr", Socket>;
    for (const each of [this.#child, stdin, stdout, stderr]) {
      if (holds) each.ref();
      else each.unref();
    }
  }
}
