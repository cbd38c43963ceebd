import { expect } from "chai";
import { X509Certificate, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCertManager } from "../../../harness/cert-manager";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { startControlPlane, type ControlPlane } from "../../../harness/plugins/control-plane";
import type { Properties } from "../../../harness/plugins/wire";
import { blocksOf } from "../../../harness/docs/blocks";
import { guideUpdaters } from "../../../harness/records/guides";
import { startPebble } from "../../../harness/records/pebble";
import { allowUpdaters } from "../../../harness/records/updaters";
import { ensureTools, toolPath } from "../../../harness/tools";
import { run } from "../../../harness/tools/run";

describe("cert-manager's DNS-01, by the guide", function () {
  this.timeout(120_000);
  const zone = "standard-1.internal.dns";
  const guide = "docs/guides/dns-update.md#cert-manager";
  const secret = randomBytes(32).toString("base64");
  const started = new AsyncDisposableStack();
  let lab: Lab;
  let plane: ControlPlane;
  let logs: () => string = () => "";

  const kubectl = (...args: string[]): Promise<string> =>
    run(toolPath("kubectl"), ["--kubeconfig", plane.kubeconfig, ...args], { timeoutMs: 60_000 });

  async function apply(name: string, text: string): Promise<void> {
    const file = join(lab.folder, name);
    writeFileSync(file, text);
    await kubectl("apply", "-f", file);
  }

  before(async function () {
    this.timeout(20 * 60_000);
    await ensureTools(["kubernetes", "knot", "cert-manager", "pebble"], console.log);
  });
  before(async () => {
    plane = started.use(await startControlPlane());
    lab = started.use(await Lab.create({ sites: 3 }));
    lab.list[2]?.zones.push(zone);
    await lab.upAll();
    await lab.converged(60);
    await allowUpdaters([lab.site("site-c")], guideUpdaters(guide, secret));
    const [flags = ""] = blocksOf(guide, "");
    const { address, port } = lab.site("site-c").server;
    const asked = flags.replace("203.0.113.3:53", `${address}:${port}`).trim().split("\n");
    expect(asked).to.have.lengthOf(2);
    const certManager = started.use(await startCertManager(plane.kubeconfig, asked));
    // Another site than the one that takes the updates.
    const pebble = started.use(await startPebble(lab.folder, lab.site("site-b").server));
    logs = () => `${certManager.log().slice(-4000)}\n${pebble.log().slice(-4000)}`;
    // As openssl wrote it into the file, with the end of its line.
    writeFileSync(join(lab.folder, "the-secret"), `${secret}\n`, { mode: 0o600 });
    await kubectl(
      ...["create", "secret", "generic", "cert-manager-key"],
      `--from-file=secret=${join(lab.folder, "the-secret")}`,
    );
    const [manifest = ""] = blocksOf(guide, "yaml");
    const bundle = Buffer.from(pebble.ca).toString("base64");
    const placed = manifest
      .replace(/server: https:.*/, `server: ${pebble.directory}\n    caBundle: ${bundle}`)
      .replace("203.0.113.3:53", `${address}:${port}`)
      // After its own look, which the guide has, cert-manager rests for a minute. An order whose challenge the ACME
      // server does not find is tried again after an hour only, so this is ample time for the other site to have it.
      .replace(/^( +)dns01:/m, "$1waitInsteadOfSelfCheck: 10s\n$&");
    expect(placed).to.contain(pebble.directory).and.contain(`nameserver: ${address}:${port}`);
    await eventually(20, () => apply("acme.yaml", placed));
  });
  after(() => started.disposeAsync());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(logs());
  });

  async function challenges(name: string): Promise<number[]> {
    const counts = [...lab.sites.values()].map(
      async ({ server, dns }) => (await dns.query(server, name, "TXT")).answers.length,
    );
    return Promise.all(counts);
  }

  /** What cert-manager says of its orders or challenges. */
  async function statuses(kind: "orders" | "challenges"): Promise<string> {
    const path = `/apis/acme.cert-manager.io/v1/namespaces/default/${kind}`;
    const { items } = await plane.api.send({ method: "GET", path });
    return (items as Properties[]).map((each) => JSON.stringify(each["status"])).join();
  }

  /** The server's log of what the key asked for. */
  const asked = (verdict: "allowed" | "denied"): number =>
    lab.site("site-c").log().split(`[${zone}.] ACL, ${verdict}, action update,`).length - 1;

  it("issues a certificate for a name and for all names below the zone", async () => {
    const found = await eventually(60, async () => {
      const orders = await statuses("orders");
      expect(orders).not.to.match(/"state":"(invalid|errored)"/);
      const live = await plane.api.send({ method: "GET", path: "/api/v1/namespaces/default/secrets/www-tls" });
      return new X509Certificate(Buffer.from((live["data"] as Record<string, string>)["tls.crt"] ?? "", "base64"));
    });
    expect(found.subjectAltName?.split(", ").sort()).to.deep.equal([`DNS:*.${zone}`, `DNS:www.${zone}`]);
    expect(found.issuer).to.contain("Pebble");
    expect(asked("allowed")).to.be.at.least(2);
    expect(asked("denied")).to.equal(0);
  });

  it("leaves no challenge behind at any site", async () => {
    for (const name of [`_acme-challenge.${zone}`, `_acme-challenge.www.${zone}`])
      await eventually(20, async () => expect(await challenges(name)).to.deep.equal([0, 0, 0]));
  });

  it("gets no name that the key does not open, and says that the server refused", async () => {
    const name = `a.b.${zone}`;
    const spec = { secretName: "deep-tls", dnsNames: [name], issuerRef: { name: "acme" } };
    const certificate = { apiVersion: "cert-manager.io/v1", kind: "Certificate", metadata: { name: "deep" }, spec };
    const serial = (await lab.site("site-c").soa(zone)).serial;
    await apply("deep.json", JSON.stringify(certificate));
    await eventually(30, async () => {
      expect(await statuses("challenges")).to.match(/DNS update failed|bad authentication|NOTAUTH/);
    });
    expect(asked("denied")).to.be.at.least(1);
    expect(await challenges(`_acme-challenge.${name}`)).to.deep.equal([0, 0, 0]);
    expect((await lab.site("site-c").soa(zone)).serial).to.equal(serial);
  });

  it("shows the secret in no log", () => {
    expect(logs() + lab.logs()).not.to.contain(secret);
  });
});
