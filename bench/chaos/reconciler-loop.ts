import { writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

import { bundle } from "../../components/bundle";
import { LabProcess, Log } from "../../lab/process";
import { isAborted } from "../../src/base/clock";
import { reconcilerEnvironment } from "../../src/contract/environments";

/** Between two passes. */
const restMs = 4000;
/** A pass that is killed or stopped has had so long, at most. */
const mostMs = 800;

/** What happens to a site's reconciler. */
export type ReconcilerState = "whole" | "killed" | "stopped";

/** What {@link ReconcilerLoop} works with. */
export interface ReconcilerPlace {
  readonly file: string;
  readonly program?: string;
  readonly environment: Parameters<typeof reconcilerEnvironment.toEnvironment>[0];
  readonly apiPort: number;
  readonly enter: readonly string[];
}

/** Runs a site's reconciler again and again, as its CronJob does. */
export class ReconcilerLoop implements AsyncDisposable {
  readonly #log = new Log();
  #process: LabProcess | undefined;
  #state: ReconcilerState = "whole";
  readonly #ending = new AbortController();
  #work: Promise<void> = Promise.resolve();
  passes = 0;

  constructor(private readonly place: ReconcilerPlace) {
    writeFileSync(place.file, place.program ?? bundle("reconciler"));
  }

  start(): void {
    this.#work = this.#go();
  }

  log(): string {
    return this.#log.text;
  }

  /** From the next pass on; one that stands still goes on. */
  become(state: ReconcilerState): void {
    if (this.#state === "stopped" && this.#process?.runs === true) process.kill(this.#process.pid, "SIGCONT");
    this.#state = state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.become("whole");
    await this.#process?.end("SIGKILL");
    await this.#work;
  }

  async #go(): Promise<void> {
    const { signal } = this.#ending;
    while (!isAborted(signal)) {
      await this.#pass();
      await wait(restMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #pass(): Promise<void> {
    const { enter, file, environment, apiPort } = this.place;
    const command: readonly string[] = [...enter, "node", file];
    const [program = "node", ...args] = command;
    const env = {
      PATH: process.env["PATH"],
      KUBERNETES_SERVICE_HOST: "127.0.0.1",
      KUBERNETES_SERVICE_PORT: String(apiPort),
      ...reconcilerEnvironment.toEnvironment(environment),
    };
    const pass = (this.#process = new LabProcess({ command: [program, ...args], env, log: this.#log }));
    if (this.#state !== "whole") await this.#hurt(pass);
    while (pass.runs) await wait(50);
    this.passes += 1;
  }

  async #hurt(pass: LabProcess): Promise<void> {
    await wait(Math.random() * mostMs);
    if (this.#state === "killed") pass.crash();
    if (this.#state === "stopped" && pass.runs) process.kill(pass.pid, "SIGSTOP");
  }
}
