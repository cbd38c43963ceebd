import type * as k8s from "@pulumi/kubernetes";
import { parseStackConfig, type SiteConfig } from "../../../../src/settings/site-settings";
import { SiteStack, type SiteStackArgs } from "../../../../components/site/site-stack";
import { fetchWelcome } from "../../../../components/site/welcome";
import { parseLiveSettings, type LiveSettings } from "../../../../src/contract/live-settings";
import { rotatesKeys } from "../../../../src/mesh/trust";
import { exampleMesh, sharedName, sharedOutputs } from "../example-mesh";
import { runStack, type Run, type RunOptions } from "../recorded-stack";

type PodSpec = k8s.types.output.core.v1.PodSpec;
type Container = k8s.types.output.core.v1.Container;

/** How to bring a site up under mocks. */
export interface UpOptions extends Partial<RunOptions> {
  readonly config?: Record<string, unknown>;
  readonly agent?: string;
  readonly operator?: string;
  /** How the site's Service is read while it waits for an address. */
  readonly services?: SiteStackArgs["services"];
}

function configOf(site: string, values: Record<string, unknown> = {}): SiteConfig {
  const all: Record<string, unknown> = { shared: sharedName, context: `${site}-cluster`, ...values };
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const config = parseStackConfig({ get: (key) => (all[key] === undefined ? undefined : text(all[key])) }, site);
  if (config.kind !== "site") throw new Error("not a site");
  return config.site;
}

/** Brings a site of the example mesh up. */
export function up(
  site: string,
  { config, agent, operator = "operator()", services, ...options }: UpOptions = {},
): Promise<Run> {
  const address = exampleMesh.sites.find(({ name }) => name === site)?.addresses[0] ?? "192.0.2.99";
  return runStack({
    stack: site,
    stacks: { [sharedName]: sharedOutputs() },
    loadBalancer: [address],
    program: async () => {
      const settings = configOf(site, config);
      const welcome = await fetchWelcome(settings);
      const programs = {
        agent: agent ?? "agent()",
        reconciler: "reconciler()",
        ...(rotatesKeys(welcome.packet) && { rotator: "rotator()" }),
        ...(settings.records !== false && { operator }),
        ...(settings.backups && { backup: "backup()" }),
        ...(settings.resolver && { resolver: "resolver()" }),
      };
      return { ...new SiteStack(site, { config: settings, welcome, programs, ...(services && { services }) }).outputs };
    },
    ...options,
  });
}

/** What Knot's pods, the reconciler's and, where there are any, the rotator's and the record operator's are made from. */
export function podSpecs(run: Run): PodSpec[] {
  const set = run.one("StatefulSet").inputs as k8s.types.output.apps.v1.StatefulSet;
  const jobs = run.all("CronJob").map(({ inputs }) => inputs as k8s.types.output.batch.v1.CronJob);
  const named = (name: string): k8s.types.output.batch.v1.CronJob[] => jobs.filter((job) => job.metadata.name === name);
  const ordered = [...named("reconciler"), ...named("key-rotator")];
  const deployed = run.all("Deployment").map(({ inputs }) => inputs as k8s.types.output.apps.v1.Deployment);
  return [
    set.spec.template.spec,
    ...ordered.map((job) => job.spec.jobTemplate.spec.template.spec),
    ...deployed.map(({ spec }) => spec.template.spec),
  ];
}

/** What running pods take over, as they mount it. */
export function liveSettingsOf(run: Run): LiveSettings {
  const { data } = run.one("ConfigMap", "knot-config").inputs as { data: Record<string, string> };
  return parseLiveSettings(JSON.parse(data["settings.json"] ?? ""));
}

/** Init containers first. */
export function containersOf(spec: PodSpec): Container[] {
  return [...((spec.initContainers as Container[] | undefined) ?? []), ...spec.containers];
}

/** Variables by name, as far as they have a value. */
export function environment(container: Container | undefined): Record<string, string> {
  return Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
}
