import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { ensureTools } from "../harness/tools";
import { messageOf, UserError } from "../src/base/errors";
import { parseCommand } from "./commands";
import { createDisplay, type Display, failureLine } from "./display";
import { Lab } from "./lab";
import { type LabRun, labUsage, parseLabArguments } from "./lab-options";
import { isInPrivateNetwork, rerunInPrivateNetwork } from "./namespaces";
import { LabPlan } from "./plan";
import { defaultStorage, gatherFacts, labProblems, memoryNeed } from "./preflight";
import { checkScript, parseScript, type ScriptLine } from "./script";
import { Session } from "./session";
import { takeSnapshot } from "./snapshot";

/** Exit statuses of a lab that got a signal while it was working, and of one that was wrong to ask for, which did nothing. */
const [interruptedStatus, usageStatus] = [130, 2];
/** Between looks at the mesh; longer when a look takes long. */
const lookEveryMs = 1000;
/** Between looks at whether the process that started this one is still there. */
const parentEveryMs = 500;

/** The status of a failure by now. */
let failureStatus = usageStatus;

async function main(): Promise<void> {
  const run = parseLabArguments(process.argv.slice(2));
  if (run === undefined) {
    console.log(labUsage());
    return;
  }
  const script = readScript(run);
  await check(run);
  failureStatus = 1;
  if (run.network === "namespaces" && !isInPrivateNetwork()) process.exitCode = await rerunInPrivateNetwork();
  else process.exitCode = await runLab(run, script);
}

/** @throws UserError for whatever can be seen to be wrong in the script. */
function readScript(run: LabRun): readonly ScriptLine[] | undefined {
  if (run.script === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(run.script, "utf8");
  } catch (error) {
    throw new UserError(`--script ${run.script} cannot be read: ${messageOf(error)}`);
  }
  try {
    const lines = parseScript(text);
    checkScript(lines, new LabPlan({ ...run, prefix: "192.0" }), run.network);
    return lines;
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${run.script}:\n${error.message}`) : error;
  }
}

/** @throws UserError with all that this machine lacks. Knot is fetched when it is missing and this is root. */
async function check(run: LabRun): Promise<void> {
  const wanted = { ...run, storage: run.storage ?? defaultStorage(run.sites) };
  let problems = labProblems(wanted, gatherFacts(wanted));
  const { isRoot, knotProblem } = gatherFacts(wanted);
  if (knotProblem !== undefined && isRoot && problems.length === 1) {
    await ensureTools(["knot"], (line) => {
      console.log(line);
    });
    problems = labProblems(wanted, gatherFacts(wanted));
  }
  if (problems.length > 0) throw new UserError(problems.join("\n"));
}

/** Returns the exit status. */
async function runLab(run: LabRun, script: readonly ScriptLine[] | undefined): Promise<number> {
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  endWithParent(end);
  const display = createDisplay(end, run);
  try {
    await using lab = await Lab.create({ ...run, keepsLogs: true, storage: run.storage ?? defaultStorage(run.sites) });
    await using session = new Session(lab, {
      say: (line) => {
        display.say(line);
      },
      show: (snapshot) => {
        display.table(snapshot);
      },
    });
    try {
      const life = live({ run, script, lab, display, session, signal: ending.signal });
      return (await Promise.race([life, aborted(ending.signal)])) ?? interruptedStatus;
    } finally {
      end();
    }
  } finally {
    display.close();
  }
}

/** From the start to the last command. Returns the exit status. */
async function live(parts: {
  readonly run: LabRun;
  readonly script: readonly ScriptLine[] | undefined;
  readonly lab: Lab;
  readonly display: Display;
  readonly session: Session;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { lab, display, run, session } = parts;
  const say = (line: string): void => {
    display.say(line);
  };
  await start(lab, run, say);
  display.ready(await lab.writeAccess());
  void watch({ lab, display, session, signal: parts.signal });
  const failed = parts.script === undefined ? false : !(await runScript(parts.script, session, say));
  if (failed) return 1;
  if (parts.script === undefined) {
    say('type a command; "help" lists them');
    const wantsEnd = await converse(display, session, say);
    if (wantsEnd) return 0;
  }
  if (run.hold) {
    say("holding until Ctrl-C");
    await aborted(parts.signal);
  }
  return 0;
}

async function start(lab: Lab, run: LabRun, say: (line: string) => void): Promise<void> {
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  say(`starting ${run.sites} sites with ${run.zones} zones; about ${memoryNeed(run)} MiB of memory`);
  const step = Math.max(1, Math.round(run.sites / 10));
  await lab.upAll((ready) => {
    if (ready % step === 0 || ready === run.sites) say(`${ready} of ${run.sites} sites are ready`);
  });
  const { siteMiB, totalMiB } = measureMemory(lab);
  say(`all sites are ready after ${seconds()}; ${siteMiB.toFixed(1)} MiB a site, ${Math.round(totalMiB)} MiB together`);
}

/** Returns whether all of it went well. A failure is reported, and the rest is skipped. */
async function runScript(
  lines: readonly ScriptLine[],
  session: Session,
  say: (line: string) => void,
): Promise<boolean> {
  for (const { line, text, command } of lines) {
    say(`> ${text}`);
    try {
      if (!(await session.run(command))) return true;
    } catch (error) {
      say(failureLine(error));
      say(`the script ends at line ${line}`);
      return false;
    }
  }
  return true;
}

/** Carries out what is typed. Returns whether the end was asked for; otherwise the input has ended. */
async function converse(display: Display, session: Session, say: (line: string) => void): Promise<boolean> {
  let goesOn = true;
  await display.lines(async (line) => {
    try {
      const command = parseCommand(line);
      if (command !== undefined) goesOn = await session.run(command);
    } catch (error) {
      say(failureLine(error));
    }
    return goesOn;
  });
  return !goesOn;
}

async function watch(parts: { lab: Lab; display: Display; session: Session; signal: AbortSignal }): Promise<void> {
  while (!parts.signal.aborted) {
    const began = performance.now();
    try {
      parts.display.show(await takeSnapshot(parts.lab), parts.session.lastChange);
    } catch (error) {
      parts.display.say(failureLine(error));
    }
    const took = performance.now() - began;
    await delay(Math.max(lookEveryMs, 4 * took), undefined, { ref: false });
  }
}

/** npm, or whatever started the lab, may be killed by SIGKILL: then the lab ends as well. */
function endWithParent(end: () => void): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, parentEveryMs).unref();
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => {
      resolve(undefined);
    });
  });
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    process.exitCode = error instanceof UserError ? failureStatus : 1;
  })
  .finally(() => {
    // Whatever is still under way belongs to a lab that is gone.
    process.exit();
  });

/** MiB of memory that a lab's servers and agents take, shared pages counted in parts. */
function measureMemory(lab: Lab): { readonly siteMiB: number; readonly totalMiB: number } {
  const pids = [...lab.sites.values()].flatMap(({ pids: { knot, agent } }) => [knot, agent]);
  const totalMiB = pids.reduce((sum: number, pid) => sum + (pid === undefined ? 0 : proportionalMiB(pid)), 0);
  return { siteMiB: totalMiB / Math.max(1, lab.sites.size), totalMiB };
}

function proportionalMiB(pid: number): number {
  try {
    const kib = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}
