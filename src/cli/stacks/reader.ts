import { basename, dirname } from "node:path";

import { messageOf, UserError } from "../../base/errors";
import { fields, parseJson } from "../../base/json";
import type { FormerOutputs, FoundStack } from "../../preflight/former-outputs";
import { errorsIn, runPulumi } from "./pulumi-process";

/** Reads what stacks said when they were brought up last. */
export interface StackReader {
  /** @throws UserError when the stack is there, or may be, and cannot be read. */
  find(stack: string): Promise<FoundStack>;
}

/** A stack by the path of its settings: `shared` of `Pulumi.shared.yaml`. */
export function stackOf(file: string): string {
  const [, stack] = /^Pulumi\.(.+)\.ya?ml$/.exec(basename(file)) ?? [];
  if (stack === undefined)
    throw new UserError(`${file} is not called Pulumi.STACK.yaml, so that it is not known which stack it is of`);
  return stack;
}

/** Stacks of the project in the folder of a stack's file, read by the `pulumi` on PATH. Secrets stay covered. */
export function pulumiReader(file: string): StackReader {
  const cwd = dirname(file);
  return { find: (stack) => outputsOf(stack, cwd) };
}

async function outputsOf(stack: string, cwd: string): Promise<FoundStack> {
  const args = ["stack", "output", "--json", "--stack", stack, "--color", "never"];
  const { code, stdout, stderr } = await runPulumi(args, { cwd });
  if (code === 0) return { kind: "found", outputs: fields(parseJson(stdout, "what pulumi stack output prints")) };
  // Pulumi's words for a stack that its backend does not have.
  if (/\bno stack named\b|\bunknown stack\b/.test(stderr)) return { kind: "missing" };
  throw new UserError(errorsIn(stderr));
}

/**
 * What the shared stack said last; undefined before its first time. The checks against losing zones go by it.
 *
 * @throws UserError when it cannot be read.
 */
export async function formerShared(stacks: StackReader, stack: string): Promise<FormerOutputs | undefined> {
  try {
    const found = await stacks.find(stack);
    return found.kind === "found" ? found.outputs : undefined;
  } catch (error) {
    throw new UserError(
      `what stack "${stack}" said when it was brought up last cannot be read: ${messageOf(error)}; the checks against losing zones go by it. ` +
        `Nothing was changed; make it readable (pulumi stack output -s ${stack}), and run this again`,
      { cause: error },
    );
  }
}
