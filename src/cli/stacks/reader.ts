import { dirname } from "node:path";

import { UserError } from "../../base/errors";
import { fields, parseJson } from "../../base/json";
import { type FoundStack, unreadable } from "../../preflight/former-outputs";
import { errorsIn, runPulumi } from "./pulumi-process";
import { stackNameIn } from "./stack-file";

/** Reads what stacks said when they were brought up last. */
export interface StackReader {
  /** @throws UserError when the stack is there, or may be, and cannot be read. */
  find(stack: string): Promise<FoundStack>;
}

/** The stack of a file. @throws UserError for a file that is not called as one. */
export function stackOf(file: string): string {
  const stack = stackNameIn(file);
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

/** Names of the stacks that the project in the folder of a stack's file has. @throws UserError when they cannot be listed. */
export async function stackNames(file: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runPulumi(["stack", "ls", "--json", "--color", "never"], {
    cwd: dirname(file),
  });
  if (code !== 0) throw new UserError(`the stacks cannot be listed: ${errorsIn(stderr)}`);
  const listed = parseJson(stdout, "what pulumi stack ls prints");
  // Pulumi Cloud puts an organization and the project before the name.
  return Array.isArray(listed) ? listed.map((stack) => String(fields(stack)["name"]).split("/").at(-1) ?? "") : [];
}

/**
 * What the shared stack said last. The checks against losing zones go by it. A stack that is not there is another thing
 * than one that was never brought up: the backend may be the wrong one, or have lost it.
 *
 * @throws UserError when it cannot be read.
 */
export async function findShared(stacks: StackReader, stack: string): Promise<FoundStack> {
  try {
    return await stacks.find(stack);
  } catch (error) {
    throw unreadable(stack, error);
  }
}

/** That a stack is not there, and how to see where that is. */
export function noStack(stack: string): string {
  return `there is no stack "${stack}" in the backend that pulumi is logged in to (pulumi whoami --verbose names it)`;
}
