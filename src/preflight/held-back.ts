import { UserError } from "../base/errors";
import { defaultLimits } from "../mesh/limits";
import type { WelcomePacket } from "../mesh/model";
import { planMesh } from "../mesh/plan-mesh";
import type { Held, MeshView, SiteView } from "../mesh/view";
import type { FormerOutputs } from "./former-outputs";
import { markOf, type Published, readPublished } from "./published";
import { namesText } from "./zone-removal";

/**
 * Makes sure that the sites will take what the primary is about to publish, by what it published when it was brought up
 * last. Any other site publishes nothing.
 *
 * @param facts.today - ISO date.
 * @throws UserError that names the sites and zones that would be held back.
 */
export function requirePublishable(
  { packet, published }: { readonly packet: WelcomePacket; readonly published: Published },
  facts: { readonly former: FormerOutputs | undefined; readonly today: string },
): void {
  if (packet.site.role !== "primary-catalog") return;
  const found = heldBack({ before: readPublished(facts.former?.["published"]), after: published, today: facts.today });
  if (found.length > 0) throw new UserError(found.join("\n"));
}

/**
 * What every site would hold back if `after` came in the place of `before`, a sentence each, by the very rules that the
 * agents go by: it would stay in service everywhere although it is off the list, which only the sites' logs would say.
 *
 * @param change.today - ISO date.
 */
export function heldBack(change: {
  readonly before: Published;
  readonly after: Published;
  readonly today: string;
}): readonly string[] {
  const [self] = Object.keys(change.after);
  const known = viewOf(change.before, 1);
  if (self === undefined || known.sites.length === 0) return [];
  const discovered = {
    kind: "view",
    view: viewOf(change.after, 2),
    uncertain: { sites: [], zones: [] },
    problems: [],
  } as const;
  const { held } = planMesh({ self, known, discovered, limits: defaultLimits, today: change.today });
  return held.map((each) => sentence(each, known, change.today));
}

function sentence({ kind, names }: Held, known: MeshView, today: string): string {
  return (
    `mesh.sites: the ${kind} ${namesText(names).join(", ")} are gone from the list, ${names.length} of ${known[kind].length}, and every site would hold them back: ` +
    `of what was not retired before, one or a third may leave at once. Nothing was changed. To confirm, put them back with "retired: ${today}" ` +
    `(a retired site takes its zones along), bring up shared and the primary, and take them off after that (docs/adr/0004-retirement-is-the-confirmation.md)`
  );
}

/** The rules look at names, owners and marks alone. */
function viewOf(published: Published, serial: number): MeshView {
  const sites = Object.entries(published).map(([name, site]): SiteView => ({
    name,
    role: "standard",
    addresses: [],
    sources: [],
    ...markOf(site),
  }));
  const zones = Object.entries(published).flatMap(([owner, site]) =>
    Object.entries(site.zones).map(([name, zone]) => ({ name, owner, id: "", ...markOf(zone) })),
  );
  return { directorySerial: serial, catalogSerial: serial, sites, zones };
}
