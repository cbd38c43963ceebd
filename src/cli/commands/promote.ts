import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { addCommand, printJson, withJson } from "../command";

interface Options {
  readonly file: string;
  readonly unasked?: boolean;
  readonly json?: boolean;
}

/** `mesh promote`: another primary catalog. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "promote <SITE>",
      summary: "another primary catalog, in the one list",
      description:
        "Asks the sites first whether SITE can take over, and edits two roles in the list, nothing else. It takes effect by pulumi up.",
      examples: ["promote site-b", "promote site-b --unasked"],
    })
      .option("--file <FILE>", "the shared stack's file", "Pulumi.shared.yaml")
      .option("--unasked", "does not ask the sites"),
  ).action(promoteIn);
}

async function promoteIn(site: string, { file, unasked, json }: Options): Promise<void> {
  if (file === "-") throw new UserError("the list is edited in its file: --file takes no -");
  const { promote } = await import("../promote");
  const { DnsClient } = await import("../../dns/client/dns-client");
  const { rewrite } = await import("../list/write");
  const { stackText } = await import("../stacks/stack-file");
  const dns = unasked === true ? {} : { dns: new DnsClient({ timeoutMs: 1500 }) };
  const before = stackText(file);
  const promotion = await promote({ file, text: before, site, ...dns });
  if (promotion !== undefined) await rewrite({ file, before, text: promotion.text });
  const lines = promotion?.lines ?? [`${file}: ${site} is the primary-catalog already`];
  if (json === true) printJson({ file, site, changed: promotion !== undefined, lines });
  else for (const line of lines) console.log(line);
}
