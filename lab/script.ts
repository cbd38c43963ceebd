import { UserError } from "../src/base/errors";
import { alertNames } from "./alerts";
import { type Command, parseCommand } from "./commands";
import { needsNamespaces, type NetworkKind } from "./network";
import type { LabPlan } from "./plan";

/** A command of a script, and where it stands. */
export interface ScriptLine {
  readonly line: number;
  readonly text: string;
  readonly command: Command;
}

/**
 * Reads a whole script, a command a line.
 *
 * @throws UserError with every line that is wrong.
 */
export function parseScript(text: string): ScriptLine[] {
  const lines = text.split("\n").map((each, i) => ({ line: i + 1, text: each.trim() }));
  return withAllProblems(lines, (each) => {
    const command = parseCommand(each.text);
    return command === undefined ? [] : [{ ...each, command }];
  });
}

/**
 * Plays a script through on a plan, which it changes, to find what cannot work before anything is started.
 *
 * @throws UserError with every line that is wrong.
 */
export function checkScript(lines: readonly ScriptLine[], plan: LabPlan, network: NetworkKind): void {
  withAllProblems(lines, ({ command }) => {
    checkCommand(command, plan, network);
    applyToPlan(command, plan);
    return [];
  });
}

/** Sees whether a command can be carried out on what the plan lists. @throws UserError when it cannot. */
export function checkCommand(command: Command, plan: LabPlan, network: NetworkKind): void {
  switch (command.kind) {
    case "cut":
    case "heal":
    case "delay":
    case "loss":
      if (network !== "namespaces") throw needsNamespaces(command.kind);
      plan.listed(command.site);
      return;
    case "kill":
    case "start":
    case "ask":
      plan.listed(command.site);
      return;
    case "wait alert":
      if (!alertNames.includes(command.alert))
        throw new UserError(`there is no alert "${command.alert}"; there are: ${alertNames.join(", ")}`);
      plan.listed(command.site);
      return;
    case "change":
      plan.ownZone(command.zone);
      return;
    default:
      checkNameServers(command, plan);
  }
}

function checkNameServers(command: Command, { nameServers }: LabPlan): void {
  if (command.kind === "remove site" && Array.isArray(nameServers) && nameServers.includes(command.site))
    throw new UserError(`NS records name ${command.site}, as was asked for; say others first: name servers all`);
  if (command.kind === "wait name servers" && nameServers === undefined)
    throw new UserError("NS records are as zones began; say first whom they name: name servers all");
}

/** Makes the plan list what it lists after the command. @throws UserError when that cannot be. */
function applyToPlan(command: Command, plan: LabPlan): void {
  if (command.kind === "add site") plan.addNamed(command.site);
  if (command.kind === "remove site") plan.remove(command.site);
  if (command.kind === "add zone") plan.addZone(command.zone, command.site);
  if (command.kind === "name servers") plan.nameThem(command.servers);
  if (command.kind === "remove zone") plan.removeZone(command.zone);
}

function withAllProblems<L extends { readonly line: number }, T>(
  lines: readonly L[],
  read: (line: L) => readonly T[],
): T[] {
  const problems: string[] = [];
  const results = lines.flatMap((each) => {
    try {
      return read(each);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(`line ${each.line}: ${error.message}`);
      return [];
    }
  });
  if (problems.length > 0) throw new UserError(problems.join("\n"));
  return results;
}
