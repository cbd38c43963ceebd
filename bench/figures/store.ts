import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Run } from "./file";
import { commandOf, type Job } from "./jobs";

/**
 * Runs as they come, outside the checkout: a folder for each commit, a file for each job, a line of JSON for each run. What was
 * measured is not measured again, whenever and however a run of all of them ended.
 */
export class RunStore {
  /** @param folder - for all commits */
  constructor(
    private readonly folder: string,
    private readonly commit: string,
  ) {}

  /** Runs of the job as it is called today. A line that was not written to its end is none. */
  runs(name: string, job: Job): readonly Run[] {
    const file = this.#file(name);
    if (!existsSync(file)) return [];
    const command = commandOf(job);
    return readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line) => {
        const run = parsed(line);
        return run?.command === command ? [run] : [];
      });
  }

  add(name: string, run: Run): void {
    mkdirSync(join(this.folder, this.commit), { recursive: true });
    // A line break before, so that a line that was cut off takes nothing along.
    appendFileSync(this.#file(name), `\n${JSON.stringify(run)}\n`);
  }

  #file(name: string): string {
    return join(this.folder, this.commit, `${name}.jsonl`);
  }
}

function parsed(line: string): Run | undefined {
  if (line === "") return undefined;
  try {
    return JSON.parse(line) as Run;
  } catch {
    return undefined;
  }
}
