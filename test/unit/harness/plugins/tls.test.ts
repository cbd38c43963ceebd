import { expect } from "chai";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { elementAt, integer, namedBits, objectId, value } from "../../../../harness/plugins/tls/der";
import { tlsProvider } from "../../../../harness/plugins/tls/provider";
import { plain, type Properties } from "../../../../harness/plugins/wire";

const provider = tlsProvider();

async function make(type: string, news: Properties): Promise<Properties> {
  const request = { urn: "", type, name: "x", news, preview: false };
  return plain((await provider.create(request)).outputs) as Properties;
}

const key = (settings: Properties): Promise<Properties> => make("tls:index/privateKey:PrivateKey", settings);
const text = (properties: Properties, name: string): string => properties[name] as string;

describe("the stand-in for tls", () => {
  const kinds: { settings: Record<string, string | number>; pem: RegExp }[] = [
    { settings: { algorithm: "ECDSA" }, pem: /BEGIN EC PRIVATE KEY/ },
    { settings: { algorithm: "ECDSA", ecdsaCurve: "P256" }, pem: /BEGIN EC PRIVATE KEY/ },
    { settings: { algorithm: "ECDSA", ecdsaCurve: "P384" }, pem: /BEGIN EC PRIVATE KEY/ },
    { settings: { algorithm: "ECDSA", ecdsaCurve: "P521" }, pem: /BEGIN EC PRIVATE KEY/ },
    { settings: { algorithm: "ED25519" }, pem: /BEGIN PRIVATE KEY/ },
    { settings: { algorithm: "RSA", rsaBits: 2048 }, pem: /BEGIN RSA PRIVATE KEY/ },
  ];

  for (const { settings, pem } of kinds) {
    it(`makes keys and verifiable certificates with ${Object.values(settings).join(" ")}`, async () => {
      const authorityKey = await key(settings);
      expect(text(authorityKey, "privateKeyPem")).to.match(pem);
      const subject = { commonName: "an authority", organization: "Ünïcode" };
      const ca = await make("tls:index/selfSignedCert:SelfSignedCert", {
        allowedUses: ["cert_signing"],
        isCaCertificate: true,
        privateKeyPem: text(authorityKey, "privateKeyPem"),
        subject,
        validityPeriodHours: 24,
      });
      const request = await make("tls:index/certRequest:CertRequest", {
        privateKeyPem: text(await key({ algorithm: "ED25519" }), "privateKeyPem"),
        subject: { commonName: "site-a.dns.internal" },
        dnsNames: ["site-a.dns.internal"],
        ipAddresses: ["192.0.2.1", "2001:db8::53"],
      });
      const leaf = await make("tls:index/locallySignedCert:LocallySignedCert", {
        allowedUses: ["digital_signature", "server_auth"],
        caCertPem: text(ca, "certPem"),
        caPrivateKeyPem: text(authorityKey, "privateKeyPem"),
        certRequestPem: text(request, "certRequestPem"),
        validityPeriodHours: 2,
      });
      const authority = new X509Certificate(text(ca, "certPem"));
      const certificate = new X509Certificate(text(leaf, "certPem"));
      expect(authority.ca).to.equal(true);
      expect(authority.subject).to.contain("O=Ünïcode");
      expect(certificate.ca).to.equal(false);
      expect(certificate.checkIssued(authority)).to.equal(true);
      expect(certificate.verify(createPublicKey(text(authorityKey, "publicKeyPem")))).to.equal(true);
      expect(certificate.checkHost("site-a.dns.internal")).to.equal("site-a.dns.internal");
      expect(certificate.checkIP("2001:db8::53")).to.equal("2001:db8::53");
      expect(BigInt(`0x${certificate.serialNumber}`).toString()).to.equal(text(leaf, "id"));
      expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).to.equal(7_200_000);
    });
  }

  it("gives the same key in every form", async () => {
    const made = await key({ algorithm: "ECDSA", ecdsaCurve: "P256" });
    const forms = ["privateKeyPem", "privateKeyPemPkcs8"].map((name) =>
      createPublicKey(createPrivateKey(text(made, name))),
    );
    expect(forms.map((form) => form.export({ type: "spki", format: "pem" }))).to.deep.equal([
      made["publicKeyPem"],
      made["publicKeyPem"],
    ]);
  });

  it("replaces a certificate once its early renewal has come", async () => {
    const settings = {
      allowedUses: ["server_auth"],
      privateKeyPem: text(await key({ algorithm: "ED25519" }), "privateKeyPem"),
      subject: { commonName: "x" },
      validityPeriodHours: 10,
    };
    const type = "tls:index/selfSignedCert:SelfSignedCert";
    for (const [earlyRenewalHours, expected] of [
      [9, {}],
      [10, { readyForRenewal: "update-replace" }],
    ] as const) {
      const news = { ...settings, earlyRenewalHours };
      const oldState = await make(type, news);
      const request = { urn: "", type, name: "x", id: "1", oldInputs: news, oldState, news, ignoreChanges: [] };
      expect((await provider.diff(request)).detail).to.deep.equal(expected);
    }
  });

  it("refuses a use that does not exist", async () => {
    const privateKeyPem = text(await key({ algorithm: "ED25519" }), "privateKeyPem");
    const failure: unknown = await make("tls:index/selfSignedCert:SelfSignedCert", {
      allowedUses: ["signing"],
      privateKeyPem,
      validityPeriodHours: 1,
    }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error).with.property("message").that.contains("signing");
  });
});

describe("DER", () => {
  it("encodes lengths, identifiers and named bits as X.690 has them", () => {
    expect(value(0x04, Buffer.alloc(200)).subarray(0, 3).toString("hex")).to.equal("0481c8");
    expect(value(0x04, Buffer.alloc(70_000)).subarray(0, 5).toString("hex")).to.equal("0483011170");
    expect(objectId("1.2.840.113549.1.1.11").toString("hex")).to.equal("06092a864886f70d01010b");
    expect(namedBits([0]).toString("hex")).to.equal("03020780");
    expect(namedBits([5, 6]).toString("hex")).to.equal("03020106");
  });

  it("reads back what it wrote, whatever the length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000 }), (bytes) => {
        expect(elementAt(value(0x04, bytes), 0).contents.equals(bytes)).to.equal(true);
      }),
      { numRuns: 50 },
    );
  });

  it("writes integers without a sign and without needless zeros", () => {
    expect(integer(Buffer.from([0, 0, 0x80])).toString("hex")).to.equal("02020080");
    expect(integer(Buffer.from([0])).toString("hex")).to.equal("020100");
  });
});
