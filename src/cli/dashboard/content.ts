import { groupBy } from "../../base/group";
import type { MeshAccess } from "../mesh-access";
import type { VerifyReport } from "../verify";
import { type MeshVerdict, verifyMesh } from "../verify-mesh";
import type { ContentState } from "./page-state";

/** Failures that are shown: a server that is away fails for every zone. */
const mostFailures = 20;

/** Compares the content of all zones as `mesh verify` does. */
export async function compareContent(access: MeshAccess, now: () => number): Promise<ContentState> {
  return contentOf(await verifyMesh(access), new Date(now()).toISOString());
}

/** What the page shows of a comparison. Records stay out of it: they are `mesh verify`'s to print. */
export function contentOf(
  { report, keyFailures }: Pick<MeshVerdict, "report" | "keyFailures">,
  at: string,
): ContentState {
  const { copies, zones, notAsked } = report;
  const failures = [
    ...failuresOf(zones),
    ...notAsked.map((site) => `${site} was not asked: there is no key for it`),
    ...keyFailures,
  ];
  const left = failures.length - mostFailures;
  return {
    ...{ at, copies },
    differing: zones
      .filter(({ differing }) => differing.length > 0)
      .map(({ zone, differing }) => ({ zone, at: differing.map((copy) => copy.at) })),
    failures: left > 0 ? [...failures.slice(0, mostFailures), `and ${left} more`] : failures,
  };
}

/** A line for each server, with how many zones it failed for. */
function failuresOf(zones: VerifyReport["zones"]): readonly string[] {
  const each = zones.flatMap(({ zone, failures }) => failures.map((failure) => ({ ...failure, zone })));
  return [...groupBy(each, ({ at }) => at)].map(([at, of]) => {
    const what = of.length === 1 ? (of[0]?.zone ?? "") : `${of.length} zones`;
    const reason = of[0]?.reason.replace(/^AXFR of "[^"]*" from /, "") ?? "";
    return `${what} could not be taken from ${at}: ${reason}`;
  });
}
