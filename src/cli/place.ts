import { existsSync } from "node:fs";
import { join } from "node:path";

import { UserError } from "../base/errors";
import type { ClusterChoice } from "../kube/kubeconfig";
import { settingsIn, stackText } from "./stacks/stack-file";

/**
 * Where a site is: by its stack's file in a folder, this one unless another is named, unless options say otherwise.
 *
 * @throws UserError when the file cannot be read, and nothing says where the site is.
 */
export function placeOf(
  site: string,
  options: { readonly context?: string; readonly namespace?: string; readonly kubeconfig?: string },
  folder = ".",
): ClusterChoice & { readonly namespace: string } {
  const file = fileOf(site, folder);
  const config = settingsOf(site, folder);
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
export function portsOf(site: string, folder = "."): { readonly plain: number; readonly secure: number } {
  const config = settingsOf(site, folder);
  const port = (name: string, usual: number): number => Number(config[`dns-mesh:${name}`] ?? usual);
  return { plain: port("remotePort", 53), secure: port("securePort", 853) };
}

/** Whether a site's stack has a file in a folder. */
export function hasFile(site: string, folder = "."): boolean {
  return existsSync(fileOf(site, folder));
}

/** Whether a site's stack has a file in a folder that names its cluster. One that cannot be read may well. */
export function hasPlace(site: string, folder = "."): boolean {
  try {
    return settingsOf(site, folder)["dns-mesh:context"] !== undefined;
  } catch {
    return true;
  }
}

function fileOf(site: string, folder: string): string {
  return join(folder, `Pulumi.${site}.yaml`);
}

function settingsOf(site: string, folder: string): Readonly<Record<string, unknown>> {
  const file = fileOf(site, folder);
  return hasFile(site, folder) ? settingsIn(file, stackText(file)) : {};
}
