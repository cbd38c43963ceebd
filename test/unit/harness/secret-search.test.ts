import { expect } from "chai";
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { SecretSearch, secretsInState } from "../../../harness/secret-search";

const secret = randomBytes(32).toString("base64");
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("the search for secrets", () => {
  const search = new SecretSearch([
    { name: "ring", value: secret },
    { name: "key", value: pem },
  ]);

  const disguises: readonly [string, string][] = [
    ["as it is", secret],
    ["without padding", secret.replace(/=+$/, "")],
    ["in a URL", `?key=${encodeURIComponent(secret)}&`],
    ["as hexadecimal of its bytes", Buffer.from(secret, "base64").toString("hex")],
    ["as base64url of its bytes", Buffer.from(secret, "base64").toString("base64url")],
    ["as base64", base64(secret)],
    ...["", "a", "ab"].map((before): [string, string] => [
      `inside of something in base64, ${before.length} later`,
      base64(`${before}{"secret":"${secret}"}`),
    ]),
    ["inside of base64 of base64", base64(`x${base64(`{"secret":"${secret}"}`)}y`)],
  ];
  for (const [how, text] of disguises) {
    it(`finds one ${how}`, () => {
      expect(search.in(`before ${text} after`).map((sighting) => sighting.secret)).to.include("ring");
    });
  }

  it("finds a private key by its body, whatever became of its lines", () => {
    const sec1 = privateKey.export({ type: "sec1", format: "pem" }) as string;
    for (const text of [pem, JSON.stringify(pem), pem.replaceAll("\n", ""), base64(pem), sec1.replaceAll("\n", "")])
      expect(search.in(text).map((sighting) => sighting.secret)).to.include("key");
  });

  it("does not take a public key for the private one", () => {
    const publicKey = createPublicKey(pem).export({ type: "spki", format: "pem" }) as string;
    expect(search.in(publicKey + base64(publicKey) + pem.split("\n").at(-3)!)).to.deep.equal([]);
  });

  it("finds nothing elsewhere, and shows no value", () => {
    expect(search.in(base64(randomBytes(4096).toString("base64")))).to.deep.equal([]);
    expect(JSON.stringify(search.in(secret + pem))).not.to.contain(secret);
  });
});

describe("the secrets in a state", () => {
  it("are what is secret in it and not public all the same", () => {
    const wrapped = (value: unknown): unknown => ({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      plaintext: JSON.stringify(value),
    });
    const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const ring = { name: "mesh-1", secret, createdAt: "2026-01-01T00:00:00Z" };
    const data = { "ring.json": base64(JSON.stringify(ring)), "tls.crt": base64(certificate), "tls.key": base64(pem) };
    const odd = base64("{ it begins like JSON, and is none");
    const state = { resources: [{ inputs: { data: wrapped(data), odd: wrapped(odd), name: "knot" } }] };
    expect(secretsInState(state).map(({ value }) => value)).to.have.members([secret, pem, odd]);
  });
});
