import { messageOf } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import { printableText } from "../../base/text";
import type { Engine } from "../stacks/engine";
import type { Stages } from "./order";

/** What an `up` of many stacks is made of. */
export interface UpRequest {
  readonly engine: Pick<Engine, "up">;
  readonly stages: Stages;
  /** How many stacks of a stage are brought up at a time. */
  readonly width: number;
  /** Stops it: what is under way is ended as Ctrl-C ends it, nothing new begins. */
  readonly signal: AbortSignal;
  /** Milliseconds since some moment. */
  readonly now: () => number;
  readonly print: (line: string) => void;
}

/** How far it came. */
export interface UpOutcome {
  readonly done: readonly { readonly stack: string; readonly changes: number; readonly seconds: number }[];
  readonly failed: readonly { readonly stack: string; readonly reason: string }[];
  /** Begun and stopped by the signal. */
  readonly interrupted: readonly string[];
  /** Not begun. */
  readonly left: readonly string[];
}

/**
 * Brings stacks up, stage by stage. After a failure nothing new begins: a later stage builds on the earlier ones, and a
 * fault in what is rolled out should not reach every site. What is under way comes to its end.
 */
export async function bringUp(request: UpRequest): Promise<UpOutcome> {
  const { engine, signal, now } = request;
  const print = (line: string): void => {
    request.print(printableText(line));
  };
  const done: UpOutcome["done"][number][] = [];
  const failed: UpOutcome["failed"][number][] = [];
  const interrupted: string[] = [];
  const left: string[] = [];
  const one = async (stack: string): Promise<void> => {
    if (isOver(signal) || failed.length > 0) {
      left.push(stack);
      return;
    }
    const begun = now();
    print(`${stack}: up`);
    try {
      const { steps, warnings } = await engine.up(stack, {
        signal,
        onStep: ({ op, type, name }) => {
          print(`${stack}:   ${op} ${type} ${name}`);
        },
      });
      for (const warning of warnings) print(`${stack}: warning: ${warning}`);
      const seconds = Math.round((now() - begun) / 1000);
      done.push({ stack, changes: steps.length, seconds });
      print(`${stack}: ${steps.length === 0 ? "nothing to do" : `up, ${steps.length} resources`} (${seconds} s)`);
    } catch (error) {
      const reason = messageOf(error);
      const wasStopped = isOver(signal) && isStopped(reason);
      if (wasStopped) interrupted.push(stack);
      else failed.push({ stack, reason });
      print(`${stack}: ${wasStopped ? ["stopped", ...ownWords(reason)].join("\n") : `failed: ${reason}`}`);
    }
  };
  for (const stage of request.stages) await inParallel(request.width, stage, one);
  return { done, failed, interrupted, left };
}

/** What an engine says that was told to end; one that fails by itself at that moment says something else. */
function isStopped(reason: string): boolean {
  return reason.split("\n").some(isOfStopping);
}

/** What is in a reason beside that it was stopped. */
function ownWords(reason: string): readonly string[] {
  return reason.split("\n").filter((line) => !isOfStopping(line));
}

function isOfStopping(line: string): boolean {
  return line.trim() === "" || /cancel|interrupt|signal: |code: -1\b/i.test(line);
}

/** A signal can be given while something is waited for. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** What to say at the end: what is left, and how to go on. */
export function outcomeLines({ done, failed, interrupted, left }: UpOutcome): readonly string[] {
  const list = (stacks: readonly string[]): string => stacks.join(", ");
  const open = [...failed.map(({ stack }) => stack), ...interrupted, ...left];
  // A stack that is to be brought up once more is not up.
  const up = [...new Set(done.map(({ stack }) => stack))].filter((stack) => !open.includes(stack));
  if (open.length === 0) return [`up: ${list(up)}`];
  return [
    ...(up.length > 0 ? [`up: ${list(up)}`] : []),
    ...(failed.length > 0 ? [`failed: ${list(failed.map(({ stack }) => stack))}`] : []),
    ...(interrupted.length > 0 ? [`stopped half way: ${list(interrupted)}`] : []),
    ...(left.length > 0 ? [`left: ${list(left)}`] : []),
    "Nothing is lost: run the same again, which goes on where this stopped. What is up already is looked at, and left alone.",
  ];
}
