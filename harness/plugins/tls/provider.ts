import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";

import { type BridgedPlugin, BridgedProvider, type Made, type ResourceKind } from "../bridged";
import { isObject, type Json, type Properties } from "../wire";
import { sshForms } from "./ssh";
import {
  type AlternativeNames,
  createCertificate,
  createRequest,
  encodeAlternativeNames,
  encodeDistinguishedName,
  keyIdOf,
  readCertificate,
  readRequest,
} from "./x509";

const hourMs = 3_600_000;
const curves: Readonly<Record<string, string>> = { P224: "P-224", P256: "P-256", P384: "P-384", P521: "P-521" };

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function text(inputs: Properties, key: string): string {
  const value = inputs[key];
  return typeof value === "string" ? value : "";
}

function generate(inputs: Properties): KeyObject {
  const algorithm = text(inputs, "algorithm");
  if (algorithm === "ED25519") return generateKeyPairSync("ed25519").privateKey;
  if (algorithm === "RSA")
    return generateKeyPairSync("rsa", { modulusLength: Number(inputs["rsaBits"] ?? 2048) }).privateKey;
  if (algorithm !== "ECDSA")
    throw new Error(`Attribute algorithm value must be one of: ["RSA" "ECDSA" "ED25519"], got: "${algorithm}"`);
  const namedCurve = curves[text(inputs, "ecdsaCurve") || "P224"] ?? "";
  return generateKeyPairSync("ec", { namedCurve }).privateKey;
}

function keyAlgorithm(key: KeyObject): string {
  if (key.asymmetricKeyType === "ed25519") return "ED25519";
  return key.asymmetricKeyType === "rsa" ? "RSA" : "ECDSA";
}

function privateKeyPem(key: KeyObject): string {
  if (key.asymmetricKeyType === "ec") return key.export({ type: "sec1", format: "pem" }).toString();
  if (key.asymmetricKeyType === "rsa") return key.export({ type: "pkcs1", format: "pem" }).toString();
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function sha1(content: string | Buffer): string {
  return createHash("sha1").update(content).digest("hex");
}

function withDefaults(inputs: Properties, defaults: Properties): Properties {
  return { ...defaults, ...inputs };
}

const keyDefaults: Properties = { ecdsaCurve: "P224", rsaBits: 2048 };
const certificateDefaults: Properties = {
  earlyRenewalHours: 0,
  isCaCertificate: false,
  readyForRenewal: false,
  setSubjectKeyId: false,
};
const authorityDefaults: Properties = { setAuthorityKeyId: false };

const privateKey: ResourceKind = {
  required: ["algorithm"],
  updatable: [],
  secrets: ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"],
  computed: [
    "privateKeyOpenssh",
    "privateKeyPem",
    "privateKeyPemPkcs8",
    "publicKeyFingerprintMd5",
    "publicKeyFingerprintSha256",
    "publicKeyOpenssh",
    "publicKeyPem",
    "id",
  ],
  derived: (inputs) => withDefaults(inputs, keyDefaults),
  create(inputs) {
    const key = generate(inputs);
    const ssh = sshForms(key);
    const publicKey = createPublicKey(key);
    const id = sha1(publicKey.export({ type: "spki", format: "der" }));
    const outputs = {
      ...withDefaults(inputs, keyDefaults),
      id,
      privateKeyPem: privateKeyPem(key),
      privateKeyPemPkcs8: key.export({ type: "pkcs8", format: "pem" }).toString(),
      privateKeyOpenssh: ssh.privateKey,
      publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
      publicKeyOpenssh: ssh.publicKey,
      publicKeyFingerprintMd5: ssh.md5,
      publicKeyFingerprintSha256: ssh.sha256,
    };
    return { id, outputs };
  },
};

function subjectOf(inputs: Properties): Buffer {
  return encodeDistinguishedName(isObject(inputs["subject"]) ? inputs["subject"] : {});
}

function namesOf(inputs: Properties): AlternativeNames {
  return {
    dnsNames: texts(inputs["dnsNames"]),
    ipAddresses: texts(inputs["ipAddresses"]),
    uris: texts(inputs["uris"]),
  };
}

const certRequest: ResourceKind = {
  required: ["privateKeyPem"],
  updatable: [],
  secrets: ["privateKeyPem"],
  computed: ["certRequestPem", "keyAlgorithm", "id"],
  create(inputs) {
    const key = createPrivateKey(text(inputs, "privateKeyPem"));
    const certRequestPem = createRequest(subjectOf(inputs), key, encodeAlternativeNames(namesOf(inputs)));
    const id = sha1(certRequestPem);
    return { id, outputs: { ...inputs, id, certRequestPem, keyAlgorithm: keyAlgorithm(key) } };
  },
};

/** The property that the real plugin names when a certificate has come into its renewal time. */
function renewalDue(state: Properties): string | undefined {
  const end = Date.parse(text(state, "validityEndTime"));
  return end - Number(state["earlyRenewalHours"] ?? 0) * hourMs <= Date.now() ? "readyForRenewal" : undefined;
}

function validity(inputs: Properties): { notBefore: Date; notAfter: Date; outputs: Properties } {
  const notBefore = new Date();
  const notAfter = new Date(notBefore.getTime() + Number(inputs["validityPeriodHours"]) * hourMs);
  return {
    notBefore,
    notAfter,
    outputs: { validityStartTime: notBefore.toISOString(), validityEndTime: notAfter.toISOString() },
  };
}

const certificate = {
  updatable: ["earlyRenewalHours"],
  computed: ["certPem", "validityStartTime", "validityEndTime", "id"],
  due: renewalDue,
  read: (_id: string, state: Properties) =>
    Promise.resolve({ ...state, readyForRenewal: renewalDue(state) !== undefined }),
} satisfies Partial<ResourceKind>;

function extensionSettings(inputs: Properties): { uses: string[]; isCa: boolean; maxPathLength?: number } {
  const length = inputs["maxPathLength"];
  return {
    uses: texts(inputs["allowedUses"]),
    isCa: inputs["isCaCertificate"] === true,
    ...(typeof length === "number" && length >= 0 && { maxPathLength: length }),
  };
}

function wantsKeyId(inputs: Properties): boolean {
  return inputs["setSubjectKeyId"] === true || inputs["isCaCertificate"] === true;
}

function made(inputs: Properties, certificatePem: { pem: string; serial: bigint }, outputs: Properties): Made {
  const id = certificatePem.serial.toString();
  return { id, outputs: { ...inputs, ...outputs, id, certPem: certificatePem.pem } };
}

const selfSignedCert: ResourceKind = {
  ...certificate,
  required: ["allowedUses", "privateKeyPem", "validityPeriodHours"],
  secrets: ["privateKeyPem"],
  computed: [...certificate.computed, "keyAlgorithm"],
  derived: (inputs) => withDefaults(inputs, { ...certificateDefaults, ...authorityDefaults }),
  create(inputs) {
    const key = createPrivateKey(text(inputs, "privateKeyPem"));
    const period = validity(inputs);
    const subject = subjectOf(inputs);
    const names = encodeAlternativeNames(namesOf(inputs));
    const created = createCertificate({
      ...extensionSettings(inputs),
      ...period,
      subject,
      issuer: subject,
      publicKey: key,
      signingKey: key,
      ...(names && { alternativeNames: names }),
      ...(wantsKeyId(inputs) && { subjectKeyId: keyIdOf(key) }),
      ...(inputs["setAuthorityKeyId"] === true && { authorityKeyId: keyIdOf(key) }),
    });
    const defaults = { ...certificateDefaults, ...authorityDefaults };
    return made(withDefaults(inputs, defaults), created, { ...period.outputs, keyAlgorithm: keyAlgorithm(key) });
  },
};

const locallySignedCert: ResourceKind = {
  ...certificate,
  required: ["allowedUses", "caCertPem", "caPrivateKeyPem", "certRequestPem", "validityPeriodHours"],
  secrets: ["caPrivateKeyPem"],
  computed: [...certificate.computed, "caKeyAlgorithm"],
  derived: (inputs) => withDefaults(inputs, certificateDefaults),
  create(inputs) {
    const signingKey = createPrivateKey(text(inputs, "caPrivateKeyPem"));
    const authority = readCertificate(text(inputs, "caCertPem"));
    const wanted = readRequest(text(inputs, "certRequestPem"));
    const period = validity(inputs);
    const created = createCertificate({
      ...extensionSettings(inputs),
      ...period,
      ...wanted,
      issuer: authority.subject,
      signingKey,
      ...(wantsKeyId(inputs) && { subjectKeyId: keyIdOf(wanted.publicKey) }),
      ...(authority.subjectKeyId && { authorityKeyId: authority.subjectKeyId }),
    });
    return made(withDefaults(inputs, certificateDefaults), created, {
      ...period.outputs,
      caKeyAlgorithm: keyAlgorithm(signingKey),
    });
  },
};

const plugin: BridgedPlugin = {
  version: "5.6.1",
  notesDefaults: false,
  kinds: {
    "tls:index/privateKey:PrivateKey": privateKey,
    "tls:index/certRequest:CertRequest": certRequest,
    "tls:index/selfSignedCert:SelfSignedCert": selfSignedCert,
    "tls:index/locallySignedCert:LocallySignedCert": locallySignedCert,
  },
  functions: {},
};

/** Stands in for Pulumi's tls plugin: real keys, requests and certificates. */
export function tlsProvider(): BridgedProvider {
  return new BridgedProvider(plugin);
}
