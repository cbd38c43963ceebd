import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { recover, type RecoverParts, ringText, settingsText } from "../../../src/cli/recover";
import type { LivingSite } from "../../../src/cli/living-mesh";
import type { DnsServer } from "../../../src/dns/client/dns-client";
import type { ResourceRecord } from "../../../src/dns/record";
import { encodeMeshCatalog } from "../../../src/mesh/catalog";
import { encodeDirectory } from "../../../src/mesh/directory";
import { type Epoch, signEpoch } from "../../../src/mesh/epoch";
import type { Mesh } from "../../../src/mesh/model";
import { welcomePacket } from "../../../src/mesh/welcome";
import { fingerprintIn } from "../../../src/settings/agreed-trust";
import { parseMesh } from "../../../src/settings/parse";
import { parseShared } from "../../../src/settings/shared-settings";
import { epochSigner } from "../mesh/epoch-signer";

const { privateKey, publicKey } = epochSigner();

const list = {
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  nameServers: "catalog",
  sites: [
    {
      ...{ name: "site-b", role: "secondary-catalog", addresses: ["198.51.100.2"], nameServer: "ns2.a.example" },
      zones: [{ name: "b.example", nameServers: ["site-a", "site-b"] }],
    },
    {
      name: "site-a",
      role: "primary-catalog",
      addresses: ["192.0.2.1", "2001:db8::1"],
      sources: ["192.0.2.0/24"],
      zones: [
        {
          name: "z.example",
          records: [{ name: "@", type: "MX", ttl: 300, values: ["10 mx.z.example.", "20 mx2.z.example."] }],
        },
        { name: "a.example", dnssec: { nsec3: true, parents: ["192.0.2.53"] }, retired: "2026-12-31" },
      ],
    },
    { name: "site-c", role: "standard", addresses: ["203.0.113.3"], zones: ["c.example", "plain.example"] },
  ],
};
const mesh = parseMesh(list);

const folder = mkdtempSync(join(tmpdir(), "dns-mesh-roots-"));
/** A root as shared stacks make them. */
function root(name: string): string {
  const file = join(folder, "root.crt");
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
  execFileSync("openssl", [...args, "-subj", `/CN=${name}`, "-keyout", join(folder, "key"), "-out", file], {
    stdio: "ignore",
  });
  return readFileSync(file, "utf8");
}

const key = (name: string) => ({
  name,
  algorithm: "hmac-sha256" as const,
  secret: Buffer.alloc(32, name).toString("base64"),
});
const ring = { version: 1 as const, previous: key("mesh-2"), current: key("mesh-3"), next: key("mesh-4") };

describe("mesh recover", () => {
  let ca: string;
  before(() => (ca = root("dns-mesh root") + root("dns-mesh root 2")));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const epoch: Epoch = { number: 4, primary: "site-a" };
  const signed = (of: Mesh, by = privateKey, at = epoch): Mesh => ({
    ...of,
    epoch: signEpoch(of.directoryZone, at, by),
  });
  const living = (name: string, of = signed(mesh), change: Partial<LivingSite> = {}): LivingSite => ({
    packet: { ...welcomePacket(of, name, ca), signers: [publicKey] },
    localKey: key("local"),
    ring,
    issued: { certificate: "", privateKey: "" },
    ...change,
  });
  const atSerial = (records: readonly ResourceRecord[], serial: number): ResourceRecord[] =>
    records.map((record) => (record.type === "SOA" ? { ...record, serial } : record));

  const fingerprintOf = (pem: string): string =>
    pem.includes("CERTIFICATE")
      ? new X509Certificate(pem).fingerprint256
      : createHash("sha256")
          .update(createPublicKey(pem).export({ type: "spki", format: "der" }))
          .digest("hex");
  const fingerprints = (texts: readonly string[]): readonly string[] => texts.map(fingerprintOf).map(fingerprintIn);
  const rootsOf = (pem: string): readonly string[] =>
    pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END[^-]+-----\n/g) ?? [];

  /** A mesh that answers: by address what it has, and which zones have DNSKEY records. One site alone is confirmed by the user. */
  function parts(
    sites: readonly LivingSite[],
    servers: Readonly<Record<string, { mesh: Mesh; serial: number }>>,
    more: Partial<RecoverParts> & { signed?: readonly string[] } = {},
  ): RecoverParts {
    return {
      sites,
      servers: new Map(),
      ports: { plain: 53, secure: 853 },
      now: 0,
      without: [],
      lost: [],
      confirmed: sites.length === 1 ? fingerprints([...rootsOf(ca), publicKey]) : [],
      dns: {
        transfer: ({ address }, zone, { name }) => {
          const server = servers[address];
          if (server === undefined || name !== "mesh-3") return Promise.reject(new Error(`${address} refuses`));
          if (zone.endsWith("example")) {
            const types = more.signed?.includes(zone) ? ["SOA", "DNSKEY"] : ["SOA"];
            return Promise.resolve(types.map((type) => ({ name: zone, type }) as ResourceRecord));
          }
          const records = zone === mesh.directoryZone ? encodeDirectory(server.mesh) : encodeMeshCatalog(server.mesh);
          return Promise.resolve(atSerial(records, server.serial));
        },
      },
      ...more,
    };
  }
  const both = { "192.0.2.1": { mesh: signed(mesh), serial: 20 }, "198.51.100.2": { mesh: signed(mesh), serial: 20 } };
  const settingsOf = (text: string): Readonly<Record<string, unknown>> =>
    (parse(text) as { config: Readonly<Record<string, unknown>> }).config;
  const meshOf = (text: string): Mesh => parseMesh(settingsOf(text)["dns-mesh:mesh"]);
  const failure = (work: Promise<unknown>): Promise<string> => work.then(() => "", String);
  const thrown = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  it("rebuilds the list as it was from directory, catalog and every site's packet", async () => {
    const sites = ["site-c", "site-b", "site-a"].map((name) => living(name));
    const text = settingsText(await recover(parts(sites, both)));
    const { sites: found, ...others } = meshOf(text);
    const { sites: listed, ...rest } = mesh;
    expect(others).to.deep.equal(rest);
    const [b, a, c] = listed;
    expect(found).to.deep.equal([a, b, c]);
  });

  it("keeps a large mesh full that was so by its list", async () => {
    const many = Array.from({ length: 60 }, (_, i) => ({
      ...{ name: `site-${i + 100}`, role: "standard", addresses: [`10.0.0.${i + 1}`] },
    }));
    for (const topology of ["full", "hub"]) {
      const large = signed(parseMesh({ ...list, topology, sites: [...list.sites, ...many] }));
      const servers = {
        "192.0.2.1": { mesh: large, serial: 20 },
        "198.51.100.2": { mesh: large, serial: 20 },
      };
      const sites = ["site-a", "site-b"].map((name) => living(name, large));
      expect(meshOf(settingsText(await recover(parts(sites, servers)))).topology).to.equal(topology);
    }
  });

  it("goes on with the epoch, the keys that sites trust and the ring's generation", async () => {
    const settings = settingsOf(settingsText(await recover(parts([living("site-a"), living("site-c")], both))));
    expect(settings).to.deep.include({ "dns-mesh:epoch": "4", "dns-mesh:keys": { generation: 3 } });
    expect(settings["dns-mesh:ca"]).to.deep.equal({ generation: 2, signing: 1, oldest: 1 });
    expect(settings["dns-mesh:recovered"]).to.have.property("signers").deep.equal([publicKey]);
    expect(settings["dns-mesh:recovered"]).to.have.property("roots").with.length(2);
    const text = (name: string): string | undefined => {
      const value = name === "recoveredRing" ? ring : settings[`dns-mesh:${name}`];
      return value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
    };
    expect(parseShared({ get: text }, "shared")).to.deep.include({ epoch: 4, recoveredRing: ring });
  });

  it("shows no secret among the settings, and the ring alone where that is asked for", async () => {
    const sites = [living("site-a", signed(mesh), { issued: { certificate: "", privateKey: "PRIVATE KEY" } })];
    const text = settingsText(await recover(parts(sites, both)));
    for (const secret of [ring.current.secret, ring.next.secret, key("local").secret, "PRIVATE"])
      expect(text).not.to.contain(secret);
    expect(JSON.parse(ringText(sites))).to.deep.equal(ring);
  });

  it("says beside a site what could not be rebuilt, and takes from answers whether its zones are signed", async () => {
    const text = settingsText(await recover(parts([living("site-b")], both, { signed: ["c.example"] })));
    expect(text).to.match(/# its packet was not read[^\n]*servers outside the mesh[^\n]*\n\s+(- )?name: site-c/);
    const zones = meshOf(text).sites.find(({ name }) => name === "site-c")?.zones;
    expect(zones).to.deep.equal([
      { name: "c.example", dnssec: true },
      { name: "plain.example", dnssec: false },
    ]);
  });

  it("names zones that a site was brought up with and nobody has published", async () => {
    const newer = parseMesh({
      ...list,
      sites: list.sites.map((site) =>
        site.name === "site-b" ? { ...site, zones: ["b.example", "new.example"] } : site,
      ),
    });
    const text = settingsText(await recover(parts([living("site-b", signed(newer)), living("site-a")], both)));
    expect(text).to.contain("zones that the directory does not have: new.example");
    expect(meshOf(text).sites.flatMap(({ zones }) => zones.map(({ name }) => name))).not.to.contain("new.example");
  });

  it("takes the newest that the shared stack signed, at whichever catalog site", async () => {
    const fewer = parseMesh({ ...list, sites: list.sites.slice(0, 2) });
    const older = { mesh: signed(fewer), serial: 10 };
    const text = settingsText(await recover(parts([living("site-a")], { ...both, "192.0.2.1": older })));
    expect(meshOf(text).sites).to.have.length(3);
  });

  it("goes by no directory that the shared stack did not sign, nor one of a former epoch", async () => {
    const stranger = epochSigner().privateKey;
    const forged = { mesh: signed(mesh, stranger, { number: 9, primary: "site-b" }), serial: 99 };
    expect(await failure(recover(parts([living("site-a")], { ...both, "198.51.100.2": forged })))).to.match(
      /site-b .*fenced/,
    );
    const former = { mesh: signed(mesh, privateKey, { number: 3, primary: "site-a" }), serial: 99 };
    const all = { "192.0.2.1": former, "198.51.100.2": former };
    expect(await failure(recover(parts([living("site-a")], all)))).to.contain(
      "no catalog site gives more than epoch 3",
    );
  });

  it("does not go on without a catalog site that gives no answer, unless that is named as gone", async () => {
    const rest = { "198.51.100.2": both["198.51.100.2"] };
    expect(await failure(recover(parts([living("site-b")], rest)))).to.match(
      /site-a gives no answer: 192.0.2.1 refuses.*--without/s,
    );
    await recover(parts([living("site-b")], rest, { without: ["site-a"] }));
    expect(await failure(recover(parts([living("site-b")], {}, { without: ["site-a", "site-b"] })))).to.contain(
      "no catalog site gave",
    );
  });

  it("asks through a tunnel with the site's own key", async () => {
    const asked: string[] = [];
    const tunnel = { address: "127.0.0.1", port: 15353 };
    const from = parts([living("site-a"), living("site-b"), living("site-c")], both);
    const dns: RecoverParts["dns"] = {
      ...from.dns,
      transfer: (server, zone, by) => {
        if (server.port === tunnel.port) asked.push(by.name);
        return from.dns.transfer(
          { ...server, address: server.port === tunnel.port ? "192.0.2.1" : server.address },
          zone,
          ring.current,
        );
      },
    };
    await recover({ ...from, dns, servers: new Map([["site-a", tunnel]]) });
    expect(asked).to.deep.equal(["local", "local"]);
  });

  it("refuses sites that contradict each other, and a mesh with Vault and no token", async () => {
    const other = { ...ring, current: { ...ring.current, secret: key("other").secret } };
    const sites = [living("site-a"), living("site-b", signed(mesh), { ring: other })];
    expect(await failure(recover(parts(sites, both)))).to.contain("different key rings of one generation");
    const newer = {
      ...ring,
      previous: key("mesh-3"),
      current: { ...key("mesh-4"), secret: "b3RoZXI=" },
      next: key("mesh-5"),
    };
    const ahead = [living("site-a"), living("site-b", signed(mesh), { ring: newer })];
    for (const text of [await failure(recover(parts(ahead, both))), String(thrown(() => ringText(ahead)))])
      expect(text).to.contain("sites have different keys called mesh-4").and.not.to.contain("b3RoZXI=");
    const quic = { ...living("site-b"), packet: { ...living("site-b").packet, transport: "quic" as const } };
    expect(await failure(recover(parts([living("site-a"), quic], both)))).to.contain("other values of transport");
    const access = {
      address: "https://vault.example",
      mount: "dns-mesh",
      audience: "vault",
      auth: { method: "approle" as const, path: "dns-mesh-approle" },
    };
    const inVault = { ...living("site-a"), packet: { ...living("site-a").packet, vault: access } };
    expect(await failure(recover(parts([inVault], both)))).to.contain("VAULT_TOKEN");
  });

  describe("of what sites trust", () => {
    const other = epochSigner();
    let strange: string;
    before(() => (strange = root("dns-mesh root 3")));
    const trusting = (name: string, more: { ca?: string; signers?: readonly string[] }): LivingSite => {
      const site = living(name);
      return { ...site, packet: { ...site.packet, ...more } };
    };
    const recovered = (text: string): { signers: readonly string[]; roots: readonly { certificate: string }[] } =>
      settingsOf(text)["dns-mesh:recovered"] as never;

    it("takes what most sites were brought up with, and names what one site alone has", async () => {
      const odd = trusting("site-b", { ca: ca + strange, signers: [other.publicKey, publicKey] });
      for (const sites of [
        [living("site-a"), odd, living("site-c")],
        [odd, living("site-a")],
      ]) {
        const text = settingsText(await recover(parts(sites, both)));
        expect(recovered(text).signers).to.deep.equal([publicKey]);
        expect(recovered(text).roots.map(({ certificate }) => certificate)).to.deep.equal(rootsOf(ca));
        expect(settingsOf(text)["dns-mesh:ca"]).to.deep.equal({ generation: 2, signing: 1, oldest: 1 });
        for (const [fingerprint] of [fingerprints([strange]), fingerprints([other.publicKey])])
          expect(text).to.match(new RegExp(`left out: .*${fingerprint ?? ""}, which site-b alone was brought up with`));
      }
    });

    it("takes what one site alone has where the user confirms it by its fingerprint", async () => {
      const odd = trusting("site-b", { ca: ca + strange, signers: [publicKey, other.publicKey] });
      const confirmed = fingerprints([strange, other.publicKey]);
      const text = settingsText(await recover(parts([living("site-a"), odd, living("site-c")], both, { confirmed })));
      expect(recovered(text).signers).to.deep.equal([publicKey, other.publicKey]);
      expect(recovered(text).roots).to.have.length(3);
      expect(text).not.to.contain("left out");
    });

    it("decides nothing by one site of several, nor where sites have nothing in common", async () => {
      const alone = await failure(recover(parts([living("site-b")], both, { confirmed: [] })));
      expect(alone).to.match(/no root is known from more than one site.*\(site-b\)/);
      for (const each of fingerprints([...rootsOf(ca), publicKey])) expect(alone).to.contain(each);
      expect(alone).to.match(/name more sites with --from, or, where no other can be read, .*--confirm [0-9a-f]{64},/);
      const apart = [living("site-a"), trusting("site-b", { signers: [other.publicKey] })];
      expect(await failure(recover(parts(apart, both)))).to.match(
        /no key that signs epochs is known from more than one site.* at site-a\n.* at site-b\n/s,
      );
      const roots = [living("site-a"), trusting("site-b", { ca: strange })];
      expect(await failure(recover(parts(roots, both)))).to.contain("no root is known from more than one site");
    });

    it("goes by no directory that one site's own key signed, and checks servers by agreed roots alone", async () => {
      const odd = trusting("site-b", { ca: strange + ca, signers: [publicKey, other.publicKey] });
      const forged = { mesh: signed(mesh, other.privateKey, { number: 9, primary: "site-b" }), serial: 99 };
      const from = parts([odd, living("site-a")], { ...both, "198.51.100.2": forged });
      expect(await failure(recover(from))).to.match(/site-b .*fenced/);
      const cas: (string | undefined)[] = [];
      const fine = parts([odd, living("site-a")], both);
      const transfer: RecoverParts["dns"]["transfer"] = (server: DnsServer, zone, by) => {
        cas.push((server.tls as { ca?: string } | undefined)?.ca);
        return fine.dns.transfer(server, zone, by);
      };
      await recover({ ...fine, dns: { transfer } });
      expect(new Set(cas)).to.deep.equal(new Set([ca]));
    });

    it("does not pass over a root in between, which a new stack would make anew", async () => {
      const both13 = ["site-a", "site-c"].map((name) => trusting(name, { ca: (rootsOf(ca)[0] ?? "") + strange }));
      expect(await failure(recover(parts(both13, both)))).to.match(/agree on the roots 1, 3 and not on root 2/);
    });

    it("refuses a fingerprint that no site has, and one that is none", async () => {
      const confirmed = [createHash("sha256").update("").digest("hex")];
      expect(await failure(recover(parts([living("site-a")], both, { confirmed })))).to.contain(
        "no site that was read was brought up with it",
      );
      expect(() => fingerprintIn("ab:cd")).to.throw("not a SHA-256 fingerprint");
    });
  });

  it("asks over the authenticated way alone whether a zone is signed, and goes on to another site where one is silent", async () => {
    const from = parts([living("site-b")], both, { signed: ["c.example"] });
    const asked: string[] = [];
    const transfer: RecoverParts["dns"]["transfer"] = (server, zone, by) => {
      if (zone === "c.example")
        asked.push(`${server.address}@${server.port} ${String(server.tls !== undefined)} ${by.name}`);
      return from.dns.transfer(server, zone, by);
    };
    await recover({ ...from, dns: { transfer } });
    expect(asked).to.deep.equal(["203.0.113.3@853 true mesh-3", "192.0.2.1@853 true mesh-3"]);
    const silent: RecoverParts["dns"]["transfer"] = (server, zone, by) =>
      zone === "c.example" ? Promise.reject(new Error("silent")) : from.dns.transfer(server, zone, by);
    expect(await failure(recover({ ...from, dns: { transfer: silent } }))).to.match(
      /nobody says whether c.example is signed .*silent.*: name its owner with --from/,
    );
  });

  describe("of a zone that no site has any more", () => {
    const without = (gone: readonly string[], more: Parameters<typeof parts>[2] = {}): RecoverParts => {
      const from = parts([living("site-b")], both, more);
      const transfer: RecoverParts["dns"]["transfer"] = (server, zone, by) =>
        gone.includes(zone) ? Promise.reject(new Error("NOTAUTH")) : from.dns.transfer(server, zone, by);
      return { ...from, dns: { transfer } };
    };

    it("names each such zone at once, and how to go on without", async () => {
      const said = await failure(recover(without(["c.example", "plain.example"])));
      for (const zone of ["c.example", "plain.example"])
        expect(said).to.contain(`nobody says whether ${zone} is signed (NOTAUTH`);
      expect(/--lost (\S+)$/.exec(said)?.[1]?.split(",")).to.have.members(["c.example", "plain.example"]);
    });

    it("goes on with what the user gives up alone", async () => {
      const one = without(["c.example", "plain.example"], { lost: ["c.example"] });
      expect(await failure(recover(one))).to.match(/plain\.example is signed .*with --lost plain\.example$/s);
    });

    it("lists it as not signed, and says beside its site that nobody knows", async () => {
      const found = await recover(without(["c.example"], { lost: ["c.example"], signed: ["c.example"] }));
      expect(found.gaps.get("site-c")?.join("\n")).to.match(
        /whether c\.example was signed is not known.*not signed: no site gave it \(NOTAUTH.*add dnssec if it was/,
      );
      const text = settingsText(found);
      expect(text).to.contain("whether c.example was signed is not known");
      const zones = meshOf(text).sites.find(({ name }) => name === "site-c")?.zones;
      expect(zones?.map(({ name, dnssec }) => [name, dnssec])).to.have.deep.members([
        ["c.example", false],
        ["plain.example", false],
      ]);
    });

    it("believes a site that has it all the same", async () => {
      const found = await recover(without([], { lost: ["c.example"], signed: ["c.example"] }));
      expect(settingsText(found)).not.to.contain("c.example was signed");
      const zones = meshOf(settingsText(found)).sites.find(({ name }) => name === "site-c")?.zones;
      expect(zones?.find(({ name }) => name === "c.example")?.dnssec).not.to.equal(false);
    });

    it("refuses one that the directory does not have", async () => {
      expect(await failure(recover(without([], { lost: ["d.example"] })))).to.contain(
        "--lost d.example: the directory has no such zone",
      );
    });
  });
});
