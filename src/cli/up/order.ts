import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

import { UserError } from "../../base/errors";
import type { Mesh } from "../../mesh/model";
import { listedSites, primaryOf } from "../../mesh/waiting";
import { stackOf } from "../stacks/reader";

/** Stacks in the order in which they are brought up: those of one stage side by side. */
export type Stages = readonly (readonly string[])[];

/** Which stacks are to be brought up. */
export interface Choice {
  /** Sites beside the primary. @default all */
  readonly sites?: readonly string[];
  /** Nothing but these stacks, in the same order. */
  readonly only?: readonly string[];
}

/**
 * The shared stack first, then the primary, which publishes what that says, then the other sites.
 *
 * @throws UserError for a site that is not in the list, or a stack without settings.
 */
export function stagesOf(file: string, mesh: Mesh, { sites, only }: Choice): Stages {
  const shared = stackOf(file);
  const primary = primaryOf(mesh);
  const others = listedSites(mesh)
    .map(({ name }) => name)
    .filter((name) => name !== primary);
  const known = new Set([shared, primary, ...others]);
  const unknown = [...(sites ?? []), ...(only ?? [])].find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new UserError(`${file}: there is no site "${unknown}"; there are ${[primary, ...others].join(", ")}`);
  const isWanted = (stack: string): boolean => {
    if (only !== undefined) return only.includes(stack);
    return stack === shared || stack === primary || (sites?.includes(stack) ?? true);
  };
  const stages = [[shared], [primary], others]
    .map((stage) => stage.filter(isWanted))
    .filter(({ length }) => length > 0);
  const bare = stages.flat().filter((stack) => !existsSync(join(dirname(file), `Pulumi.${stack}.yaml`)));
  if (bare.length > 0)
    throw new UserError(
      `there are no settings of ${bare.join(", ")} here: write ${bare.map((stack) => `Pulumi.${stack}.yaml`).join(", ")} ` +
        `(with dns-mesh:shared and dns-mesh:context), or name the sites that are yours with --site. Nothing was changed`,
    );
  return stages;
}
