import type { LabSite } from "../../lab/site";
import { randomKey } from "../../src/keyring/fresh-key";
import { defaultUpdateTypes, type Updater } from "../../src/records/updater";
import { eventually } from "../eventually";

/** An updater with a key of its own, as the settings' defaults make it. */
export function updater(fields: Pick<Updater, "name" | "zones" | "updateOwner"> & Partial<Updater>): Updater {
  return {
    ...randomKey(fields.name),
    updateOwnerMatch: "sub-or-equal",
    updateOwnerName: [],
    updateType: defaultUpdateTypes,
    transfer: false,
    ...fields,
  };
}

/** How often Knot took other rules, by what the agent logged. */
function rulesTaken(pod: LabSite): number {
  const lines = pod.log().split("\n");
  return lines.filter((line) => line.includes("Knot took new files") && line.includes("05-access.conf")).length;
}

/** Gives pods of a site another list of updaters, and waits until Knot goes by it. */
export async function allowUpdaters(pods: readonly LabSite[], updaters: readonly Updater[]): Promise<void> {
  const before = pods.map(rulesTaken);
  for (const pod of pods) await pod.allow(updaters);
  await eventually(10, () => {
    if (pods.some((pod, i) => rulesTaken(pod) === before[i])) throw new Error("Knot goes by the old list of updaters");
  });
}
