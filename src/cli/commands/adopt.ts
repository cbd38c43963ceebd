import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { addCommand, printJson, textOf, withJson } from "../command";
import { withPlace } from "./restore";

interface Options {
  readonly site?: string;
  readonly finish?: boolean;
  readonly json?: boolean;
  readonly context?: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
}

/** `mesh adopt`: a site goes on with a new stack when the state of its stack was lost. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "adopt",
    summary: "the keys of a site whose stack's state was lost, for a new stack",
    description:
      "Prints the secret setting dns-mesh:madeKeys of the new stack, for `pulumi config set`, and nothing to a terminal. With --finish it reads what `pulumi stack export` prints of the new stack once that is up, and has the cluster's objects forget the former one, once that is whole and of this site. What a stack made and the new one does not have is named.",
    examples: [
      "adopt --site site-c | pulumi -s site-c config set --secret dns-mesh:madeKeys",
      "adopt --site site-c --finish < exported.json",
    ],
  });
  command.option("--site <NAME>", "the site").option("--finish", "after the first up of the new stack");
  withJson(withPlace(command)).action(adopt);
}

async function adopt({ site, finish, json, ...where }: Options): Promise<void> {
  if (site === undefined) throw new UserError("the site is missing: --site NAME");
  if (finish !== true && process.stdout.isTTY)
    throw new UserError(
      `this prints keys, and not to a terminal: hand them on, "| pulumi -s ${site} config set --secret dns-mesh:madeKeys"`,
    );
  const { placeOf } = await import("../place");
  const { clusterClient } = await import("../../kube/cluster-client");
  const { adoptedKeys, finishAdoption } = await import("../adopt");
  const { namespace, ...choice } = placeOf(site, where);
  const kube = await clusterClient(choice);
  if (finish !== true) {
    process.stdout.write(await adoptedKeys({ kube, namespace }, site));
    return;
  }
  const { objects, left } = await finishAdoption({ kube, namespace, site, exported: textOf("-") });
  if (json === true) {
    printJson({ site, objects, left });
    return;
  }
  console.log(`${objects} objects of ${site} have forgotten the former stack`);
  for (const path of left) console.log(`left: ${path}, which a stack made and the new one does not have`);
}
