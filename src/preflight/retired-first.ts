import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../base/errors";
import type { Mesh } from "../mesh/model";
import { formerZones, refusedRemovals, removedZones, zonesLeavingWithSites, type StillIn } from "./zone-removal";
import { formerOutputs, outputsOfStack } from "./former-outputs";

/**
 * Makes sure that no zone leaves the list that was not retired before, or that still has DnsRecords: by what this stack
 * said when it was brought up last, and the owners' stacks, where they are called as the sites are. A site that leaves
 * takes its zones along, which is told.
 *
 * @param today - ISO date.
 * @throws UserError that names each such zone and what to do.
 */
export async function requireRetired(mesh: Mesh, today: string): Promise<void> {
  const before = formerZones((await formerOutputs())?.["sites"]);
  const owners = new Set(removedZones(before, mesh).map(({ owner }) => owner));
  const stillIn = new Map<string, StillIn | undefined>();
  for (const owner of owners) stillIn.set(owner, stillInOf(await outputsOfStack(owner)));
  const found = refusedRemovals({ before, mesh, today, stillIn });
  if (found.length > 0) throw new UserError(found.join("\n"));
  for (const { name, owner } of zonesLeavingWithSites({ before, mesh, today })) {
    await pulumi.log.warn(
      `the zone "${name}" leaves the mesh with ${owner}; ${owner} alone goes on answering it, and keeps its DnsRecords`,
    );
  }
}

/** Shapes that this release does not write count as nothing told. */
function stillInOf(outputs: Readonly<Record<string, unknown>> | undefined): StillIn | undefined {
  if (outputs === undefined) return undefined;
  const told = outputs["retiring"];
  if (typeof told !== "object" || told === null) return {};
  return Object.fromEntries(
    Object.entries(told).flatMap(([zone, names]) => (Array.isArray(names) ? [[zone, names.map(String)]] : [])),
  );
}
