import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";

/** Characters of each log that are kept, the latest. */
const mostLog = 512 * 1024;

/** The end of what several programs wrote. */
export class Log {
  #text = "";
  readonly #listeners = new Set<(text: string) => void>();

  /** Gives each piece that comes to a listener, until that is disposed of. */
  listen(listener: (text: string) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  add(text: string): void {
    for (const listener of this.#listeners) listener(text);
    this.#text += text;
    if (this.#text.length > 2 * mostLog) this.#text = this.#text.slice(-mostLog);
  }

  get text(): string {
    return this.#text;
  }
}

/** What a {@link LabProcess} runs. */
interface ProcessOptions {
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** Is given what it writes. Without one that is dropped. */
  readonly log?: Pick<Log, "add">;
  /** Whether {@link LabProcess.tell} is used. */
  readonly listens?: boolean;
  /** Called once when it exited without `end`. */
  readonly died?: () => void;
}

/**
 * A program of the lab. The kernel kills it when the lab's process ends, however that comes about; and what a terminal
 * sends to the lab (Ctrl-C) does not reach it.
 */
export class LabProcess {
  readonly #child: ChildProcess;
  #isEnding = false;

  constructor(options: ProcessOptions) {
    const output = options.log === undefined ? "ignore" : "pipe";
    const env = options.env ?? process.env;
    // setpriv becomes the program: there is no process in between.
    const args = ["--pdeathsig", "KILL", "--", ...options.command];
    this.#child = spawn("setpriv", args, {
      env,
      detached: true,
      stdio: [options.listens === true ? "pipe" : "ignore", output, output],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => options.log?.add(text));
    }
    this.#child.stdin?.on("error", () => undefined);
    this.#child.once("error", (error) => {
      options.log?.add(`${error.message}\n`);
      if (!this.#isEnding) options.died?.();
    });
    this.#child.once("exit", () => {
      if (!this.#isEnding) options.died?.();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get runs(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Writes to its standard input. */
  tell(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends it as a crash would. Returns whether there was something to end. */
  crash(): boolean {
    return this.runs && this.#child.kill("SIGKILL");
  }

  /** Ends it and waits until it is gone; after five seconds by force. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#isEnding = true;
    if (!this.runs) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    const hard = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await exited;
    clearTimeout(hard);
  }
}

/** Waits for the end of its input, then removes a folder, and what is mounted in it; what was just killed may hold it for a moment. */
const script = `
read -r _
tries=0
cut -d' ' -f2 /proc/mounts | grep -F -- "$1/" | xargs -r -n1 umount --lazy 2>/dev/null
while [ -e "$1" ] && [ $tries -lt 100 ]; do
  rm -rf -- "$1" 2>/dev/null
  tries=$((tries + 1))
  [ -e "$1" ] && sleep 0.1
done
exit 0
`;

/** Sees to it that a lab's folder goes when the lab's process ends, however that comes about. */
export class Guardian implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(private readonly folder: string) {
    // In a session of its own: what ends the lab by way of its terminal must not end this first.
    this.#child = spawn("sh", ["-c", script, "lab-guardian", folder], {
      detached: true,
      cwd: "/",
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#child.on("error", () => undefined);
    this.#child.unref();
  }

  /** Removes the folder now. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    this.#child.stdin?.end();
  }
}

const firstWaitMs = 200;
const longestWaitMs = 30_000;
/** After so long without a crash the first wait is taken again. */
const calmMs = 60_000;

/** A program that is started again when it ends by itself, sooner or later, as a container's supervisor does it. */
export class KeptProcess {
  #process: LabProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = firstWaitMs;
  #started = 0;

  /** @param options - asked for at each start */
  constructor(private readonly options: () => ProcessOptions) {}

  get pid(): number | undefined {
    return this.#process?.runs === true ? this.#process.pid : undefined;
  }

  /** Starts it unless it runs. */
  start(): void {
    clearTimeout(this.#timer);
    if (this.#process?.runs === true) return;
    this.#started = Date.now();
    this.#process = new LabProcess({
      ...this.options(),
      died: () => {
        this.#again();
      },
    });
  }

  /** Ends it as a crash would, so that it is started again. Returns whether it ran. */
  crash(): boolean {
    return this.#process?.crash() === true;
  }

  /** Ends it for good. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    clearTimeout(this.#timer);
    await this.#process?.end(signal);
  }

  #again(): void {
    if (Date.now() - this.#started > calmMs) this.#waitMs = firstWaitMs;
    this.#timer = setTimeout(() => {
      this.start();
    }, this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, longestWaitMs);
  }
}
