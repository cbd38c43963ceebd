import { messageOf } from "../../base/errors";
import { fields } from "../../base/json";
import type { ClusterChoice } from "../../kube/kubeconfig";
import type { Mesh } from "../../mesh/model";
import { listedSites, primaryOf } from "../../mesh/waiting";
import { catalogSites } from "../../mesh/welcome";
import { type FormerOutputs } from "../../preflight/former-outputs";
import { parseStackConfig, type SiteConfig } from "../../settings/site-settings";
import { listChanges } from "../preview/dns-change";
import { formerMesh, hasPublished } from "../preview/former-mesh";
import type { StackReader } from "../stacks/reader";
import { asSettings } from "../stacks/stack-file";
import { type Check, hint, unknown, type Verdict, wrong } from "./check";

/** What the stacks' files say. */
export interface StackParts {
  /** The shared stack's file, and the stack. */
  readonly file: string;
  readonly shared: string;
  readonly mesh: Mesh;
  /** Settings of the shared stack, as they are written. */
  readonly sharedSettings?: Readonly<Record<string, unknown>>;
  /** Settings of each site's stack whose file is here, as they are written. */
  readonly sites: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** Why files of sites in the list cannot be read. */
  readonly broken?: ReadonlyMap<string, string>;
  /** The API server of a kubeconfig's context. Without it sites are compared by what their files say. @throws when there is none */
  readonly serverOf?: (choice: ClusterChoice) => string;
  readonly reader: StackReader;
  /** ISO date. */
  readonly today: string;
}

/** The settings of a site's stack; undefined where they cannot be used. */
export function siteConfigOf(name: string, settings: Readonly<Record<string, unknown>>): SiteConfig | undefined {
  try {
    const config = parseStackConfig(asSettings(settings), name);
    return config.kind === "site" ? config.site : undefined;
  } catch {
    return undefined;
  }
}

/** What the stacks' files and states must have. */
export function stackChecks(parts: StackParts): readonly Check[] {
  const { file, mesh, sites } = parts;
  return [
    { check: "secondary", where: file, fine: "the primary has a stand-in", look: () => standIn(mesh) },
    { check: "retired", where: file, fine: "nothing is left that was to go", look: () => overdue(parts) },
    { check: "same-place", where: file, fine: "each site has a place of its own", look: () => samePlace(parts) },
    { check: "strays", where: file, fine: "each site's file has its site", look: () => strays(parts) },
    ...listedSites(mesh).map((site): Check => ({
      ...{ check: "site-settings", where: site.name, fine: "its settings are here, and can be used" },
      look: () => settingsProblem(site.name, sites.get(site.name), parts.broken?.get(site.name)),
    })),
    secretCheck(parts.shared, parts.sharedSettings ?? {}),
    ...[...sites].flatMap(([name, settings]) => settingsChecks(name, settings, parts)),
    ...stateChecks(parts),
  ];
}

function standIn(mesh: Mesh): Verdict {
  return catalogSites({ sites: listedSites(mesh) }).length > 1
    ? undefined
    : hint(
        "no site is a secondary-catalog: nobody stands in when the primary is away",
        "give one more site the role secondary-catalog",
      );
}

function overdue({ mesh, today }: StackParts): Verdict {
  const marked = listedSites(mesh).flatMap((site) => [site, ...site.zones]);
  const due = marked.filter(({ retired }) => retired !== undefined && retired <= today).map(({ name }) => name);
  if (due.length === 0) return undefined;
  return hint(
    `${due.join(", ")}: retired, and still in the list`,
    "mesh zone remove, mesh site remove, once they are empty",
  );
}

function textIn(settings: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = settings[`dns-mesh:${key}`];
  return typeof value === "string" ? value : undefined;
}

function samePlace({ sites, serverOf = asWritten }: StackParts): Verdict {
  const byPlace = new Map<string, string[]>();
  const unseen: string[] = [];
  for (const [name, settings] of sites) {
    const [context, kubeconfig] = [textIn(settings, "context"), textIn(settings, "kubeconfig")];
    // A site without a context is wrong by itself.
    if (context === undefined) continue;
    try {
      const server = serverOf({ context, ...(kubeconfig !== undefined && { kubeconfig }) });
      const place = `${server}, namespace ${textIn(settings, "namespace") ?? "dns-system"}`;
      byPlace.set(place, [...(byPlace.get(place) ?? []), name]);
    } catch (error) {
      unseen.push(`${name} (${messageOf(error)})`);
    }
  }
  const [twice] = [...byPlace].filter(([, names]) => names.length > 1);
  if (twice === undefined) {
    const cure = "run this where their kubeconfigs are";
    return unseen.length === 0 ? undefined : unknown(`the clusters of ${unseen.join(", ")} are not known here`, cure);
  }
  return wrong(
    `${twice[1].join(" and ")} have the same place, ${twice[0]}: each would overwrite the other's objects`,
    "give each a cluster, or a dns-mesh:namespace, of its own",
  );
}

function asWritten({ context, kubeconfig }: ClusterChoice): string {
  return `context ${context}${kubeconfig === undefined ? "" : ` of ${kubeconfig}`}`;
}

function strays({ mesh, sites }: StackParts): Verdict {
  const known = new Set(listedSites(mesh).map(({ name }) => name));
  const stray = [...sites]
    .filter(([name, settings]) => !known.has(textIn(settings, "site") ?? name))
    .map(([name]) => name);
  if (stray.length === 0) return undefined;
  return hint(
    `${stray.map((name) => `Pulumi.${name}.yaml`).join(", ")}: of no site in the list, which goes on answering until it is destroyed`,
    "pulumi destroy -s NAME, or put the site back (docs/guides/onboarding-a-site.md)",
  );
}

function settingsProblem(
  name: string,
  settings: Readonly<Record<string, unknown>> | undefined,
  broken: string | undefined,
): Verdict {
  if (broken !== undefined) return wrong(broken, `mend Pulumi.${name}.yaml: nothing of its cluster was looked at`);
  if (settings === undefined)
    return hint(
      `there is no Pulumi.${name}.yaml here`,
      "fine if others bring this site up; else write it, with dns-mesh:shared and dns-mesh:context",
    );
  try {
    const { kind } = parseStackConfig(asSettings(settings), name);
    return kind === "site"
      ? undefined
      : wrong("these are settings of a shared stack", `remove dns-mesh:mesh from Pulumi.${name}.yaml`);
  } catch (error) {
    return wrong(messageOf(error), `mend Pulumi.${name}.yaml`);
  }
}

/** Settings that hold secrets, and those that are nothing else: neither may stand in a file in the clear. */
const [secretSettings, wholeSecrets] = [
  ["readers", "updaters", "backups"],
  ["madeKeys", "recoveredRing"],
];

function secretCheck(stack: string, settings: Readonly<Record<string, unknown>>): Check {
  const file = `Pulumi.${stack}.yaml`;
  const isOpen = (key: string, judge: (value: unknown) => boolean): boolean =>
    judge(asJson(settings[`dns-mesh:${key}`]));
  return {
    ...{ check: "clear-secrets", where: stack, fine: "no secret stands in its file in the clear" },
    look: () => {
      const open = [
        ...secretSettings.filter((key) => isOpen(key, hasClearSecret)),
        ...wholeSecrets.filter((key) => isOpen(key, isClear)),
      ].map((key) => `dns-mesh:${key}`);
      if (open.length === 0) return undefined;
      const covering = open.map(
        (key) => `pulumi config get ${key} -s ${stack} | pulumi config set --secret ${key} -s ${stack}`,
      );
      return wrong(
        `${open.join(", ")}: a secret stands in the clear in ${file}`,
        `${covering.join("; ")}; then replace what became known`,
      );
    },
  };
}

/** Settings may be written as JSON in a text, as `pulumi config set` does. */
function asJson(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Whether a setting that is nothing but a secret is there, and not covered by Pulumi. */
function isClear(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  return Object.keys(fields(value)).length > 0 && !isCovered(value);
}

function isCovered(value: unknown): boolean {
  const entries = Object.entries(fields(value));
  return entries.length === 1 && entries[0]?.[0] === "secure";
}

function settingsChecks(
  name: string,
  settings: Readonly<Record<string, unknown>>,
  parts: StackParts,
): readonly Check[] {
  const config = siteConfigOf(name, settings);
  const addresses = parts.mesh.sites.find((site) => site.name === name)?.addresses ?? [];
  const shared = textIn(settings, "shared") ?? "";
  return [
    secretCheck(name, settings),
    {
      ...{ check: "shared-name", where: name, fine: "it goes by this shared stack" },
      look: () =>
        shared === "" || shared.split("/").at(-1) === parts.shared
          ? undefined
          : wrong(
              `dns-mesh:shared is ${shared}, and this shared stack is called ${parts.shared}`,
              "name this one, or run this beside that one",
            ),
    },
    {
      ...{ check: "protected", where: name, fine: "its volumes are protected" },
      look: () =>
        config?.protect === false
          ? hint(
              "dns-mesh:protect is false: a destroy takes its volumes",
              `pulumi config rm dns-mesh:protect -s ${name}, unless it is to go`,
            )
          : undefined,
    },
    {
      ...{ check: "two-pods", where: name, fine: "it has two pods or more" },
      look: () =>
        config !== undefined && config.replicas < 2
          ? hint("it has one pod: it is away while that restarts", "leave dns-mesh:replicas out, for two")
          : undefined,
    },
    {
      ...{ check: "ipv6", where: name, fine: "its pods listen for what the list says" },
      look: () => {
        const isMissing =
          addresses.some((address) => address.includes(":")) && config?.listen.every((each) => !each.includes(":"));
        return isMissing === true
          ? hint(
              "the list has an IPv6 address, and its pods listen on IPv4 alone",
              'dns-mesh:listen: ["0.0.0.0", "::"], unless the balancer translates',
            )
          : undefined;
      },
    },
  ];
}

function hasClearSecret(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasClearSecret);
  if (isCovered(value)) return false;
  return Object.entries(fields(value)).some(([key, inner]) =>
    typeof inner === "string" ? ["secret", "secretKey", "password"].includes(key) : hasClearSecret(inner),
  );
}

function stateChecks(parts: StackParts): readonly Check[] {
  const { file, shared, mesh, reader } = parts;
  const primary = primaryOf(mesh);
  const former = async (): Promise<FormerOutputs | undefined> => {
    const found = await reader.find(shared);
    return found.kind === "found" ? found.outputs : undefined;
  };
  const up = (stack: string): string => `mesh up, or pulumi up -s ${stack}`;
  return [
    {
      ...{ check: "shared-up", where: shared, fine: "it was brought up" },
      look: async () =>
        (await former())?.["sites"] === undefined ? wrong("it was never brought up", up(shared)) : undefined,
    },
    {
      ...{ check: "list-up", where: file, fine: "the list is what was brought up" },
      look: async () => {
        const known = formerMesh(await former());
        if (known === undefined || listChanges({ before: known.mesh, after: mesh }).length === 0) return undefined;
        return hint("the list has changed since it was brought up", "mesh preview shows what; mesh up brings it up");
      },
    },
    {
      ...{ check: "published", where: primary, fine: "the primary publishes what the shared stack says" },
      look: async () => {
        const said = await former();
        const stack = await reader.find(primary);
        if (stack.kind === "missing") return wrong("the primary was never brought up", up(primary));
        if (hasPublished(stack, said)) return undefined;
        return wrong("the primary has yet to publish what the shared stack said last", up(primary));
      },
    },
  ];
}
