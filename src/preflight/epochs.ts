import { UserError } from "../base/errors";
import { fields } from "../base/json";
import { siteNameProblem } from "../base/names";
import { type Epoch, isEpochNumber, lastEpoch } from "../mesh/epoch";
import type { Mesh } from "../mesh/model";
import { catalogSites } from "../mesh/welcome";
import type { FormerOutputs } from "./former-outputs";
import { primaryIn } from "./published";

/**
 * The epoch that the list makes, by what this stack said when it was brought up last: the same as long as one site has the
 * primary catalog, one more when another has it.
 *
 * @param facts.least - The least number (setting `epoch`), for a state that was lost.
 * @throws UserError when what this stack said last cannot be read.
 */
export function nextEpoch(
  mesh: Pick<Mesh, "sites">,
  facts: { readonly former: FormerOutputs | undefined; readonly least: number },
): Epoch {
  const primary = catalogSites(mesh)[0]?.name ?? "";
  const before = formerEpoch(facts.former);
  const next = before === undefined ? 1 : before.number + (before.primary === primary ? 0 : 1);
  const number = Math.max(next, facts.least);
  if (number > lastEpoch)
    throw new UserError(
      `epoch ${number} is above ${lastEpoch}, the last one that sites accept, and they follow no lower one than before. ` +
        `Nothing was changed; leave role primary-catalog with ${before?.primary ?? primary}`,
    );
  return { number, primary };
}

/** A release that knew no epochs was in the first one. */
function formerEpoch(former: FormerOutputs | undefined): Epoch | undefined {
  const said = former?.["epoch"];
  if (said === undefined) {
    const primary = primaryIn(former?.["sites"]);
    return primary === undefined ? undefined : { number: 1, primary };
  }
  const { number, primary } = fields(said);
  if (isEpochNumber(number) && typeof primary === "string" && siteNameProblem(primary) === undefined)
    return { number, primary };
  throw new UserError(
    `the output "epoch" of this stack is ${JSON.stringify(said)}, which is no epoch: the sites would not follow a lower number than before. ` +
      `Nothing was changed; set dns-mesh:epoch to one more than the sites know (dig TXT _mesh.<directory zone>), and take the output out of the state or go back to the former one`,
  );
}
