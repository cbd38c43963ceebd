import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import { renderCatalog } from "../../../src/mesh/catalog";
import { renderDirectory } from "../../../src/mesh/directory";
import { listedSites, primaryOf, withoutAddress } from "../../../src/mesh/waiting";
import { parseMesh } from "../../../src/settings/parse";
import { badMeshes, seed, type Spoil } from "./bad-meshes";

function problemsOf(input: unknown): string {
  try {
    parseMesh(input);
  } catch (error) {
    expect(error).to.be.instanceOf(UserError);
    return (error as UserError).message;
  }
  return expect.fail("the mesh was taken");
}

function spoilt(spoil: Spoil): string {
  const mesh = seed();
  spoil(mesh, mesh.sites);
  return problemsOf(mesh);
}

describe("parseMesh", () => {
  it("takes a date without quotes as Pulumi passes it on", () => {
    // What Pulumi 3.259.0 makes of `retired: 2026-11-25`.
    const site = {
      name: "a",
      role: "primary-catalog",
      addresses: ["192.0.2.1"],
      retired: "2026-11-25 00:00:00 +0000 UTC",
    };
    const mesh = { directoryZone: "dns.internal", catalogZone: "catalog.internal", sites: [site] };
    expect(parseMesh(mesh).sites[0]?.retired).to.equal("2026-11-25");
  });

  it("takes the seed's mesh and fills in what was left out", () => {
    const mesh = parseMesh(seed());
    expect(mesh.sites[2]).to.deep.equal({
      name: "site-c",
      role: "standard",
      addresses: ["203.0.113.3"],
      sources: ["203.0.113.3/32"],
      zones: [{ name: "standard-1.internal.dns", dnssec: true }],
    });
  });

  it("folds names, brings addresses into canonical form and takes dates as YAML readers give them", () => {
    const raw = seed();
    raw["directoryZone"] = "DNS.Internal.";
    Object.assign(raw.sites[2]!, {
      addresses: ["2001:DB8:0::3"],
      sources: ["2001:DB8::/32"],
      zones: [{ name: "Zone.Example.", retired: "2026-12-31T00:00:00Z" }],
      retired: "2026-12-30",
    });
    const mesh = parseMesh(raw);
    expect(mesh.directoryZone).to.equal("dns.internal");
    expect(mesh.sites[2]).to.deep.include({
      addresses: ["2001:db8::3"],
      sources: ["2001:db8::/32"],
      zones: [{ name: "zone.example", dnssec: false, retired: "2026-12-31" }],
      retired: "2026-12-30",
    });
  });

  it("has transfers run over TLS, unless it says otherwise", () => {
    expect(parseMesh(seed()).transport).to.equal("tls");
    expect(parseMesh({ ...seed(), transport: "quic" }).transport).to.equal("quic");
  });

  it("is content with its own result", () => {
    const mesh = parseMesh(seed());
    expect(parseMesh(mesh)).to.deep.equal(mesh);
  });

  it("allows zones above a central zone and zones within another site's zone", () => {
    const raw = seed();
    raw.sites[1]!["zones"] = ["internal.dns", "a.standard-1.internal.dns"];
    expect(parseMesh(raw).sites[1]!.zones).to.have.length(2);
  });

  it("takes settings of signed zones, and leaves out what holds for every signed zone", () => {
    const raw = seed();
    const parents = ["192.0.2.53@53", "2001:DB8:0:0::53", "192.0.2.53"];
    const kinds = [true, {}, { nsec3: false, withdraw: false }, { nsec3: true, parents }, { withdraw: true }];
    raw.sites[2]!["zones"] = kinds.map((dnssec, i) => ({ name: `z${i}.example`, dnssec }));
    expect(parseMesh(raw).sites[2]!.zones.map(({ dnssec }) => dnssec)).to.deep.equal([
      true,
      true,
      true,
      { nsec3: true, parents: ["192.0.2.53", "2001:db8::53"] },
      { withdraw: true },
    ]);
  });

  for (const [what, spoil, expected] of badMeshes) {
    it(`refuses ${what} with path and cure, and nothing else`, () => {
      const message = spoilt(spoil);
      expect(message).to.match(expected);
      expect(message).to.not.contain("\n");
    });
  }

  describe("a site's keys for Vault", () => {
    const pem = (body: string): string => `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`;

    it("are taken, for pods in dns-system unless told otherwise", () => {
      const mesh = seed();
      mesh.sites[0]!["vault"] = { serviceAccountKeys: [pem("MFkw")] };
      mesh.sites[1]!["vault"] = { serviceAccountKeys: [pem("MFkx")], namespace: "dns" };
      const [first, second, third] = parseMesh(mesh).sites;
      expect(first?.vault).to.deep.equal({ serviceAccountKeys: [pem("MFkw").trim()], namespace: "dns-system" });
      expect(second?.vault?.namespace).to.equal("dns");
      expect(third).not.to.have.property("vault");
    });

    it("are refused when they are two sites' at once: Vault could not tell them apart", () => {
      const message = spoilt((_, [a, b]) => {
        a!["vault"] = { serviceAccountKeys: [pem("MFkw")] };
        b!["vault"] = { serviceAccountKeys: [pem("MFkx"), pem("MF\nkw")] };
      });
      expect(message).to.match(
        /^mesh\.sites\[1\]\.vault\.serviceAccountKeys\[1\]: the key is that of mesh\.sites\[0\]\.vault\.serviceAccountKeys\[0\]; /,
      );
    });

    it("are refused for a site whose own auth mount would be the one that AppRole sites share", () => {
      const message = spoilt((_, [, , c]) => {
        c!["name"] = "approle";
        c!["vault"] = { serviceAccountKeys: [pem("MFkw")] };
      });
      expect(message).to.match(/^mesh\.sites\[2\]\.name: "approle" would get the auth mount dns-mesh-approle/);
      const byAppRole = seed();
      byAppRole.sites[2]!["name"] = "approle";
      expect(parseMesh(byAppRole).sites[2]?.name).to.equal("approle");
    });

    it("are refused when they are private, without being shown", () => {
      const secret = "MHcCAQEEIJ7nbSoNobodyShallSeeThis";
      const message = spoilt((_, [a]) => {
        const key = `-----BEGIN EC PRIVATE KEY-----\n${secret}\n-----END EC PRIVATE KEY-----`;
        a!["vault"] = { serviceAccountKeys: [key] };
      });
      expect(message).to.match(
        /^mesh\.sites\[0\]\.vault\.serviceAccountKeys\[0\]: is a private key, .* remove it here/,
      );
      expect(message).not.to.contain(secret);
    });

    it("are refused when they are none, or for a namespace that is none", () => {
      const vault = { serviceAccountKeys: ["ssh-ed25519 AAAA"], namespace: "DNS" };
      const message = spoilt((_, [a]) => (a!["vault"] = vault));
      expect(message).to.match(/serviceAccountKeys\[0\]: is not a public key in PEM/);
      expect(message).to.match(/vault\.namespace: must be a DNS label/);
      expect(spoilt((_, [a]) => (a!["vault"] = { serviceAccountKeys: [] }))).to.match(
        /vault\.serviceAccountKeys: is empty; .* or leave vault out: the site then logs in by AppRole/,
      );
    });
  });

  describe("addresses that come from load balancers", () => {
    const auto = (name: string, more: object = {}) => {
      const list = seed();
      list.sites = list.sites.map((site) => (site["name"] === name ? { ...site, addresses: "auto", ...more } : site));
      return parseMesh(list);
    };

    it("are those that were found, and what the site sends from unless told otherwise", () => {
      const mesh = auto("site-b", { found: ["2001:DB8::2"] });
      expect(mesh.waiting).to.equal(undefined);
      expect(mesh.sites[1]).to.deep.include({ addresses: ["2001:db8::2"], sources: ["2001:db8::2/128"], auto: true });
    });

    it("keep a site out of what the others are told as long as none was found", () => {
      const mesh = auto("site-b");
      expect(mesh.sites.map(({ name }) => name)).to.deep.equal(["site-a", "site-c"]);
      expect(mesh.waiting).to.have.length(1);
      expect(mesh.waiting?.[0]).to.deep.include({ name: "site-b", addresses: [], sources: [] });
      expect(listedSites(mesh).map(({ name }) => name)).to.deep.equal(["site-a", "site-c", "site-b"]);
      for (const render of [renderDirectory, renderCatalog])
        expect(render(mesh)).not.to.match(/site-b|catalog-secondary/);
    });

    it("keep everybody waiting where they are the primary's", () => {
      const mesh = auto("site-a");
      expect([mesh.sites, mesh.waiting?.map(({ name }) => name), primaryOf(mesh)]).to.deep.equal([
        [],
        ["site-a", "site-b", "site-c"],
        "site-a",
      ]);
      expect(withoutAddress(mesh).map(({ name }) => name)).to.deep.equal(["site-a"]);
    });
  });

  it("lists all problems at once, those between fields as well", () => {
    const message = spoilt((mesh, sites) => {
      sites[0]!["addresses"] = ["nowhere"];
      sites[1]!["name"] = "site-a";
      sites[2]!["zones"] = ["dns.internal", 7];
      mesh["zone"] = 1;
    });
    expect(message.split("\n")[0]).to.equal("The mesh has 5 problems:");
    for (const path of ["sites[0].addresses[0]", "sites[1].name", "sites[2].zones[0]", "sites[2].zones[1]", "zone"]) {
      expect(message).to.contain(`- mesh.${path}: `);
    }
  });

  it("refuses what is no mesh at all", () => {
    for (const input of [undefined, null, 7, "mesh", [], { sites: [null, 1] }])
      expect(problemsOf(input)).to.contain("mesh");
  });
});
