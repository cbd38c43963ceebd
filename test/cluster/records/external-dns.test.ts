import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Change } from "../../../src/dns/update";
import type { Updater } from "../../../src/records/updater";
import { eventually } from "../../../harness/eventually";
import { LabProcess, Log } from "../../../lab/process";
import { freeEverywhere } from "../../../lab/ports";
import type { Properties } from "../../../harness/plugins/wire";
import { blocksOf } from "../../../harness/docs/blocks";
import { Reader } from "../../../harness/docs/reader";
import { guideUpdaters } from "../../../harness/records/guides";
import { RecordMesh } from "../../../harness/records/record-mesh";
import { allowUpdaters } from "../../../harness/records/updaters";
import { ensureTools, toolPath } from "../../../harness/tools";
import { binDir } from "../../../harness/tools/cache";
import { run } from "../../../harness/tools/run";

/** The part of a Deployment that says what runs. */
interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] } };
  };
}

const zone = "standard-1.internal.dns";
const secret = randomBytes(32).toString("base64");

/** external-dns as the guide runs it: with the guide's rights in the API, flags, and key as `openssl` wrote it into a file. */
class ExternalDns implements AsyncDisposable {
  readonly #log = new Log();
  #process: LabProcess | undefined;

  constructor(private readonly options: { readonly args: readonly string[]; readonly kubeconfig: string }) {}

  start(changes: Readonly<Record<string, string>> = {}): void {
    const args = this.options.args.flatMap((arg) => {
      const flag = arg.split("=")[0] ?? "";
      const other = changes[flag];
      return other === undefined ? [arg] : other === "" ? [] : [`${flag}=${other}`];
    });
    this.#process = new LabProcess({
      command: [toolPath("external-dns"), ...args, `--kubeconfig=${this.options.kubeconfig}`],
      env: { PATH: process.env["PATH"], EXTERNAL_DNS_RFC2136_TSIG_SECRET: `${secret}\n` },
      log: this.#log,
    });
  }

  log(): string {
    return this.#log.text;
  }

  async stop(): Promise<void> {
    await this.#process?.end("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.end("SIGKILL");
  }
}

describe("external-dns, by its guide", function () {
  this.timeout(120_000);
  let mesh: RecordMesh;
  let updaters: readonly Updater[];
  let externalDns: ExternalDns;

  const kubectl = (...args: string[]): Promise<string> =>
    run(toolPath("kubectl"), ["--kubeconfig", mesh.plane.kubeconfig, ...args], { timeoutMs: 60_000 });

  async function apply(text: string, name: string): Promise<void> {
    const file = join(mesh.lab.folder, name);
    writeFileSync(file, text);
    await kubectl("apply", "-f", file);
  }

  /** What a load balancer or an ingress controller would do. */
  const assign = (kind: string, name: string, ip: string): Promise<string> =>
    kubectl(
      "patch",
      kind,
      name,
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify({ status: { loadBalancer: { ingress: [{ ip }] } } }),
    );

  before(async function () {
    this.timeout(20 * 60_000);
    await ensureTools(["kubernetes", "knot", "external-dns"], console.log);
  });
  before(async () => {
    mesh = await RecordMesh.start({ zones: [zone] });
    updaters = guideUpdaters("docs/guides/external-dns.md#1-a-key-in-the-stack-of-the-site-that-owns-the-zone", secret);
    await allowUpdaters([mesh.lab.site(mesh.owner)], updaters);
    const PATH = [binDir(), process.env["PATH"]].join(delimiter);
    const env = { ...process.env, PATH, KUBECONFIG: mesh.plane.kubeconfig };
    const reader = new Reader({ folder: mesh.lab.folder, env });
    writeFileSync(join(mesh.lab.folder, "the-secret"), secret, { mode: 0o600 });
    reader.open("docs/guides/external-dns.md#2-external-dns");
    const commands = reader.next("sh");
    reader.write("external-dns.yaml");
    await reader.shell(commands);
    const path = "/apis/apps/v1/namespaces/external-dns/deployments/external-dns";
    const { spec } = (await mesh.plane.api.send({ method: "GET", path })) as unknown as Deployment;
    const { address, port } = mesh.lab.site(mesh.owner).server;
    const args = spec.template.spec.containers[0].args.map((arg) =>
      arg
        .replace("--rfc2136-host=203.0.113.3", `--rfc2136-host=${address}`)
        .replace("--rfc2136-port=53", `--rfc2136-port=${port}`)
        .replace("--interval=1m", "--interval=500ms"),
    );
    expect(args.join()).to.contain(address).and.contain(String(port));
    args.push(`--metrics-address=127.0.0.1:${await freeEverywhere()}`, "--min-event-sync-interval=0.5s");
    externalDns = new ExternalDns({ args, kubeconfig: await kubeconfigOf("external-dns") });
    externalDns.start();
  });
  after(async () => {
    await externalDns[Symbol.asyncDispose]();
    await mesh[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(externalDns.log().slice(-5000));
  });

  /** A kubeconfig with the rights of the guide's account. */
  async function kubeconfigOf(account: string): Promise<string> {
    const token = (await kubectl("-n", "external-dns", "create", "token", account)).trim();
    const config = JSON.parse(await kubectl("config", "view", "--raw", "-o", "json")) as Properties;
    const [cluster] = config["clusters"] as { name: string }[];
    const file = join(mesh.lab.folder, "external-dns.kubeconfig");
    const context = { cluster: cluster?.name, user: "account" };
    const own = {
      users: [{ name: "account", user: { token } }],
      contexts: [{ name: "c", context }],
      "current-context": "c",
    };
    writeFileSync(file, JSON.stringify({ ...config, ...own }), { mode: 0o600 });
    return file;
  }

  const everywhere = (name: string, expected: readonly string[], type?: string): Promise<void> =>
    eventually(20, () => mesh.everywhere(`${name}.${zone}`, expected, type), 50);

  /** What Knot logged of the key's actions. */
  const count = (action: string): number =>
    mesh.lab
      .site(mesh.owner)
      .log()
      .split("\n")
      .filter(
        (line) =>
          line.includes(`[${zone}.] ACL,`) && line.includes(`action ${action},`) && line.includes("key external-dns."),
      ).length;

  /** Waits until external-dns has read the zone some times more. */
  async function rounds(more: number): Promise<void> {
    const before = count("transfer");
    await eventually(
      30,
      () => {
        expect(count("transfer")).to.be.at.least(before + more);
      },
      100,
    );
  }

  it("puts Services and Ingresses on every site", async () => {
    const [manifest = ""] = blocksOf("docs/guides/external-dns.md#3-a-service-and-an-ingress", "yaml");
    await apply(manifest, "shop.yaml");
    await assign("service", "shop", "192.0.2.81");
    await assign("ingress", "blog", "192.0.2.82");
    await everywhere("shop.apps", ["192.0.2.81"]);
    await everywhere("blog.apps", ["192.0.2.82"]);
    for (const site of mesh.lab.sites.keys())
      expect(await mesh.answer(site, `external-dns-a.shop.apps.${zone}`, "TXT"), site).to.have.lengthOf(1);
  });

  it("changes nothing in further rounds", async () => {
    await rounds(2);
    const [before, serial] = [count("update"), (await mesh.lab.site(mesh.owner).soa(zone)).serial];
    await rounds(4);
    expect(count("update")).to.equal(before);
    expect((await mesh.lab.site(mesh.owner).soa(zone)).serial).to.equal(serial);
  });

  it("follows changes and deletions", async () => {
    await assign("service", "shop", "192.0.2.91");
    await everywhere("shop.apps", ["192.0.2.91"]);
    await kubectl("delete", "ingress", "blog");
    await everywhere("blog.apps", []);
    await everywhere("external-dns-a.blog.apps", [], "TXT");
  });

  it("reads a zone that comes in several messages, and goes on as before", async () => {
    const changes = (batch: number): Change[] =>
      Array.from({ length: 500 }, (_, i) => ({
        kind: "add",
        record: {
          name: `n${batch}-${i}-${"x".repeat(50)}.${zone}`,
          class: "IN",
          ttl: 60,
          type: "A",
          address: "192.0.2.7",
        },
      }));
    for (let batch = 0; batch < 6; batch++) await mesh.update(zone, changes(batch));
    await rounds(2);
    const before = count("update");
    await rounds(2);
    expect(count("update")).to.equal(before);
    await assign("service", "shop", "192.0.2.81");
    await everywhere("shop.apps", ["192.0.2.81"]);
  });

  it("and the operator leave each other's names alone", async () => {
    const records = mesh.objects(zone);
    await records.make("theirs", { name: "shop.apps", value: "198.51.100.1" });
    expect((await records.told("theirs", "Conflict", "ForeignRecords")).message).to.contain("dns.mesh.io/adopt");
    await records.make("ours", { name: "wiki.apps", value: "198.51.100.2" });
    await records.programmed("ours");
    await kubectl("create", "service", "loadbalancer", "wiki", "--tcp=80");
    await kubectl("annotate", "service", "wiki", `external-dns.alpha.kubernetes.io/hostname=wiki.apps.${zone}`);
    await assign("service", "wiki", "192.0.2.99");
    await rounds(4);
    await everywhere("shop.apps", ["192.0.2.81"]);
    await everywhere("wiki.apps", ["198.51.100.2"]);
    await kubectl("delete", "service", "wiki");
    await records.remove("theirs");
    await records.gone("theirs");
    await rounds(3);
    await everywhere("shop.apps", ["192.0.2.81"]);
    await everywhere("wiki.apps", ["198.51.100.2"]);
  });

  it("gets no name beyond its own, whatever it is told to do", async () => {
    await kubectl("create", "service", "loadbalancer", "evil", "--tcp=80");
    await kubectl("annotate", "service", "evil", `external-dns.alpha.kubernetes.io/hostname=www.${zone}`);
    await assign("service", "evil", "192.0.2.66");
    await rounds(3);
    await externalDns.stop();
    const serial = (await mesh.lab.site(mesh.owner).soa(zone)).serial;
    externalDns.start({ "--domain-filter": "" });
    await eventually(20, () => {
      expect(externalDns.log()).to.contain("RFC2136 create record failed: bad return code: NOTAUTH");
    });
    expect((await mesh.lab.site(mesh.owner).soa(zone)).serial).to.equal(serial);
    await everywhere("www", []);
    await everywhere("shop.apps", ["192.0.2.81"]);
    expect(externalDns.log()).not.to.contain(secret);
  });
});
