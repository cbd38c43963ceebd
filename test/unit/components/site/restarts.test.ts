import { expect } from "chai";
import type * as k8s from "@pulumi/kubernetes";
import { documentedRows, quoted } from "../../../../harness/doc-table";
import type { WelcomeTrust } from "../../../../src/mesh/trust";
import { parseMesh } from "../../../../src/settings/parse";
import { parseStackConfig } from "../../../../src/settings/site-settings";
import {
  exampleList,
  exampleSecrets,
  sharedName,
  sharedOutputs,
  sharedVaultOutputs,
  vaultByJwt,
} from "../example-mesh";
import type { Run } from "../recorded-stack";
import { up, type UpOptions } from "./site-run";

/** A change of one setting, as the site's stack is brought up with it; what it starts from, where that is not the default. */
interface Change {
  readonly to: UpOptions;
  readonly from?: UpOptions;
}

const site = "site-c";
const config = (values: Record<string, unknown>): UpOptions => ({ config: values });
const base = { replicas: "2" };
const given = (changes: Record<string, unknown>): Change => ({ to: config({ ...base, ...changes }) });

type ListedSite = (typeof exampleList)["sites"][number] & Record<string, unknown>;

/** The shared stack with another list. */
function listed(changes: Record<string, unknown>, ofSite: Record<string, unknown> = {}): Change {
  const sites = exampleList.sites.map((each): ListedSite => ({ ...each, ...(each.name === site && ofSite) }));
  return { to: { ...config(base), ...shared(sharedOutputs(parseMesh({ ...exampleList, sites, ...changes }))) } };
}

function shared(outputs: { outputs: Record<string, unknown>; secret?: readonly string[] }): UpOptions {
  return { stacks: { [sharedName]: outputs } };
}

/** The shared stack with other secrets of the site. */
function secrets(changes: Record<string, unknown>): Change {
  const outputs = sharedOutputs();
  outputs.outputs["siteSecrets"] = { [site]: { ...exampleSecrets(site), ...changes } };
  return { to: { ...config(base), ...shared(outputs) } };
}

function trusting(trust: WelcomeTrust): Change {
  return { to: { ...config(base), ...shared(sharedVaultOutputs(trust)) } };
}

const key = { name: "bind", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 1).toString("base64") };
const newcomer = { name: "site-d", role: "standard", addresses: ["203.0.113.4"], zones: ["standard-2.internal.dns"] };
const ring = exampleSecrets(site).keyRing;
const resources = (container: string) => given({ resources: { [container]: { limits: { memory: "300Mi" } } } });

/** Each setting of a site's stack by its name. */
const siteSettings: Readonly<Record<string, Change>> = {
  kubeconfig: given({ kubeconfig: "/elsewhere" }),
  context: given({ context: "renamed" }),
  drainSeconds: given({ drainSeconds: "60" }),
  replicas: given({ replicas: "3" }),
  readers: given({ readers: [key] }),
  updaters: given({ updaters: [{ ...key, zones: ["standard-1.internal.dns"], updateOwner: "zone" }] }),
  records: given({ records: { namespaces: ["shop"] } }),
  "records: false": { ...given({ records: false, replicas: "1" }), from: config({ replicas: "1" }) },
  service: given({ service: { externalTrafficPolicy: "Cluster", annotations: { "example.com/x": "y" } } }),
  clients: given({ clients: ["10.0.0.0/8"] }),
  "images.knot": given({ images: { knot: "registry.example/knot:new" } }),
  "images.node": given({ images: { node: "registry.example/node:new" } }),
  imagePullPolicy: given({ imagePullPolicy: "Always" }),
  "resources.knot": resources("knot"),
  "resources.agent": resources("agent"),
  "resources.reconciler": resources("reconciler"),
  "resources.rotator": resources("rotator"),
  "resources.operator": resources("operator"),
  listen: given({ listen: ["0.0.0.0", "::"] }),
  rateLimit: given({ rateLimit: { perSecond: 1000, burst: 2000, exempt: ["10.0.0.0/8"] } }),
  remotePort: given({ remotePort: "5300" }),
  securePort: given({ securePort: "8530" }),
  protect: given({ protect: "false" }),
  rotatorSchedule: given({ rotatorSchedule: "*/7 * * * *" }),
  reconcilerSchedule: given({ reconcilerSchedule: "*/7 * * * *" }),
  apiServer: given({ apiServer: ["192.0.2.10/32"] }),
  monitoring: given({ monitoring: { namespaceSelector: { team: "dns" } } }),
  "vault.address": {
    from: trusting(vaultByJwt).to,
    to: { ...trusting(vaultByJwt).to, ...config({ ...base, vault: { address: "https://192.0.2.20" } }) },
  },
  "vault.egress": {
    from: trusting(vaultByJwt).to,
    to: { ...trusting(vaultByJwt).to, ...config({ ...base, vault: { egress: ["10.20.0.0/24"] } }) },
  },
};

/** What of the shared stack's settings reaches a site. */
const sharedSettings: Readonly<Record<string, Change>> = {
  "mesh.sites": listed({ sites: [...exampleList.sites, newcomer] }),
  "mesh.sites[].role": listed({}, { role: "secondary-catalog" }),
  "mesh.sites[].addresses": { ...listed({}, { addresses: ["203.0.113.9"] }) },
  "mesh.sites[].sources": listed({}, { sources: ["203.0.113.0/24"] }),
  "mesh.sites[].zones": listed({}, { zones: ["standard-1.internal.dns", "more.example"] }),
  "mesh.sites[].zones[].dnssec": listed({}, { zones: [{ name: "standard-1.internal.dns", dnssec: { nsec3: true } }] }),
  "mesh.topology": listed({ topology: "hub" }),
  "mesh.transport": listed({ transport: "quic" }),
  "keys.generation": secrets({ keyRing: { ...ring, next: { ...ring.current, name: "mesh-2" } } }),
  ca: secrets({ certificate: "renewed", privateKey: "PRIVATE renewed" }),
  rotation: {
    from: trusting(vaultByJwt).to,
    to: trusting({ ...vaultByJwt, rotation: { every: 864_000, patience: 3600, overlap: 3600 } }).to,
  },
  vault: { ...trusting(vaultByJwt) },
};

/** Settings that name a stack, or that a running site refuses to change. */
const notChanged = ["shared", "site", "namespace", "storageClass", "storageSize"];

function templates(run: Run): { readonly knot: string; readonly operator: string } {
  const text = (type: string): string => {
    const [found] = run.all(type).map(({ inputs }) => inputs as k8s.types.output.apps.v1.StatefulSet);
    return found === undefined ? "" : JSON.stringify(found.spec.template);
  };
  return { knot: text("StatefulSet"), operator: text("Deployment") };
}

/** Templates by what they are made from: most changes start from the same. */
const made = new Map<string, ReturnType<typeof templates>>();

async function templatesOf(options: UpOptions): Promise<ReturnType<typeof templates>> {
  const name = JSON.stringify(options);
  const found =
    made.get(name) ?? templates(await up(site, { loadBalancer: ["203.0.113.3", "203.0.113.9"], ...options }));
  made.set(name, found);
  return found;
}

async function restarted({ from = config(base), to }: Change): Promise<readonly [knot: string, operator: string]> {
  const before = await templatesOf(from);
  const after = await templatesOf(to);
  const word = (name: keyof typeof before): string => {
    if (after[name] === "") return "go";
    return before[name] === after[name] ? "run on" : "restart";
  };
  return [word("knot"), word("operator")];
}

/** Every setting that a stack of this kind reads. */
function namesOfSettings(): readonly string[] {
  const names = new Set<string>();
  const minimal: Record<string, string> = { shared: sharedName, context: "c" };
  const get = (name: string): string | undefined => {
    names.add(name);
    return minimal[name];
  };
  parseStackConfig({ get }, site);
  names.delete("mesh");
  return [...names];
}

describe("what restarts pods", function () {
  this.timeout(240_000);
  for (const [heading, changes] of [
    ["Settings of a site's stack", siteSettings],
    ["Settings of the shared stack", sharedSettings],
  ] as const) {
    it(`is what docs/changing-settings.md says under "${heading}"`, async () => {
      const rows = [];
      for (const [name, change] of Object.entries(changes)) rows.push([name, ...(await restarted(change))]);
      const documented = documentedRows("docs/changing-settings.md", heading).map(([name, knot, operator]) => [
        quoted(name)[0],
        knot,
        operator,
      ]);
      expect(documented).to.deep.equal(
        rows,
        rows.map((row) => `| \`${row[0]}\` | ${row[1]} | ${row[2]} | |`).join("\n"),
      );
    });
  }

  it("is known of every setting", () => {
    const known = new Set([...Object.keys(siteSettings).map((name) => name.split(/[.:]/)[0]), ...notChanged]);
    expect(namesOfSettings().filter((name) => !known.has(name))).to.deep.equal([]);
  });
});
