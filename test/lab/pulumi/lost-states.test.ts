import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import program from "../../../program";
import { Reader } from "../../../harness/docs/reader";
import { freePort } from "../../../harness/free-port";
import { type KnotServer, startKnot } from "../../../harness/knot/server";
import { startControlPlane, type ControlPlane } from "../../../harness/plugins/control-plane";
import { standInForPods } from "../../../harness/plugins/pod-stand-in";
import type { Properties } from "../../../harness/plugins/wire";
import { createDriver, driverEnvironment, type MeshDriver } from "../../../harness/pulumi/driver";
import { binDir } from "../../../harness/tools/cache";
import { isSigned } from "../../../src/mesh/epoch";
import type { Mesh, WelcomePacket, WelcomeSecrets } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";

const root = join(__dirname, "..", "..", "..");

const list = {
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "site-a", role: "primary-catalog", addresses: ["127.83.0.1"], zones: ["a.example"] },
    {
      name: "site-b",
      role: "secondary-catalog",
      addresses: ["127.83.0.2"],
      zones: [{ name: "b.example", dnssec: true }],
    },
    { name: "site-c", role: "standard", addresses: ["127.83.0.3"], zones: ["c.example"] },
  ],
};
const sites = list.sites.map(({ name }) => name);

/** What is kept of an object of Kubernetes: all but what changes by itself. */
type Kept = Readonly<Record<string, Properties>>;

function without(properties: Properties, ...keys: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !keys.includes(key)));
}

/**
 * Three sites in one API server, each in a namespace, and their stacks on the real engine. Where the runbooks say `pulumi … up`, the
 * driver brings the stack up; all else is typed as it stands there, in the folder of the stacks' files.
 */
describe("stacks whose state was lost", function () {
  this.timeout(550_000);
  let plane: ControlPlane;
  let pods: AsyncDisposable;
  let workDir: string;
  let driver: MeshDriver;
  let reader: Reader;
  let knots: KnotServer[] = [];
  const securePort = { value: 0 };

  before(async () => {
    plane = await startControlPlane();
    pods = await standInForPods(plane, { address: "127.83.0.9" });
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-lost-states-"));
    const env = await driverEnvironment({ workDir });
    const path = [binDir(), join(root, "node_modules", ".bin"), env["PATH"] ?? ""].join(delimiter);
    writeFileSync(
      join(workDir, "package.json"),
      JSON.stringify({ scripts: { mesh: `tsx ${join(root, "src/cli/mesh.ts")}` } }),
    );
    reader = new Reader({ folder: workDir, env: { ...process.env, ...env, PATH: path } });
    securePort.value = await freePort("127.83.0.1");
    open();
    await driver.setConfig("shared", { "dns-mesh:mesh": list });
    await driver.up("shared");
    for (const name of sites) {
      await driver.setConfig(name, {
        "dns-mesh:shared": "organization/dns-mesh/shared",
        "dns-mesh:context": "plane",
        "dns-mesh:kubeconfig": plane.kubeconfig,
        "dns-mesh:namespace": name,
        "dns-mesh:service": { verifyAddress: false, annotations: { "example.com/pool": "dns" } },
        "dns-mesh:securePort": String(securePort.value),
      });
      await driver.up(name);
    }
  });
  after(async () => {
    for (const knot of knots) await knot[Symbol.asyncDispose]();
    await pods[Symbol.asyncDispose]();
    await plane[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });

  /** An engine that knows of no stack but those in the state. */
  const engine = (env: Record<string, string> = {}): MeshDriver =>
    createDriver({ workDir, env, program: program as () => Promise<Record<string, unknown>> });
  const open = (): void => {
    driver = engine();
  };
  const lose = (stack: string): void => {
    const folder = join(workDir, "state", ".pulumi", "stacks", "dns-mesh");
    for (const file of readdirSync(folder).filter((name) => name.startsWith(`${stack}.`))) rmSync(join(folder, file));
    open();
  };

  /** Types the next block of commands, and returns what they print. */
  async function type(replace: readonly (readonly [string, string])[] = []): Promise<string> {
    const lines = reader.next("sh", replace).replaceAll(" && ", "\n").split("\n");
    const printed: string[] = [];
    for (const line of lines) {
      printed.push(await typeLine(line));
    }
    return printed.join("");
  }
  let isToBringUp = (_stack: string): boolean => true;

  async function typeLine(line: string): Promise<string> {
    const [, variable, stack] = /^(?:(\w+)=true )?pulumi -s (\S+) up --yes$/.exec(line.trim()) ?? [];
    if (stack === undefined) return reader.shell(line);
    if (!isToBringUp(stack)) return "";
    await (variable === undefined ? driver : engine({ [variable]: "true" })).up(stack);
    return "";
  }

  const live = (path: string): Promise<Properties> => plane.api.send({ method: "GET", path });
  const kinds = [
    ...["secrets", "configmaps", "pods", "services", "serviceaccounts", "persistentvolumeclaims"].map((kind) => [
      "/api/v1",
      kind,
    ]),
    ...["statefulsets", "deployments"].map((kind) => ["/apis/apps/v1", kind]),
    ...[
      ["/apis/batch/v1", "cronjobs"],
      ["/apis/networking.k8s.io/v1", "networkpolicies"],
      ["/apis/policy/v1", "poddisruptionbudgets"],
    ],
    ...["roles", "rolebindings"].map((kind) => ["/apis/rbac.authorization.k8s.io/v1", kind]),
  ] as [string, string][];

  /** Every object of a site. */
  async function objectsOf(site: string): Promise<Kept> {
    const kept: Record<string, Properties> = {};
    for (const [api, kind] of kinds) {
      const { items } = await live(`${api}/namespaces/${site}/${kind}`);
      for (const item of items as unknown as Properties[]) {
        const metadata = without(item["metadata"] as Properties, "managedFields", "resourceVersion", "annotations");
        const { name, ownerReferences } = metadata as { name: string; ownerReferences?: unknown };
        // Pods of jobs come and go.
        if (kind === "pods" && JSON.stringify(ownerReferences).includes('"Job"')) continue;
        kept[`${kind}/${name}`] = { ...without(item, "status"), metadata };
      }
    }
    return kept;
  }
  const secret = async (site: string, name: string): Promise<Record<string, string>> => {
    const { data } = (await live(`/api/v1/namespaces/${site}/secrets/${name}`)) as { data: Record<string, string> };
    return Object.fromEntries(
      Object.entries(data).map(([file, text]) => [file, Buffer.from(text, "base64").toString()]),
    );
  };
  const settings = (stack: string): Record<string, unknown> =>
    (parse(readFileSync(join(workDir, `Pulumi.${stack}.yaml`), "utf8")) as { config: Record<string, unknown> }).config;
  const packets = async (): Promise<Record<string, WelcomePacket>> =>
    (await driver.outputs("shared"))["sites"]?.value as Record<string, WelcomePacket>;

  it("a site's: a new stack takes over all that the cluster has, by the runbook", async () => {
    const before = await objectsOf("site-c");
    expect(before).to.include.any.keys("secrets/zone-keys-seal").and.to.include.any.keys("pods/knot-1");
    lose("site-c");
    reader.open("docs/runbooks/site-state-lost.md#a-new-stack");
    await type();
    expect(await objectsOf("site-c")).to.deep.equal(before);
    const file = readFileSync(join(workDir, "Pulumi.site-c.yaml"), "utf8");
    const { key } = await secret("site-c", "zone-keys-seal");
    expect(file).to.contain("dns-mesh:madeKeys").and.not.to.contain(key);
    const another = "pulumi -s site-b stack export | npm run --silent mesh -- adopt --site site-c --finish";
    expect(await reader.shell(another).then(() => "", String)).to.contain("the export of the stack of site-b");
    expect(await type()).to.match(/[1-9]\d* objects of site-c have forgotten the former stack/);
    reader.close();
    expect(settings("site-c")).not.to.have.property("dns-mesh:adopt");
    expect(await objectsOf("site-c")).to.deep.equal(before);
    expect(Object.keys((await driver.up("site-c", { refresh: true })).changes)).to.deep.equal(["same"]);
  });

  it("a site's: what later settings leave out goes, though the former stack made it", async () => {
    const service = async (): Promise<string> =>
      JSON.stringify((await live("/api/v1/namespaces/site-c/services"))["items"]);
    expect(await service()).to.contain("example.com/pool");
    await reader.shell("pulumi -s site-c config rm --path dns-mesh:service.annotations");
    await driver.up("site-c");
    expect(await service()).not.to.contain("example.com/pool");
  });

  it("a site's: nothing is taken over without the keys that are in use", async () => {
    const before = await objectsOf("site-b");
    lose("site-b");
    await reader.shell("pulumi stack init site-b && pulumi -s site-b config set dns-mesh:adopt true");
    const refused = await driver.up("site-b").then(() => "", String);
    expect(refused).to.match(/the cluster has keys that dns-mesh:madeKeys has not \(local, records, zoneKeysSeal\)/);
    expect(await objectsOf("site-b")).to.deep.equal(before);
    const [keys, finish] = ["", "--finish"].map((flag) => `npm run --silent mesh -- adopt --site site-b ${flag}`);
    await reader.shell(`${keys ?? ""}| pulumi -s site-b config set --secret dns-mesh:madeKeys`);
    await engine({ PULUMI_K8S_ENABLE_PATCH_FORCE: "true" }).up("site-b");
    await reader.shell(`pulumi -s site-b stack export | ${finish ?? ""}`);
    expect(await objectsOf("site-b")).to.deep.equal(before);
  });

  /** A real Knot at a catalog site's address with what `up` would publish there. */
  async function serve(site: string, secrets: WelcomeSecrets): Promise<KnotServer> {
    const outputs = await driver.outputs("shared");
    const { name, algorithm, secret: of } = secrets.keyRing.current;
    const zones = {
      "dns.internal": String(outputs["directory"]?.value),
      "catalog.internal.dns": String(outputs["catalog"]?.value),
    };
    const address = list.sites.find((each) => each.name === site)?.addresses[0] ?? "";
    const files = {
      "tls.crt": secrets.certificate,
      "tls.key": secrets.privateKey,
      ...Object.fromEntries(Object.entries(zones).map(([zone, text]) => [`${zone}.zone`, text])),
    };
    const config = ({ storage, rundir, port }: { storage: string; rundir: string; port: number }): string => `
server:
  rundir: ${rundir}
  listen: ${address}@${port}
  listen-tls: ${address}@${securePort.value}
  cert-file: ${storage}/tls.crt
  key-file: ${storage}/tls.key
database:
  storage: ${storage}/db
key:
  - id: ${name}
    algorithm: ${algorithm}
    secret: ${of}
acl:
  - id: sites
    key: ${name}
    action: transfer
    protocol: tls
template:
  - id: default
    storage: ${storage}
    acl: sites
zone:
${Object.keys(zones)
  .map((zone) => `  - domain: ${zone}\n    file: ${zone}.zone\n`)
  .join("")}`;
    return startKnot({ address, zones, files, config });
  }

  it("the shared one: is rebuilt from the mesh by the runbook, and no site's pods, keys or certificates change", async () => {
    const outputs = await driver.outputs("shared");
    const secrets = outputs["siteSecrets"]?.value as Record<string, WelcomeSecrets>;
    const published = (await packets())["site-c"]?.epoch;
    knots = [await serve("site-a", secrets["site-a"]!), await serve("site-b", secrets["site-b"]!)];
    reader.open("docs/runbooks/shared-state-lost.md#what-to-keep-beforehand");
    await type();
    expect(JSON.parse(readFileSync(join(workDir, "shared-state.json"), "utf8"))).to.have.nested.property(
      "deployment.resources",
    );
    reader.close();
    const before = Object.fromEntries(
      await Promise.all(sites.map(async (name) => [name, await objectsOf(name)] as const)),
    );
    lose("shared");
    rmSync(join(workDir, "Pulumi.shared.yaml"));

    reader.open("docs/runbooks/shared-state-lost.md#rebuilding-it");
    expect(await type())
      .to.match(/^Pulumi\.shared\.yaml: the shared stack's settings/m)
      .and.not.to.contain("not rebuilt");
    const mesh: Mesh = parseMesh(settings("shared")["dns-mesh:mesh"]);
    expect(mesh).to.deep.equal(parseMesh(list));
    const again = await reader.shell("npm run --silent mesh -- recover --from site-a").then(() => "", String);
    expect(again).to.contain("Pulumi.shared.yaml is there, and is not written over");
    await type();
    for (const name of sites)
      expect(readFileSync(join(workDir, "Pulumi.shared.yaml"), "utf8")).not.to.contain(
        secrets[name]?.keyRing.current.secret,
      );
    const { signers = [], epoch } = (await packets())["site-c"]!;
    expect(published && isSigned("dns.internal", published, signers), "the former signature").to.equal(true);
    expect(epoch && isSigned("dns.internal", epoch, signers), "the new signature").to.equal(true);
    expect([epoch?.number, epoch?.primary]).to.deep.equal([1, "site-a"]);
    const settingsNow = readFileSync(join(workDir, "Pulumi.shared.yaml"));
    await reader.shell("pulumi -s shared config rm --path dns-mesh:recovered.signers");
    expect(await driver.up("shared").then(() => "", String)).to.match(
      /recovered\.signers no longer has a key that sites go by: .*site-b was not brought up since/,
    );
    writeFileSync(join(workDir, "Pulumi.shared.yaml"), settingsNow);
    await type();
    reader.close();
    for (const name of sites) {
      const now = await objectsOf(name);
      // Packet and directory have another signature.
      const others = (kept: Kept): Kept =>
        Object.fromEntries(
          Object.entries(kept).filter(([key]) => !/^configmaps\/(knot-config|central-zones-)/.test(key)),
        );
      expect(others(now), name).to.deep.equal(others(before[name]!));
    }
    expect(Object.keys((await driver.up("shared")).changes)).to.deep.equal(["same"]);
  });

  it("the shared one: lets the former key for epochs go once every site was brought up", async () => {
    await reader.shell("pulumi -s shared config rm --path dns-mesh:recovered.signers");
    await driver.up("shared");
    expect((await packets())["site-c"]?.signers).to.have.length(1);
  });

  it("the shared one: gets a new root without any site trusting one root alone before its time", async () => {
    isToBringUp = (stack) => ["shared", "site-a"].includes(stack);
    const former = await secret("site-a", "knot-tls");
    reader.open("docs/runbooks/shared-state-lost.md#a-new-root");
    const block = reader.next("sh");
    reader.close();
    const steps = block.split(/(?=^pulumi -s shared config set)/m);
    const roots = (pem: string): number => (pem.match(/BEGIN CERTIFICATE/g) ?? []).length;
    const seen: Record<string, string>[] = [];
    for (const step of steps) {
      for (const line of step.replaceAll(" && ", "\n").trim().split("\n")) await typeLine(line);
      seen.push(await secret("site-a", "knot-tls"));
    }
    const [trusted, signed, done] = seen as [Record<string, string>, Record<string, string>, Record<string, string>];
    expect(trusted["tls.crt"]).to.equal(former["tls.crt"]);
    expect(seen.map((files) => roots(files["ca.crt"] ?? ""))).to.deep.equal([2, 2, 1]);
    expect(signed["tls.crt"]).not.to.equal(former["tls.crt"]);
    expect(done["tls.crt"]).to.equal(signed["tls.crt"]);
    const newRoot = new X509Certificate(done["ca.crt"] ?? "");
    expect(new X509Certificate(done["tls.crt"] ?? "").verify(newRoot.publicKey)).to.equal(true);
    const early = await reader
      .shell("pulumi -s shared config rm dns-mesh:recoveredRing")
      .then(() => driver.up("shared"))
      .then(() => "", String);
    expect(early).to.match(/would make anew what sites go by: the key mesh-1/);
  });
});
