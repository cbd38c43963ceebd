import { Argument, type Command } from "commander";

import { addCommand, printJson, withJson } from "../command";

const kinds = ["shared", "site"] as const;

/** `mesh schema`: the JSON Schema of stack files. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "schema",
    summary: "the JSON Schema of a stack file, for editors and checks",
    examples: ["schema site > site.schema.json"],
  });
  withJson(command)
    .addArgument(new Argument("<KIND>", "of stack").choices(kinds))
    .action(async (kind: (typeof kinds)[number]) => {
      const { stackFileSchemas } = await import("../../settings/json-schema");
      const found = Object.entries(stackFileSchemas()).find(([name]) => name.includes(kind));
      printJson(found?.[1]);
    });
}
