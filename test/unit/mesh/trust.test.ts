import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import { parseMesh } from "../../../src/settings/parse";
import { rotatesKeys, type WelcomeTrust } from "../../../src/mesh/trust";
import { parseWelcomePacket, welcomePacket } from "../../../src/mesh/welcome";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    {
      ...{ name: "a", role: "primary-catalog", addresses: ["192.0.2.1"] },
      vault: { serviceAccountKeys: ["-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"] },
    },
    { name: "b", role: "standard", addresses: ["192.0.2.2"] },
  ],
});

const trust: WelcomeTrust = {
  certificates: "vault",
  rotation: { every: 100, patience: 10, overlap: 10 },
  vault: {
    address: "https://vault.example",
    mount: "dns-mesh",
    audience: "vault",
    caCert: "PEM",
    auth: { method: "jwt", path: "dns-mesh-a", namespace: "dns-system" },
    pki: { mount: "dns-mesh-pki", ttlHours: 720 },
  },
};

/** A packet as it arrives, with parts replaced. */
function arrived(parts: object): unknown {
  return JSON.parse(JSON.stringify({ ...welcomePacket(mesh, "a", "CA"), ...trust, ...parts }));
}

describe("what a welcome packet says of trust", () => {
  it("survives the journey as JSON, by either way into Vault", () => {
    const appRole = { ...trust.vault, auth: { method: "approle", path: "dns-mesh-approle" } };
    for (const parts of [{}, { vault: appRole }]) {
      const packet = arrived(parts);
      expect(parseWelcomePacket(packet)).to.deep.equal(packet);
    }
  });

  it("may be missing, as in packets of earlier releases", () => {
    const packet = welcomePacket(mesh, "b", "CA");
    expect(parseWelcomePacket(packet)).to.deep.equal(packet);
    expect(rotatesKeys(packet)).to.equal(false);
  });

  it("leaves the keys of the cluster in the shared stack", () => {
    expect(JSON.stringify(welcomePacket(mesh, "a", "CA"))).not.to.contain("PUBLIC KEY");
  });

  it("makes catalog sites rotate the ring that lies in Vault", () => {
    expect(rotatesKeys({ ...welcomePacket(mesh, "a", "CA"), ...trust })).to.equal(true);
    expect(rotatesKeys({ ...welcomePacket(mesh, "b", "CA"), ...trust })).to.equal(false);
  });

  const broken: readonly [string, object, RegExp][] = [
    ["certificates by somebody unknown", { certificates: "acme" }, /packet: certificates must be vault, cert-manager/],
    ["a Vault without a way in", { vault: { ...trust.vault, auth: undefined } }, /packet: vault\.auth must be a JSON/],
    [
      "another way into Vault",
      { vault: { ...trust.vault, auth: { method: "ldap", path: "x" } } },
      /vault\.auth\.method/,
    ],
    ["a Vault without an address", { vault: { ...trust.vault, address: 1 } }, /packet: vault\.address must be a text/],
    [
      "certificates that never live",
      { vault: { ...trust.vault, pki: { mount: "x", ttlHours: 0 } } },
      /pki\.ttlHours must/,
    ],
    ["a rotation without times", { rotation: { every: "1d" } }, /rotation: every must be seconds/],
  ];
  for (const [what, parts, message] of broken) {
    it(`is refused with ${what}`, () => {
      expect(() => parseWelcomePacket(arrived(parts))).to.throw(UserError, message);
    });
  }
});
