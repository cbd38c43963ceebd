import type { SiteInput } from "./render-context";
import { isWriter } from "./site-runtime";
import { section, type Stanza } from "./stanza";
import { controlSocket, GuardFiles } from "./volume";

const id = "guard";

/** For how long Knot waits for the agent's word on a change, which it drops then. As long it may hold up a worker, and a reload. */
const answerSeconds = 5;

/** For how long the agent may be away before changes are let through unseen, and how often that is looked at. */
const [awaySeconds, lookSeconds] = [30, 2];

/** The section by which Knot has the agent look at changes before it publishes them (ADR 0028); nothing where it does not. */
export function renderGuard(input: Pick<SiteInput, "runtime" | "isGuarded">): readonly string[] {
  if (!isOn(input)) return [];
  const files = new GuardFiles(input.runtime.rundir);
  const removals = `"${files.removals()}"`;
  return [section("external", [{ id, timeout: answerSeconds, "dump-removals": removals }])];
}

/** What a template has whose zones are guarded. */
export function guardedBy(input: Pick<SiteInput, "runtime" | "isGuarded">): Stanza {
  return isOn(input) ? { "external-validation": id } : {};
}

function isOn({ runtime, isGuarded }: Pick<SiteInput, "runtime" | "isGuarded">): boolean {
  return isGuarded === true && isWriter(runtime) && (runtime.guard ?? false) !== false;
}

/**
 * Starts Knot, and beside it what lets changes through when the agent that should judge them is away: Knot alone would drop each
 * of them. For `sh -c`, which must have `date`, `sed` and `sleep` beside.
 *
 * @param programs - Paths, or names on PATH.
 */
export function startScript(place: {
  readonly rundir: string;
  readonly configFile: string;
  readonly programs?: { readonly knotd: string; readonly knotc: string };
}): string {
  const { knotd, knotc } = place.programs ?? { knotd: "knotd", knotc: "knotc" };
  const { alive } = new GuardFiles(place.rundir);
  const control = `${knotc} -s ${controlSocket(place.rundir)}`;
  return `open_guard() {
  while kill -0 $$ 2>/dev/null && sleep ${lookSeconds}; do
    read -r seen 2>/dev/null < ${alive} || continue
    [ $(( $(date +%s) - seen )) -lt ${awaySeconds} ] && continue
    ${control} zone-status +transaction 2>/dev/null | sed -n 's/^\\[\\(.*\\)\\] transaction: open-external.*/\\1/p' |
      while read -r zone; do
        ${control} zone-commit "$zone" >/dev/null && echo "the agent is away: a change of $zone is let through unseen"
      done
  done
}
open_guard &
exec ${knotd} -c ${place.configFile}
`;
}
