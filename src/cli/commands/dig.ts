import type { Command } from "commander";

import { type AccessOptions, withAccess } from "../access-options";
import { addCommand, printJson, withJson } from "../command";
import { exitCodes } from "../exit-codes";

/** Milliseconds for an answer; a question that is lost is asked once more. */
const answerMs = 1500;

/** `mesh dig`: what every site answers, side by side. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "dig <NAME> [TYPE]",
    summary: "what every site answers, differences marked",
    description:
      "TYPE is A when left out. Ends with 1 where sites answer differently, without authority, or not at all, or an address does not.",
    examples: ["dig www.example.com", "dig example.com SOA --json"],
  });
  withJson(withAccess(command)).action(dig);
}

async function dig(name: string, type = "A", options: AccessOptions & { readonly json?: boolean }): Promise<void> {
  const { readAccess } = await import("../mesh-access");
  const access = readAccess(options);
  const { askEverySite } = await import("../dig");
  const { digText } = await import("../dig-text");
  const { DnsClient } = await import("../../dns/client/dns-client");
  const { foldName } = await import("../../base/names");
  const { styleFor } = await import("../style");
  const dns = new DnsClient({ timeoutMs: answerMs });
  const report = await askEverySite(access, { dns, name: foldName(name), type: type.toUpperCase() });
  if (options.json === true) printJson(report);
  else process.stdout.write(`${digText(report, styleFor(process.stdout))}\n`);
  process.exitCode = report.ok ? exitCodes.fine : exitCodes.found;
}
