import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { stringify } from "yaml";
import { SharedStack } from "../../../components/shared/shared-stack";
import { parseStackConfig } from "../../../src/settings/site-settings";
import { parseMesh } from "../../../src/settings/parse";
import { exampleList, sharedName, sharedOutputs, sharedVaultOutputs } from "../components/example-mesh";
import { nameOf, runStack, type Registered, type Run } from "../components/recorded-stack";
import { up } from "../components/site/site-run";

/** The example's sites, asked to go by way of the catalog sites. */
const hub = { ...exampleList, topology: "hub" };

function shared(settings: Readonly<Record<string, unknown>>): Promise<Run> {
  return runStack({
    stack: "shared",
    program: () => {
      const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
      const get = (key: string): string | undefined => (settings[key] === undefined ? undefined : text(settings[key]));
      const config = parseStackConfig({ get }, "shared");
      if (config.kind !== "shared") throw new Error("not the shared stack");
      return Promise.resolve({ ...new SharedStack("mesh", config.shared).outputs });
    },
  });
}

const onePod = { config: { replicas: "1" } };
const withBackups = {
  config: {
    backups: JSON.stringify({
      ...{ endpoint: "https://s3.example.com", bucket: "dns-backups", region: "eu-central-1" },
      ...{ accessKey: "access", secretKey: "secret-key", password: "password-of-the-repository" },
      retention: { hourly: 24, daily: 30 },
    }),
  },
};
const watched = (scrape: string, more: object = {}) => ({
  config: {
    monitoring: {
      namespaceSelector: { "kubernetes.io/metadata.name": "monitoring" },
      ...{ scrape, ...more },
    },
  },
});
const forOperator = {
  labels: { release: "kube-prometheus-stack" },
  runbooks: "https://git.example.com/dns-mesh/docs/runbooks",
  probes: { prober: "blackbox-exporter.monitoring.svc:9115" },
};
const withResolver = {
  config: {
    resolver: { upstreams: ["10.0.0.2"], clusterIP: "10.96.0.53", tlsSecret: "resolver-tls", cacheMiB: 256 },
  },
};
/** At an address of each family. */
const addresses = ["203.0.113.3", "2001:db8:c::53"];
const dualStack = {
  stacks: {
    [sharedName]: sharedOutputs(
      parseMesh({
        ...exampleList,
        sites: exampleList.sites.map((site) => (site.name === "site-c" ? { ...site, addresses } : site)),
      }),
    ),
  },
  loadBalancer: addresses,
  config: {
    listen: ["0.0.0.0", "::"],
    service: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] },
  },
};
const withTenants = {
  config: {
    records: JSON.stringify({
      namespaces: ["shop", "blog"],
      resourceQuotas: true,
      tenants: [
        {
          namespaces: ["shop"],
          allow: [
            { zones: ["standard-1.internal.dns"], subtrees: ["shop.standard-1.internal.dns"], types: ["A", "AAAA"] },
          ],
          most: 100,
        },
        { namespaces: ["*"], allow: [{ zones: ["*"], types: ["TXT"] }] },
      ],
      sources: {
        zones: ["standard-1.internal.dns"],
        kinds: ["Service", "Ingress", "HTTPRoute", "DNSEndpoint"],
        gatewayNamespaces: ["infra", "shop"],
      },
    }),
  },
};
const inVault = { stacks: { [sharedName]: sharedVaultOutputs() } };

/** A stack whose plan is written down: as a whole, or as far as it differs from that of another. */
interface Written {
  readonly run: () => Promise<Run>;
  readonly differsFrom?: string;
}

/** By the name of the file. */
export const stacks: Readonly<Record<string, Written>> = {
  shared: { run: () => shared({ mesh: exampleList }) },
  "shared-vault": {
    run: () => shared({ mesh: exampleList, vault: { address: "https://vault.example" } }),
    differsFrom: "shared",
  },
  "shared-hub": { run: () => shared({ mesh: hub }), differsFrom: "shared" },
  primary: { run: () => up("site-a") },
  "primary-vault": { run: () => up("site-a", inVault), differsFrom: "primary" },
  "primary-hub": {
    run: () => up("site-a", { stacks: { [sharedName]: sharedOutputs(parseMesh(hub)) } }),
    differsFrom: "primary",
  },
  "primary-one-pod": { run: () => up("site-a", onePod), differsFrom: "primary" },
  secondary: { run: () => up("site-b") },
  standard: { run: () => up("site-c") },
  "standard-vault": { run: () => up("site-c", inVault), differsFrom: "standard" },
  "standard-backups": { run: () => up("site-c", withBackups), differsFrom: "standard" },
  "standard-watched": { run: () => up("site-c", watched("operator", forOperator)), differsFrom: "standard" },
  "standard-annotated": { run: () => up("site-c", watched("annotations")), differsFrom: "standard" },
  "standard-tenants": { run: () => up("site-c", withTenants), differsFrom: "standard" },
  "standard-resolver": { run: () => up("site-c", withResolver), differsFrom: "standard" },
  "standard-dual-stack": { run: () => up("site-c", dualStack), differsFrom: "standard" },
  "standard-one-pod": { run: () => up("site-c", onePod), differsFrom: "standard" },
};

/** Resources and outputs by a title. */
type Plan = ReadonlyMap<string, string>;

/**
 * Every planned resource of a stack as text, in an order of its own, with what a program decides about it. What is packed
 * is unpacked, so that a reader sees what a change deploys.
 */
export async function planOf(stack: string): Promise<string> {
  const { run, differsFrom } = stacks[stack] ?? missing(stack);
  const plan = asPlan(await run());
  if (differsFrom === undefined) return [...plan.values()].join("");
  const base = asPlan(await (stacks[differsFrom] ?? missing(differsFrom)).run());
  const changed = [...plan].filter(([title, text]) => base.get(title) !== text).map(([, text]) => text);
  const gone = [...base.keys()].filter((title) => !plan.has(title));
  return [
    `# As ${differsFrom}.yaml, but for these.\n`,
    ...(gone.length > 0 ? [stringify({ gone })] : []),
    ...changed,
  ].join("");
}

function asPlan({ resources, outputs }: Run): Plan {
  const planned = resources.filter(({ type }) => type.includes(":") && !type.startsWith("dnsmesh:"));
  const entries = [
    ...planned.map((resource) => [titleOf(resource), described(resource)] as const),
    ...Object.entries(outputs).map(
      ([name, { value, secret }]) => [`output ${name}`, { ...(secret && { secret }), value: readable(value) }] as const,
    ),
  ];
  const sorted = entries.toSorted(([one], [other]) => (one < other ? -1 : 1));
  const write = (title: string, content: object): string =>
    stringify({ [title]: content }, { lineWidth: 0, aliasDuplicateObjects: false });
  const plan = new Map(sorted.map(([title, content]) => [title, write(title, content)]));
  if (plan.size !== entries.length) throw new Error("two resources have one title");
  return plan;
}

function missing(stack: string): never {
  throw new Error(`no stack "${stack}": ${Object.keys(stacks).join(", ")}`);
}

function titleOf(resource: Registered): string {
  const { namespace } = (resource.inputs as { metadata?: { namespace?: string } }).metadata ?? {};
  const kind = resource.type.replace(/^kubernetes:/, "");
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${nameOf(resource)}`;
}

function described(resource: Registered): object {
  const { protect, retainOnDelete, deleteBeforeReplace, ignoreChanges, replaceOnChanges } = resource;
  const options = {
    ...(protect && { protect }),
    ...(retainOnDelete && { retainOnDelete }),
    ...(!deleteBeforeReplace && resource.type.startsWith("kubernetes:") && { deleteBeforeReplace }),
    ...(ignoreChanges.length > 0 && { ignoreChanges }),
    ...(replaceOnChanges.length > 0 && { replaceOnChanges }),
  };
  return { ...(Object.keys(options).length > 0 && { options }), ...(readable(resource.inputs) as object) };
}

/** Objects with their keys in order, JSON and packed data as what they hold. */
function readable(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => readable(item));
  if (typeof value === "string" && key.endsWith(".br"))
    return { brotli: brotliDecompressSync(Buffer.from(value, "base64")).toString("utf8") };
  if (typeof value === "string") return key === "apiVersion" ? value : unpacked(value);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const sorted = entries.toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, item]) => [name, readable(item, name)]));
}

function unpacked(text: string): unknown {
  if (text.startsWith("H4sI")) return { gzip: unpacked(gunzipSync(Buffer.from(text, "base64")).toString("utf8")) };
  if (!/^[[{]/.test(text)) return text;
  try {
    return { json: readable(JSON.parse(text)) };
  } catch {
    return text;
  }
}
