import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { blocksOf } from "../../harness/docs/blocks";
import { apexTexts } from "../../harness/dnssec/validators";
import { eventually } from "../../harness/eventually";
import { runReconciler } from "../../harness/mesh/reconciler-run";
import { type Listed, OwnMesh, type SharedFile } from "./own-mesh";

const zone = "standard-1.internal.dns";

/** What its users do with a mesh by the words of the guides: steps of one mesh's life, in order. */
describe("a mesh that is changed by the guides", function () {
  this.timeout(900_000);
  let mesh: OwnMesh;

  before(async () => {
    mesh = await OwnMesh.create();
    await mesh.bringUp();
    await mesh.takeIn();
    await mesh.answered("standard-2.internal.dns");
    await mesh.use("site-c");
  });
  after(() => mesh[Symbol.asyncDispose]());

  const listed = (file: SharedFile, name: string): Listed =>
    file.config["dns-mesh:mesh"].sites.find((site) => site.name === name)!;
  /** Reads the key that a guide's reader put into `the-secret`. */
  const keyOf = (name: string) => ({
    name,
    algorithm: "hmac-sha256" as const,
    secret: readFileSync(join(mesh.checkout.folder, "the-secret"), "utf8").trim(),
  });

  it("shows a site's certificate, and the roots that are trusted", async () => {
    mesh.reader.open("docs/runbooks/expired-ca.md#runbook-a-certificate-or-root-has-expired-or-is-about-to");
    const shown = await mesh.reader.run([["ADDRESS", mesh.siteAddress(1)]]);
    mesh.reader.close();
    expect(shown)
      .to.match(/^subject=.*site-b/m)
      .and.match(/^notAfter=/m);
    expect(shown.trim().split("\n").at(-1)).to.match(/ GMT$/);
  });

  it("gives its zones to servers outside, and takes updates by key", async () => {
    await mesh.reader.shell("openssl rand -base64 32 > the-secret");
    mesh.reader.open("docs/guides/other-servers.md#bind-and-nsd-beside-the-mesh");
    await mesh.reader.run();
    mesh.reader.close();
    await eventually(60, async () => {
      expect(await mesh.dns.transfer(mesh.server(0), zone, keyOf("other-servers"))).not.to.deep.equal([]);
    });
    mesh.reader.open("docs/guides/dns-update.md#nsupdate-and-knsupdate");
    await mesh.reader.run();
    const recipes = [mesh.reader.next("bash"), mesh.reader.next("bash")];
    mesh.reader.close();
    for (const recipe of recipes) await eventually(60, () => mesh.reader.shell(recipe));
    await mesh.everywhere(`printer.hosts.${zone}`, "192.0.2.40");
    await mesh.everywhere(`scanner.hosts.${zone}`, "192.0.2.41");
  });

  it("takes the keys of external-dns and cert-manager", async () => {
    for (const [name, id, record] of [
      [
        "external-dns",
        "docs/guides/external-dns.md#1-a-key-in-the-stack-of-the-site-that-owns-the-zone",
        `shop.apps.${zone}. 60 A 192.0.2.81`,
      ],
      ["cert-manager", "docs/guides/dns-update.md#cert-manager", `_acme-challenge.www.${zone}. 60 TXT token`],
    ] as const) {
      await mesh.reader.shell("pulumi config rm dns-mesh:updaters -s site-c");
      const [commands = ""] = blocksOf(id, "sh");
      await mesh.reader.shell(commands);
      const lines = [`server ${mesh.siteAddress(2)}`, `zone ${zone}`, `update add ${record}`, "send"].join("\n");
      const update = `nsupdate -y "hmac-sha256:${name}:$(cat the-secret)" <<'END'\n${lines}\nEND`;
      await eventually(60, () => mesh.reader.shell(update));
    }
    await mesh.everywhere(`shop.apps.${zone}`, "192.0.2.81");
    // A zone leaves later on: nobody may change it then.
    await mesh.reader.shell("pulumi config rm dns-mesh:updaters -s site-c");
  });

  it("signs zones, shows their DS record, and backs their keys up", async () => {
    mesh.reader.open("docs/guides/dnssec.md#signed-zones-dnssec");
    const { zones } = parse(mesh.reader.next("yaml")) as Listed;
    mesh.edit((file) => {
      listed(file, "site-c").zones.push(...zones);
    });
    await mesh.up("shared", "site-a", "site-c");
    await mesh.reader.run();
    mesh.reader.close();
    await mesh.answered("example.org");
    await mesh.up("site-c");
    mesh.reader.open("docs/guides/dnssec.md#turning-it-on");
    const shown = await mesh.reader.run([
      ["<owner>", "site-c"],
      ["<any site>", mesh.siteAddress(1)],
    ]);
    expect(shown).to.match(/example\.org\.\s+\d+\s+IN\s+CDS\s+\d+ 13 2 /);
    mesh.reader.open("docs/guides/dnssec.md#backup");
    await mesh.reader.run();
    mesh.reader.close();
    await mesh.answered("example.org");
  });

  it("gets a signed zone's keys back when the volume of its owner is lost, and they are kept anew when the copy is taken away", async () => {
    const dnskeys = () => apexTexts(mesh.server(2), "example.org", "DNSKEY");
    const before = await dnskeys();
    await runReconciler(mesh.cluster(2));
    mesh.reader.open("docs/runbooks/volume-lost.md#a-new-volume");
    expect(await mesh.reader.run()).to.contain("the zones' keys are back");
    mesh.reader.close();
    await eventually(60, async () => {
      expect(await dnskeys()).to.deep.equal(before);
    });
    mesh.reader.open("docs/runbooks/volume-lost.md#beginning-with-new-keys");
    await mesh.reader.run();
    mesh.reader.close();
    expect((await runReconciler(mesh.cluster(2))).failed).to.equal(false);
    const { data } = JSON.parse(await mesh.reader.shell("kubectl -n dns-system get secret zone-keys -o json")) as {
      data: Record<string, string>;
    };
    expect(Object.keys(data).sort()).to.deep.equal(["site", "zone-keys.json"]);
  });

  it("lets a zone go in two steps", async () => {
    mesh.reader.open("docs/guides/retiring-a-zone.md#retiring-a-zone");
    const [entry] = parse(mesh.reader.next("yaml")) as Listed[];
    const others = (file: SharedFile): unknown[] => listed(file, "site-c").zones.filter((one) => one !== zone);
    mesh.edit((file) => {
      listed(file, "site-c").zones = [...(entry?.zones ?? []), ...others(file)];
    });
    await mesh.up("shared", "site-a", "site-c");
    expect(await mesh.reader.run()).to.contain(`{"${zone}":[]}`);
    mesh.reader.close();
    await mesh.up("site-c");
    mesh.edit((file) => {
      listed(file, "site-c").zones = listed(file, "site-c").zones.slice(1);
    });
    await mesh.up("shared", "site-a", "site-c");
    await eventually(60, async () => {
      expect(await mesh.dns.querySoa(mesh.server(1), zone).catch((error: unknown) => error)).to.be.instanceOf(Error);
    });
  });

  it("rotates its keys by generation", async () => {
    mesh.reader.open("docs/guides/keys.md#without-vault-by-generation");
    const { config } = parse(mesh.reader.next("yaml")) as SharedFile;
    mesh.reader.close();
    mesh.edit((file) => Object.assign(file.config, config));
    await mesh.up("shared", "site-a", "site-b", "site-c", "site-d");
    await mesh.answered("standard-2.internal.dns");
  });

  it("lets a site go", async () => {
    mesh.reader.open("docs/guides/onboarding-a-site.md#removing-a-site");
    await mesh.reader.run();
    mesh.edit((file) => {
      const { sites } = file.config["dns-mesh:mesh"];
      file.config["dns-mesh:mesh"].sites = sites.filter(({ name }) => name !== "site-d");
    });
    await mesh.up("shared", "site-a");
    await mesh.reader.run();
    mesh.reader.close();
    const left = await mesh.cluster(3).kubectl(["get", "namespaces", "-o", "name"]);
    expect(left).not.to.contain("dns-system");
  });
});
