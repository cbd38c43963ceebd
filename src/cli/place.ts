import { existsSync, readFileSync } from "node:fs";

import { parse } from "yaml";

import { UserError } from "../base/errors";
import { fields } from "../base/json";
import type { ClusterChoice } from "../kube/kubeconfig";

/** Where a site is: by its stack's file in this folder, unless options say otherwise. */
export function placeOf(
  site: string,
  options: { readonly context?: string; readonly namespace?: string; readonly kubeconfig?: string },
): ClusterChoice & { readonly namespace: string } {
  const file = `Pulumi.${site}.yaml`;
  const config = settingsIn(file);
  const setting = (name: string): string | undefined => {
    const value = config[`dns-mesh:${name}`];
    return typeof value === "string" ? value : undefined;
  };
  const context = options.context ?? setting("context");
  if (context === undefined)
    throw new UserError(
      `the cluster of ${site} is not known: --context NAME, or run it in the folder that has ${file}`,
    );
  const kubeconfig = options.kubeconfig ?? setting("kubeconfig");
  const namespace = options.namespace ?? setting("namespace") ?? "dns-system";
  return { context, namespace, ...(kubeconfig !== undefined && { kubeconfig }) };
}

/** The ports on which a site reaches the others, by its stack's file. */
export function portsOf(site: string): { readonly plain: number; readonly secure: number } {
  const config = settingsIn(`Pulumi.${site}.yaml`);
  const port = (name: string, usual: number): number => Number(config[`dns-mesh:${name}`] ?? usual);
  return { plain: port("remotePort", 53), secure: port("securePort", 853) };
}

function settingsIn(file: string): Readonly<Record<string, unknown>> {
  return existsSync(file) ? fields(fields(parse(readFileSync(file, "utf8")))["config"]) : {};
}
