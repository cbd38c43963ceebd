import { LabProcess, type ProcessOptions } from "./process";

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
