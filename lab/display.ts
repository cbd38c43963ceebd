import { createInterface, type Interface } from "node:readline";

import { messageOf } from "../src/base/errors";
import { renderSnapshot, type Snapshot, summarise } from "./snapshot";

/** What people see of a lab, and where they type. */
export interface Display {
  /** Something that happened. */
  say(line: string): void;
  /** Where the file is by which `mesh` finds the lab, which is ready. */
  ready(access: string): void;
  /** How it stands now; called again and again. */
  show(snapshot: Snapshot, lastChange: string): void;
  /** The whole table, since it was asked for. */
  table(snapshot: Snapshot): void;
  /** Each line that is typed, until there are no more. The next is given when the one before was carried out. */
  lines(carryOut: (line: string) => Promise<boolean>): Promise<void>;
  close(): void;
}

/** A display on a terminal, or plain lines for everything else; lines of JSON where they are asked for. */
export function createDisplay(interrupted: () => void, { json = false }: { readonly json?: boolean } = {}): Display {
  if (json) return new JsonDisplay();
  return process.stdout.isTTY ? new ScreenDisplay(interrupted) : new PlainDisplay();
}

const started = performance.now();

function stamped(line: string): string {
  return `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`;
}

/** Carries typed lines out, one after the other, until one says that it was the last. */
async function readLines(input: Interface, carryOut: (line: string) => Promise<boolean>): Promise<void> {
  for await (const line of input) {
    if (!(await carryOut(line))) return;
  }
}

/** Lines as they come; progress is printed when it changed. */
class PlainDisplay implements Display {
  #last = "";

  say(line: string): void {
    console.log(stamped(line));
  }

  ready(access: string): void {
    this.say(readyLine(access));
  }

  show(snapshot: Snapshot): void {
    const summary = summarise(snapshot);
    if (summary !== this.#last) this.say(summary);
    this.#last = summary;
  }

  table(snapshot: Snapshot): void {
    console.log(`${renderSnapshot(snapshot)}\n`);
  }

  async lines(carryOut: (line: string) => Promise<boolean>): Promise<void> {
    const input = createInterface({ input: process.stdin });
    await readLines(input, carryOut);
    input.close();
  }

  close(): void {
    // Nothing to put back.
  }
}

/** A line of JSON for each thing that happens: `message`, `access` once it is ready, or `sites` where the table was asked for. */
class JsonDisplay extends PlainDisplay {
  override say(line: string): void {
    this.#print({ message: line });
  }

  override ready(access: string): void {
    this.#print({ access });
  }

  override table(snapshot: Snapshot): void {
    this.#print(snapshot);
  }

  #print(said: object): void {
    console.log(JSON.stringify({ ms: Math.round(performance.now() - started), ...said }));
  }
}

/** Lines that are kept below the table. */
const keptLines = 8;
/** Rows that are neither sites nor kept lines: heading, rule, what was left out, summary, last change, two empty ones, prompt. */
const otherRows = 8;
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";

/** The table at the top, drawn again and again; below it the latest lines and a prompt. */
class ScreenDisplay implements Display {
  readonly #input: Interface;
  #said: string[] = [];
  #snapshot: Snapshot | undefined;
  #lastChange = "";

  constructor(interrupted: () => void) {
    this.#input = createInterface({ input: process.stdin, output: process.stdout, prompt: "lab> " });
    this.#input.on("SIGINT", interrupted);
    process.stdout.write(`${home}${clearBelow}`);
  }

  say(line: string): void {
    this.#said = [...this.#said, ...stamped(line).split("\n")].slice(-Math.max(keptLines, line.split("\n").length));
    this.#draw();
  }

  ready(access: string): void {
    this.say(readyLine(access));
  }

  show(snapshot: Snapshot, lastChange: string): void {
    this.#snapshot = snapshot;
    this.#lastChange = lastChange;
    this.#draw();
  }

  table(snapshot: Snapshot): void {
    this.show(snapshot, this.#lastChange);
  }

  async lines(carryOut: (line: string) => Promise<boolean>): Promise<void> {
    this.#draw();
    await readLines(this.#input, carryOut);
  }

  close(): void {
    this.#input.close();
    console.log();
  }

  #draw(): void {
    const { rows, columns } = process.stdout;
    const table = this.#snapshot === undefined ? [] : this.#tableLines(this.#snapshot, rows);
    const lines = [...table, ...this.#said].slice(-(rows - 1)).map((line) => line.slice(0, columns));
    process.stdout.write(`${home}${lines.map((line) => `${line}${clearLine}\n`).join("")}${clearBelow}`);
    this.#input.prompt(true);
  }

  #tableLines(snapshot: Snapshot, rows: number): string[] {
    const forSites = Math.max(3, rows - this.#said.length - otherRows);
    return [
      ...renderSnapshot(snapshot, forSites).split("\n"),
      "",
      summarise(snapshot),
      `last change: ${this.#lastChange}`,
      "",
    ];
  }
}

function readyLine(access: string): string {
  return `mesh status --access ${access}`;
}

/** A line for people about anything that was thrown. */
export function failureLine(error: unknown): string {
  return `! ${messageOf(error)}`;
}
