import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { type AccessOptions, withAccess } from "../access-options";
import { addCommand, printJson, withJson } from "../command";
import { exitCodes } from "../exit-codes";
import type { MeshAccess } from "../mesh-access";
import type { PoolsLook } from "../pools-look";
import type { Vanished } from "../pools-report";

interface Options extends AccessOptions {
  readonly without?: readonly string[];
  readonly json?: boolean;
}

/** `mesh pools`: what pools lead to, and would lead to. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "pools",
    summary: "what pools lead to, and what they would lead to without a site or a target",
    description:
      "Reads over DNS what the sites' zones of pools say: each target as each site sees it, and what was decided. " +
      "With --without it decides anew as the operators do, from where each pool stands, as if a site were silent or every site saw a target down; nothing is changed. " +
      "Ends with 1 when a pool has, or would have, too few healthy targets, and when something cannot be read.",
    examples: ["pools", "pools --without site-c", "pools --without 10.20.0.10 --without site-b --json"],
  });
  withJson(withAccess(command))
    .option(
      "--without <SITE|TARGET>",
      "as if this site were gone, or the target of this value; may be given again",
      (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
    )
    .action(pools);
}

async function pools(options: Options): Promise<void> {
  const { readAccess } = await import("../mesh-access");
  const access = readAccess(options);
  const { lookAtPools } = await import("../pools-look");
  const { poolsReport, wouldBe } = await import("../pools-report");
  const { outlookTable, poolsTable } = await import("../pools-text");
  const { DnsClient } = await import("../../dns/client/dns-client");
  const look = await lookAtPools(access, { dns: new DnsClient({ timeoutMs: 1500 }) });
  const { without = [] } = options;
  const gone = vanished(access, look, without);
  const report = poolsReport(look, Date.now());
  const outlook = report.pools.map((pool, i) => {
    const seen = look.pools[i];
    const then = without.length === 0 || seen === undefined ? undefined : wouldBe(seen, gone, report.probes);
    return { ...pool, ...(then && { then }) };
  });
  const isBad = (verdict: string | undefined): boolean => verdict !== "Healthy";
  const isFine =
    look.left === 0 &&
    report.findings.length === 0 &&
    outlook.every(({ verdict, then }) => !isBad(verdict) && (without.length === 0 || !isBad(then?.verdict)));
  process.exitCode = isFine ? exitCodes.fine : exitCodes.found;
  if (options.json === true) {
    printJson({ ok: isFine, findings: report.findings, left: look.left, probes: report.probes, pools: outlook });
    return;
  }
  const { shown } = await import("../status-text");
  const said = shown({ findings: report.findings, outlook }) as {
    readonly findings: typeof report.findings;
    readonly outlook: typeof outlook;
  };
  for (const { severity, message } of said.findings) console.log(`${severity}: ${message}`);
  if (outlook.length === 0) console.log("no pools");
  else console.log(without.length === 0 ? poolsTable(said.outlook) : outlookTable(said.outlook, without));
  if (look.left > 0) console.log(`… and ${look.left} more, which were not asked for`);
}

/** @throws UserError for what is neither a site nor a target. */
function vanished({ mesh }: MeshAccess, look: PoolsLook, names: readonly string[]): Vanished {
  const sites = names.filter((name) => mesh.sites.some((site) => site.name === name));
  const targets = names.filter((name) => !sites.includes(name));
  const known = new Set(look.pools.flatMap(({ pool }) => pool.targets.map(({ value }) => value)));
  for (const name of targets)
    if (!known.has(name))
      throw new UserError(`--without "${name}" is neither a site of the mesh nor a target of a pool`);
  return { sites, targets };
}
