import { setTimeout as delay } from "node:timers/promises";

import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { printableText } from "../../base/text";
import { addCommand, printJson, progressTo, withJson } from "../command";

interface Options {
  readonly site?: string;
  readonly at?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly json?: boolean;
}

/** `mesh restore`: a site's zones and keys from its backup. */
export function register(program: Command): void {
  const command = addCommand(program, {
    usage: "restore",
    summary: "a site's zones and keys from its backup",
    description:
      "Makes a job in the site's cluster, found by Pulumi.NAME.yaml in this folder unless options say otherwise, and waits for it. When this is interrupted the job goes on, and no other one is made until it has ended.",
    examples: ["restore --site site-c", "restore --site site-c --at 2026-11-29T08:00:00Z"],
  });
  command
    .option("--site <NAME>", "the site")
    .option("--at <TIME>", "the last backup up to this time, or up to the end of this day in UTC (ISO 8601)");
  withJson(withPlace(command)).action(restore);
}

/** Gives a command the options that say which cluster, where the site's stack file does not. */
export function withPlace(command: Command): Command {
  return command
    .option("--context <NAME>", "context of the site's cluster")
    .option("--namespace <NAME>", "namespace of the site")
    .option("--kubeconfig <FILE>", "the kubeconfig that has the context");
}

async function restore({ site, at, json, ...where }: Options): Promise<void> {
  if (site === undefined) throw new UserError("the site is missing: --site NAME");
  const { placeOf } = await import("../place");
  const { restoreSite, timeOf } = await import("../restore");
  const { clusterClient } = await import("../../kube/cluster-client");
  const time = at === undefined ? {} : { at: timeOf(at, Date.now()) };
  const place = placeOf(site, where);
  const lines: string[] = [];
  const report = progressTo({ json });
  await restoreSite({
    kube: await clusterClient(place),
    request: { site, namespace: place.namespace, ...time },
    now: Date.now,
    pause: (ms) => delay(ms),
    print: (line) => {
      lines.push(line.trim());
      report(printableText(line));
    },
  });
  if (json === true) printJson({ site, ...time, lines });
}
