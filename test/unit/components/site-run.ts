import { parseStackConfig, type SiteConfig } from "../../../components/config";
import { SiteStack } from "../../../components/site/site-stack";
import { fetchWelcome } from "../../../components/site/welcome";
import { exampleMesh, sharedName, sharedOutputs } from "./example-mesh";
import { runStack, type Run, type RunOptions } from "./recorded-stack";

/** How to bring a site of the example mesh up. */
export interface UpOptions extends Partial<RunOptions> {
  /** Settings beside `shared` and `context`. */
  readonly config?: Record<string, unknown>;
  /** The agent's program. */
  readonly agent?: string;
}

function configOf(site: string, values: Record<string, unknown> = {}): SiteConfig {
  const all: Record<string, unknown> = { shared: sharedName, context: `${site}-cluster`, ...values };
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const config = parseStackConfig({ get: (key) => (all[key] === undefined ? undefined : text(all[key])) }, site);
  if (config.kind !== "site") throw new Error("not a site");
  return config.site;
}

/** Runs the program of a site's stack with every provider mocked. */
export function up(site: string, { config, agent, ...options }: UpOptions = {}): Promise<Run> {
  const address = exampleMesh.sites.find(({ name }) => name === site)?.addresses[0] ?? "192.0.2.99";
  return runStack({
    stack: site,
    stacks: { [sharedName]: sharedOutputs() },
    loadBalancer: [address],
    program: async () => {
      const settings = configOf(site, config);
      const welcome = await fetchWelcome(settings);
      const programs = { agent: agent ?? "agent()", reconciler: "reconciler()" };
      return { ...new SiteStack(site, { config: settings, welcome, programs }).outputs };
    },
    ...options,
  });
}
