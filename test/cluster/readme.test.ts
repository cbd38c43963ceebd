import { expect } from "chai";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { DnsClient } from "../../src/dns/client/dns-client";
import { createClusters, type Cluster, type ClusterSet } from "../../harness/clusters";
import { checkOut, type Checkout } from "../../harness/docs/checkout";
import { blocksOf } from "../../harness/docs/blocks";
import { Reader, type Replacement } from "../../harness/docs/reader";
import { apexTexts } from "../../harness/dnssec/validators";
import { eventually } from "../../harness/eventually";
import { ensureImages } from "../../harness/images";
import { runReconciler } from "../../harness/mesh/reconciler-run";

const addresses = ["192.0.2.1", "198.51.100.2", "203.0.113.3"] as const;
const zone = "standard-1.internal.dns";

interface Listed {
  name: string;
  zones: unknown[];
}

/** `Pulumi.shared.yaml`, as far as a reader of the guides edits it. */
interface SharedFile {
  config: { "dns-mesh:mesh": { sites: Listed[] } } & Record<string, unknown>;
}

/** What a new user does with a fresh backend by the README's words, and then by the guides': steps of one mesh's life, in order. */
describe("a mesh of one's own, by the README and the guides", function () {
  this.timeout(900_000);
  const dns = new DnsClient({ timeoutMs: 2000 });
  let set: ClusterSet;
  let checkout: Checkout;
  let reader: Reader;
  let images: { knot: string; node: string };

  before(async () => {
    set = await createClusters({ names: ["site-a", "site-b", "site-c", "site-d"], log: () => undefined });
    checkout = await checkOut(set.clusters);
    const { knot, node } = await ensureImages();
    images = { knot: knot.name, node: node.name };
    const replace = addresses.map((address, index): Replacement => [address, siteAddress(index)]);
    reader = new Reader({ folder: checkout.folder, env: checkout.env, replace });
  });
  after(async () => {
    checkout[Symbol.dispose]();
    await set[Symbol.asyncDispose]();
  });

  const cluster = (index: number): Cluster => set.clusters[index]!;
  const siteAddress = (index: number): string => cluster(index).siteAddress;
  const server = (index: number) => ({ address: siteAddress(index), port: 53 });
  /** In the list, where a site's traffic leaves from its node's address. */
  const sources = (address: string, index: number): Replacement => [
    `addresses: [${address}],`,
    `addresses: [${siteAddress(index)}], sources: [${cluster(index).nodeAddress}/32],`,
  ];
  /** Edits the list by hand. */
  function edit(change: (file: SharedFile) => void): void {
    const path = join(checkout.folder, "Pulumi.shared.yaml");
    const file = parse(readFileSync(path, "utf8")) as SharedFile;
    change(file);
    writeFileSync(path, stringify(file));
  }
  const listed = (file: SharedFile, name: string): Listed =>
    file.config["dns-mesh:mesh"].sites.find((site) => site.name === name)!;
  const up = async (...stacks: string[]): Promise<void> => {
    for (const stack of stacks) await reader.shell(`pulumi up -s ${stack}`);
  };
  const use = (site: string): Promise<string> => reader.shell(`kubectl config use-context ${site}`);
  /** Waits until each of the sites answers a name with that address. */
  const everywhere = (name: string, address: string, sites = [0, 1, 2, 3]): Promise<void> =>
    eventually(60, async () => {
      for (const index of sites) {
        const { answers } = await dns.query(server(index), name, "A");
        expect(answers.map((record) => ("address" in record ? record.address : ""))).to.deep.equal([address]);
      }
    });
  const answered = (name: string, sites = [0, 1, 2, 3]): Promise<void> =>
    eventually(60, async () => {
      for (const index of sites) await dns.querySoa(server(index), name);
    });
  /** Reads the key that a guide's reader put into `the-secret`. */
  const keyOf = (name: string) => ({
    name,
    algorithm: "hmac-sha256" as const,
    secret: readFileSync(join(checkout.folder, "the-secret"), "utf8").trim(),
  });

  it("is up after the README's commands, on a backend that has no stacks", async () => {
    reader.open("README.md#a-mesh-of-your-own");
    await reader.run();
    reader.write("Pulumi.shared.yaml", addresses.map(sources));
    await reader.run();
    await reader.run();
    const settings = reader.next("sh", [
      ["registry.example/knot:v3.5.8", images.knot],
      ["registry.example/node:24-slim", images.node],
      ["fast", "local"],
    ]);
    for (const [index, site] of ["site-a", "site-b", "site-c"].entries())
      await reader.shell(settings.replaceAll("site-a", site).replace(siteAddress(0), siteAddress(index)));
    await reader.run();
    const ask = reader.next("sh");
    await eventually(60, async () => {
      expect((await reader.shell(ask)).trim().split("\n")).to.have.length(3);
    });
    reader.close();
    for (const name of ["catalog-primary", "catalog-secondary"]) await answered(`${name}.internal.dns`, [0, 1, 2]);
  });

  it("takes a fourth site in", async () => {
    reader.open("docs/guides/onboarding-a-site.md#onboarding-a-site");
    const entry = reader.next("yaml", [
      ["[192.0.2.44]", `[${siteAddress(3)}]`],
      ["[198.51.100.0/28]", `[${cluster(3).nodeAddress}/32]`],
    ]);
    edit((file) => {
      file.config["dns-mesh:mesh"].sites.push(...(parse(entry) as Listed[]));
    });
    await up("shared", "site-a");
    // What this cluster needs beside, by the README.
    writeFileSync(join(checkout.folder, "Pulumi.site-d.yaml"), stringify({ config: { "dns-mesh:images": images } }));
    await reader.run([["my-cluster-d", "site-d"]]);
    reader.close();
    await answered("standard-2.internal.dns");
  });

  it("answers a changed record everywhere", async () => {
    await use("site-c");
    reader.open("docs/guides/changing-records.md#changing-records-of-a-sites-own-zone");
    await reader.run();
    reader.close();
    await everywhere(`new-server.${zone}`, "10.10.1.5");
  });

  it("shows a site's certificate, and the roots that are trusted", async () => {
    reader.open("docs/runbooks/expired-ca.md#runbook-a-certificate-or-root-has-expired-or-is-about-to");
    const shown = await reader.run([["ADDRESS", siteAddress(1)]]);
    reader.close();
    expect(shown)
      .to.match(/^subject=.*site-b/m)
      .and.match(/^notAfter=/m);
    expect(shown.trim().split("\n").at(-1)).to.match(/ GMT$/);
  });

  it("gives its zones to servers outside, and takes updates by key", async () => {
    await reader.shell("openssl rand -base64 32 > the-secret");
    reader.open("docs/guides/other-servers.md#bind-and-nsd-beside-the-mesh");
    await reader.run();
    reader.close();
    await eventually(60, async () => {
      expect(await dns.transfer(server(0), zone, keyOf("other-servers"))).not.to.deep.equal([]);
    });
    reader.open("docs/guides/dns-update.md#nsupdate-and-knsupdate");
    await reader.run();
    const recipes = [reader.next("bash"), reader.next("bash")];
    reader.close();
    for (const recipe of recipes) await eventually(60, () => reader.shell(recipe));
    await everywhere(`printer.hosts.${zone}`, "192.0.2.40");
    await everywhere(`scanner.hosts.${zone}`, "192.0.2.41");
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
      await reader.shell("pulumi config rm dns-mesh:updaters -s site-c");
      const [commands = ""] = blocksOf(id, "sh");
      await reader.shell(commands);
      const lines = [`server ${siteAddress(2)}`, `zone ${zone}`, `update add ${record}`, "send"].join("\n");
      const update = `nsupdate -y "hmac-sha256:${name}:$(cat the-secret)" <<'END'\n${lines}\nEND`;
      await eventually(60, () => reader.shell(update));
    }
    await everywhere(`shop.apps.${zone}`, "192.0.2.81");
    // A zone leaves later on: nobody may change it then.
    await reader.shell("pulumi config rm dns-mesh:updaters -s site-c");
  });

  it("signs zones, shows their DS record, and backs their keys up", async () => {
    reader.open("docs/guides/dnssec.md#signed-zones-dnssec");
    const { zones } = parse(reader.next("yaml")) as Listed;
    edit((file) => {
      listed(file, "site-c").zones.push(...zones);
    });
    await up("shared", "site-a", "site-c");
    await reader.run();
    reader.close();
    await answered("example.org");
    await up("site-c");
    reader.open("docs/guides/dnssec.md#turning-it-on");
    const shown = await reader.run([
      ["<owner>", "site-c"],
      ["<any site>", siteAddress(1)],
    ]);
    expect(shown).to.match(/example\.org\.\s+\d+\s+IN\s+CDS\s+\d+ 13 2 /);
    reader.open("docs/guides/dnssec.md#backup");
    await reader.run();
    reader.close();
    await answered("example.org");
  });

  it("gets a signed zone's keys back when the volume of its owner is lost, and they are kept anew when the copy is taken away", async () => {
    const dnskeys = () => apexTexts(server(2), "example.org", "DNSKEY");
    const before = await dnskeys();
    await runReconciler(cluster(2));
    reader.open("docs/runbooks/volume-lost.md#a-new-volume");
    expect(await reader.run()).to.contain("the zones' keys are back");
    reader.close();
    await eventually(60, async () => {
      expect(await dnskeys()).to.deep.equal(before);
    });
    reader.open("docs/runbooks/volume-lost.md#beginning-with-new-keys");
    await reader.run();
    reader.close();
    expect((await runReconciler(cluster(2))).failed).to.equal(false);
    const { data } = JSON.parse(await reader.shell("kubectl -n dns-system get secret zone-keys -o json")) as {
      data: Record<string, string>;
    };
    expect(Object.keys(data).sort()).to.deep.equal(["site", "zone-keys.json"]);
  });

  it("lets a zone go in two steps", async () => {
    reader.open("docs/guides/retiring-a-zone.md#retiring-a-zone");
    const [entry] = parse(reader.next("yaml")) as Listed[];
    const others = (file: SharedFile): unknown[] => listed(file, "site-c").zones.filter((one) => one !== zone);
    edit((file) => {
      listed(file, "site-c").zones = [...(entry?.zones ?? []), ...others(file)];
    });
    await up("shared", "site-a", "site-c");
    expect(await reader.run()).to.contain(`{"${zone}":[]}`);
    reader.close();
    await up("site-c");
    edit((file) => {
      listed(file, "site-c").zones = listed(file, "site-c").zones.slice(1);
    });
    await up("shared", "site-a", "site-c");
    await eventually(60, async () => {
      expect(await dns.querySoa(server(1), zone).catch((error: unknown) => error)).to.be.instanceOf(Error);
    });
  });

  it("rotates its keys by generation", async () => {
    reader.open("docs/guides/keys.md#without-vault-by-generation");
    const { config } = parse(reader.next("yaml")) as SharedFile;
    reader.close();
    edit((file) => Object.assign(file.config, config));
    await up("shared", "site-a", "site-b", "site-c", "site-d");
    await answered("standard-2.internal.dns");
  });

  it("lets a site go", async () => {
    reader.open("docs/guides/onboarding-a-site.md#removing-a-site");
    await reader.run();
    edit((file) => {
      const { sites } = file.config["dns-mesh:mesh"];
      file.config["dns-mesh:mesh"].sites = sites.filter(({ name }) => name !== "site-d");
    });
    await up("shared", "site-a");
    await reader.run();
    reader.close();
    const left = await cluster(3).kubectl(["get", "namespaces", "-o", "name"]);
    expect(left).not.to.contain("dns-system");
  });
});
