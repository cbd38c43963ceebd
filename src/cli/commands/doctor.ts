import type { Command } from "commander";

import { addCommand, printJson, withJson } from "../command";
import { exitCodes } from "../exit-codes";

interface Options {
  readonly file: string;
  readonly local?: boolean;
  readonly json?: boolean;
}

/** `mesh doctor`: what is commonly wrong, and its cure. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "doctor",
      summary: "looks for what is commonly wrong: machine, stacks, clusters, between sites",
      description:
        "Each fault comes with its cure. A check that cannot be made says so, and is not fine. It changes nothing; ends with 1 when something is wrong or could not be checked.",
      examples: ["doctor", "doctor --local", "doctor --json"],
    }),
  )
    .option("--file <FILE>", "the shared stack's file", "Pulumi.shared.yaml")
    .option("--local", "looks at this machine and the stacks alone")
    .action(async ({ file, local = false, json }: Options) => {
      const { examine } = await import("../doctor/examine");
      const { findingLines, needsCare } = await import("../doctor/check");
      const findings = await examine({ file, local, today: new Date().toISOString().slice(0, 10) });
      if (json === true) printJson({ findings });
      else for (const line of findingLines(findings)) console.log(line);
      if (needsCare(findings)) process.exitCode = exitCodes.found;
    });
}
