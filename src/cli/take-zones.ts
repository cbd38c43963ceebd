import { messageOf, UserError } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { byName } from "../base/text";
import { DnsClient } from "../dns/client/dns-client";
import { FailedError } from "./exit-codes";
import type { LintZone } from "./lint";
import { type MeshAccess, ownerFirst, type TransferPoint, transferPoints } from "./mesh-access";

const width = 16;

/** The sites' own zones, each from its owner, or from another site while that is away. @throws UserError when one cannot be had. */
export async function takeZones(access: MeshAccess, failures: readonly string[]): Promise<readonly LintZone[]> {
  const points = transferPoints(access);
  if (points.length === 0)
    throw new UserError(
      ["there is no key to transfer zones with: --key FILE (and --ca FILE), or name zone files", ...failures].join(
        "\n",
      ),
    );
  const zones: LintZone[] = [];
  const own = access.mesh.sites.flatMap(({ name: owner, zones: all }) => all.map(({ name }) => ({ name, owner })));
  await inParallel(width, own, async ({ name, owner }) => {
    zones.push(await takeZone(name, ownerFirst(points, owner)));
  });
  return byName(zones);
}

async function takeZone(name: string, points: readonly TransferPoint[]): Promise<LintZone> {
  const dns = new DnsClient({ timeoutMs: 5000 });
  const reasons: string[] = [];
  for (const { servers, key } of points)
    for (const server of servers) {
      try {
        return { name, records: await dns.transfer(server, name, key) };
      } catch (error) {
        reasons.push(messageOf(error));
      }
    }
  throw new FailedError(`${name} could be transferred from no site: ${reasons.slice(0, 3).join("; ")}`);
}
