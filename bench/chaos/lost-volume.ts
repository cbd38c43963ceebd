import { eventually } from "../../harness/eventually";
import type { LabSite } from "../../lab";
import type { Looking } from "./healing";
import { newestOf, numbersIn } from "./history";

/** For a pod without a fault to give its copy of a zone. */
const copySeconds = 10;

/**
 * Settles what a lost volume may cost: of the zones that its pod wrote, the acknowledged changes that no server has which
 * the new pod asks: the site's other pods and the catalog sites, as far as they are without a fault. When all of those
 * have one, the other sites' copies count. Everything else must come back.
 *
 * @param undisturbed - pods without a fault
 * @returns how many changes that is.
 */
export async function excuseLosses(
  { lab, history, dns, key }: Looking,
  { pod, undisturbed }: { readonly pod: LabSite; readonly undisturbed: readonly LabSite[] },
): Promise<number> {
  const isAsked = ({ name }: LabSite): boolean => name === pod.name || lab.plan.listed(name).role !== "standard";
  const asked = undisturbed.filter(isAsked);
  const owned = pod.podName === pod.name ? history.zones.filter((zone) => lab.plan.owner(zone) === pod.name) : [];
  let excused = 0;
  for (const zone of owned) {
    const copies = (asked.length > 0 ? asked : undisturbed).map(({ server }) =>
      eventually(copySeconds, async () => numbersIn(await dns.transfer(server, zone, key))),
    );
    excused += history.excuse(zone, newestOf(await Promise.all(copies)));
  }
  history.forget(pod.podName);
  return excused;
}
