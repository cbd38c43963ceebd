import type { Command } from "commander";

import { addCommand, printJson, withJson } from "../command";

/** `mesh crd`: the definitions of DnsRecord and DnsPool. */
export function register(program: Command): void {
  withJson(
    addCommand(program, {
      usage: "crd",
      summary: "the definitions of DnsRecord and DnsPool, and their roles",
      description: "For a cluster that has no site: a site's stack brings them along.",
      examples: ["crd | kubectl apply -f -"],
    }),
  ).action(async ({ json }: { readonly json?: boolean }) => {
    const { recordDefinition, recordRoles } = await import("../../records/crd");
    const { poolDefinition } = await import("../../pools/crd");
    const { manifestText } = await import("../manifest-text");
    const items = [recordDefinition(), poolDefinition(), ...recordRoles()];
    if (json === true) printJson({ apiVersion: "v1", kind: "List", items });
    else process.stdout.write(manifestText(items));
  });
}
