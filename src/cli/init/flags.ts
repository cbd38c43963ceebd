import { UserError } from "../../base/errors";
import { words } from "./ask";
import type { InitAnswers, InitSite } from "./files";

/** Options of `mesh init`, as commander has them. */
export interface InitFlags {
  readonly directoryZone: string;
  readonly catalogZone: string;
  readonly organization: string;
  readonly kubeconfig?: string;
  readonly site?: readonly string[];
  readonly zone?: readonly string[];
  readonly context?: readonly string[];
}

/**
 * A new mesh by its options: `--site NAME=IP[,IP]`, `--zone NAME=ZONE[,ZONE]`, `--context NAME=CONTEXT`.
 *
 * @param contexts - Those of the kubeconfig.
 * @throws UserError for an option that is no pair, or about a site that is not named.
 */
export function answersOf(flags: InitFlags, contexts: readonly string[]): InitAnswers {
  const { directoryZone, catalogZone, organization, kubeconfig } = flags;
  const sites = pairs("--site", flags.site);
  const zones = pairs("--zone", flags.zone);
  const chosen = pairs("--context", flags.context);
  if (sites.length === 0) throw new UserError("a mesh has at least one site: --site site-a=192.0.2.1");
  const named = new Set(sites.map(({ name }) => name));
  for (const { option, name } of [...zones, ...chosen])
    if (!named.has(name)) throw new UserError(`${option} ${name}=…: there is no --site ${name}=ADDRESS`);
  return {
    directoryZone,
    catalogZone,
    organization,
    kubeconfig,
    sites: sites.map(({ name, value }): InitSite => {
      const context = chosen.find((each) => each.name === name)?.value ?? name;
      if (!contexts.includes(context))
        throw new UserError(
          `site "${name}": your kubeconfig has no context "${context}" (it has ${contexts.join(", ") || "none"}); name one with --context ${name}=CONTEXT`,
        );
      const owned = zones.filter((each) => each.name === name).flatMap(({ value: list }) => words(list));
      return { name, context, addresses: words(value), zones: owned };
    }),
  };
}

function pairs(option: string, texts: readonly string[] = []) {
  return texts.map((text) => {
    const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw new UserError(`${option} "${text}" is not NAME=VALUE; write, for example, ${option} site-a=…`);
    return { option, name, value };
  });
}
