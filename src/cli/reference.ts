import type { Command } from "commander";

/** A command, and what it is called with. */
export interface ListedCommand {
  /** Words behind `mesh`. */
  readonly path: string;
  readonly command: Command;
}

/** All commands of a program, groups before what is in them. */
export function everyCommand(parent: Command, before: readonly string[] = []): readonly ListedCommand[] {
  return parent.commands.flatMap((command) => {
    const path = [...before, command.name()];
    return [{ path: path.join(" "), command }, ...everyCommand(command, path)];
  });
}

/** The reference of all commands, in Markdown: their own help. */
export function commandReference(program: Command): string {
  const sections = everyCommand(program).map(({ path, command }) => {
    const help = command.createHelp();
    const lines = [
      `### mesh ${path}`,
      "",
      `\`mesh ${usageOf(path, command)}\``,
      "",
      ...command.description().split("\n"),
      ...table("option", optionsOf(command)),
      ...table(
        "argument",
        help.visibleArguments(command).map((each) => [each.name(), each.description]),
      ),
    ];
    return lines.join("\n");
  });
  return `${sections.join("\n\n")}\n`;
}

function usageOf(path: string, command: Command): string {
  return `${path} ${command.usage()}`.trim();
}

function optionsOf(command: Command): readonly (readonly [string, string])[] {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help")
    .map((option) => [`\`${option.flags}\``, help.optionDescription(option)]);
}

function table(head: string, rows: readonly (readonly [string, string])[]): readonly string[] {
  const filled = rows.filter(([, text]) => text !== "");
  if (filled.length === 0) return [];
  return [
    "",
    `| ${head} | |`,
    "| --- | --- |",
    ...filled.map(([name, text]) => `| ${name} | ${text.replaceAll("|", "\\|")} |`),
  ];
}
