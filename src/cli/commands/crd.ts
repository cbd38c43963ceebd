import type { Command } from "commander";

import { addCommand, printJson, withJson } from "../command";

/** `mesh crd`: the definition of DnsRecord. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "crd",
      summary: "the definition of DnsRecord and its roles",
      description: "For a cluster that has no site: a site's stack brings them along.",
      examples: ["crd | kubectl apply -f -"],
    }),
  ).action(async ({ json }: { readonly json?: boolean }) => {
    const { recordDefinition, recordRoles } = await import("../../records/crd");
    const { manifestText } = await import("../manifest-text");
    const items = [recordDefinition(), ...recordRoles()];
    if (json === true) printJson({ apiVersion: "v1", kind: "List", items });
    else process.stdout.write(manifestText(items));
  });
}
