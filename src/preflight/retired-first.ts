import * as pulumi from "@pulumi/pulumi";

import { messageOf, UserError } from "../base/errors";
import type { SharedConfig } from "../settings/shared-settings";
import { findStack, type FormerOutputs, qualified } from "./former-outputs";
import { heldBack } from "./held-back";
import { leavesAnything, primaryIn, type Published, publishedOf, readPublished } from "./published";
import {
  formerZones,
  type OwnerReport,
  refusedRemovals,
  removedZones,
  type StillIn,
  unseenRemovals,
  zonesLeavingWithSites,
} from "./zone-removal";

type Listed = Pick<SharedConfig, "mesh" | "emptied">;

/**
 * Makes sure that no zone leaves the list that was not retired before, or that still has DnsRecords, and that the sites
 * will not hold back what leaves: by what this stack said when it was brought up last, the owners' stacks, where they are
 * called as the sites are, and the primary's. A site that leaves takes its zones along, which is reported.
 *
 * @param o.today - ISO date.
 * @throws UserError that names each such zone and site and what to do.
 */
export async function requireRetired(
  { mesh, emptied }: Listed,
  o: { readonly former: FormerOutputs | undefined; readonly today: string },
): Promise<void> {
  const before = formerZones(readPublished(o.former?.["sites"]));
  const owners = new Map<string, OwnerReport>();
  for (const { owner } of removedZones(before, mesh)) if (!owners.has(owner)) owners.set(owner, await reportOf(owner));
  const input = { before, mesh, today: o.today, owners, emptied };
  const found = [...refusedRemovals(input), ...(await heldBackNow({ mesh, emptied }, o))];
  if (found.length > 0) throw new UserError(found.join("\n"));
  for (const { name, owner } of unseenRemovals(input)) {
    await pulumi.log.warn(
      `there is no stack "${owner}" to say whether DnsRecords are in the zone "${name}", which leaves the list; if ${owner} was brought up under another name, its own up looks`,
    );
  }
  for (const { name, owner } of zonesLeavingWithSites(input)) {
    await pulumi.log.warn(
      `the zone "${name}" leaves the mesh with ${owner}; ${owner} alone goes on answering it, and keeps its DnsRecords`,
    );
  }
}

async function reportOf(owner: string): Promise<OwnerReport> {
  try {
    const stack = await findStack(qualified(owner));
    return stack.kind === "missing" ? stack : { kind: "known", stillIn: stillInOf(stack.outputs) };
  } catch (error) {
    return { kind: "unreadable", reason: messageOf(error) };
  }
}

/** What the sites would hold back. They know what the primary published last, which may be older than this stack's last time. */
async function heldBackNow(
  { mesh }: Listed,
  { former, today }: { readonly former: FormerOutputs | undefined; readonly today: string },
): Promise<readonly string[]> {
  const [listed, after] = [readPublished(former?.["sites"]), publishedOf(mesh)];
  if (!leavesAnything(listed, after)) return [];
  const before = await publishedBy(primaryIn(former?.["sites"]), listed);
  return heldBack({ before, after, today });
}

/**
 * What a primary published last; nothing where it was never brought up. Where that cannot be read, what this stack said
 * last must do. A primary whose stack is called otherwise looks once more in its own `up`.
 */
async function publishedBy(primary: string | undefined, listed: Published): Promise<Published> {
  if (primary === undefined) return listed;
  try {
    const stack = await findStack(qualified(primary));
    if (stack.kind === "missing") return {};
    const { published } = stack.outputs;
    return published === undefined ? listed : readPublished(published);
  } catch {
    return listed;
  }
}

/** Shapes that this release does not write count as nothing reported. */
function stillInOf({ retiring }: FormerOutputs): StillIn {
  if (typeof retiring !== "object" || retiring === null) return {};
  return Object.fromEntries(
    Object.entries(retiring).flatMap(([zone, names]) => (Array.isArray(names) ? [[zone, names.map(String)]] : [])),
  );
}
