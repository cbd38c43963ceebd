import { UserError } from "../base/errors";
import { isNewerSerial } from "../dns/serial";
import { type Epoch, epochText, isAbove } from "./epoch";
import type { DiscoveredMesh, RefusedDiscovery } from "./read-view";
import { type MeshView, viewHash } from "./view";

/** What a catalog site answered when it was asked for both central zones. */
export interface CatalogAnswer {
  readonly site: string;
  readonly found: DiscoveredMesh | RefusedDiscovery | { readonly kind: "failed"; readonly reason: string };
}

/** What {@link newestView} decides on. */
export interface NewestFacts {
  readonly answers: readonly CatalogAnswer[];
  /** Catalog sites that may be missing, as the user says. */
  readonly without: readonly string[];
  /** The highest epoch that any site was brought up with. */
  readonly known: Epoch | undefined;
}

/**
 * The newest view that catalog sites give: of the highest epoch, and of that the newest serial.
 *
 * @throws UserError when a catalog site gives none and may not be missing, when none gives one, when two give different ones
 *   under one serial, or when sites know a higher epoch. Silence, refusal and half an answer are never taken for an answer.
 */
export function newestView({ answers: all, without, known }: NewestFacts): MeshView {
  const answers = all.filter(({ site }) => !without.includes(site));
  const problems = answers.flatMap((answer) => {
    const problem = problemOf(answer);
    return problem === undefined ? [] : [`${answer.site} ${problem}`];
  });
  if (problems.length > 0)
    throw new UserError(
      `${problems.join("\n")}\nwhat a catalog site has that gives no answer may be newer than what others have: make it answer, or leave it out with --without if it is gone`,
    );
  const whole = answers.flatMap(({ site, found }) => (found.kind === "view" ? [{ site, view: found.view }] : []));
  const [first, ...others] = whole;
  if (first === undefined)
    throw new UserError("no catalog site gave directory and catalog; without them no list can be rebuilt");
  const newest = others.reduce((best, other) => (isNewer(other.view, best.view) ? other : best), first);
  const twin = whole.find(({ view }) => isSameVersion(view, newest.view) && viewHash(view) !== viewHash(newest.view));
  if (twin !== undefined)
    throw new UserError(
      `${newest.site} and ${twin.site} give different directories under one serial (${newest.view.directorySerial}): compare them, and leave out the wrong one with --without`,
    );
  if (isAbove(known, newest.view.epoch))
    throw new UserError(
      `sites were brought up with ${epochText(known)}, and no catalog site gives more than ${epochText(newest.view.epoch)}: the primary of that epoch was not brought up, or gives no answer`,
    );
  return newest.view;
}

/** Why an answer cannot be gone by; undefined when it can. */
function problemOf({ found }: CatalogAnswer): string | undefined {
  if (found.kind === "failed") return `gives no answer: ${found.reason}`;
  if (found.kind === "refused")
    return `gives central zones that cannot be used (${found.refusal.kind}): ${found.refusal.reason}`;
  const { sites, zones } = found.uncertain;
  const names = [...sites, ...zones];
  return names.length === 0 ? undefined : `gives central zones that contradict each other on ${names.join(", ")}`;
}

function isNewer(view: MeshView, other: MeshView): boolean {
  if (isAbove(view.epoch, other.epoch)) return true;
  if (isAbove(other.epoch, view.epoch)) return false;
  if (view.directorySerial !== other.directorySerial) return isNewerSerial(view.directorySerial, other.directorySerial);
  return isNewerSerial(view.catalogSerial, other.catalogSerial);
}

function isSameVersion(view: MeshView, other: MeshView): boolean {
  return !isNewer(view, other) && !isNewer(other, view);
}
