import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

import {
  bitString,
  elementAt,
  elements,
  fromPem,
  integer,
  namedBits,
  objectId,
  pem,
  sequence,
  tags,
  time,
  value,
} from "./der";

/** A distinguished name, with the keys of the tls plugin. */
export interface Subject {
  readonly commonName?: string;
  readonly country?: string;
  readonly locality?: string;
  readonly organization?: string;
  readonly organizationalUnit?: string;
  readonly postalCode?: string;
  readonly province?: string;
  readonly serialNumber?: string;
  readonly streetAddresses?: readonly string[];
}

/** Names that a certificate is valid for (RFC 5280 §4.2.1.6). */
export interface AlternativeNames {
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
}

/** What goes into a certificate. */
export interface CertificateSpec {
  /** DER of the subject's name. */
  readonly subject: Buffer;
  /** DER of the issuer's name. */
  readonly issuer: Buffer;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Names of the tls plugin: `digital_signature`, `server_auth`, … */
  readonly uses: readonly string[];
  readonly isCa: boolean;
  readonly maxPathLength?: number;
  /** DER of a SubjectAltName value. */
  readonly alternativeNames?: Buffer;
  readonly subjectKeyId?: Buffer;
  readonly authorityKeyId?: Buffer;
}

const attributes: readonly (readonly [keyof Subject, string])[] = [
  ["country", "2.5.4.6"],
  ["organization", "2.5.4.10"],
  ["organizationalUnit", "2.5.4.11"],
  ["locality", "2.5.4.7"],
  ["province", "2.5.4.8"],
  ["streetAddresses", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["commonName", "2.5.4.3"],
  ["serialNumber", "2.5.4.5"],
];

const usageBits = [
  "digital_signature",
  "content_commitment",
  "key_encipherment",
  "data_encipherment",
  "key_agreement",
  "cert_signing",
  "crl_signing",
  "encipher_only",
  "decipher_only",
];

const extendedUsages: Readonly<Record<string, string>> = {
  any_extended: "2.5.29.37.0",
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
  code_signing: "1.3.6.1.5.5.7.3.3",
  email_protection: "1.3.6.1.5.5.7.3.4",
  timestamping: "1.3.6.1.5.5.7.3.8",
  ocsp_signing: "1.3.6.1.5.5.7.3.9",
};

const extensionIds = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  alternativeNames: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedUsage: "2.5.29.37",
};
const extensionRequest = "1.2.840.113549.1.9.14";

/** DER of a distinguished name. */
export function encodeDistinguishedName(subject: Subject): Buffer {
  const sets = attributes.flatMap(([key, oid]) => {
    const given = subject[key];
    const texts = given === undefined ? [] : typeof given === "string" ? [given] : given;
    return texts.filter(Boolean).map((text) => {
      const tag = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? tags.printableString : tags.utf8String;
      return value(tags.set, sequence(objectId(oid), value(tag, Buffer.from(text))));
    });
  });
  return sequence(...sets);
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  if (isIP(address) !== 6) throw new Error(`"${address}" is not an IP address`);
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const [head = [], tail = []] = groups.map((part) =>
    part
      .split(":")
      .filter(Boolean)
      .map((group) => parseInt(group, 16)),
  );
  const middle = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  return Buffer.from([...head, ...middle, ...tail].flatMap((group) => [group >> 8, group & 0xff]));
}

/** DER of a SubjectAltName value, or undefined when there are no names. */
export function encodeAlternativeNames(names: AlternativeNames): Buffer | undefined {
  const items = [
    ...(names.dnsNames ?? []).map((name) => value(0x82, Buffer.from(name))),
    ...(names.ipAddresses ?? []).map((address) => value(0x87, addressBytes(address))),
    ...(names.uris ?? []).map((uri) => value(0x86, Buffer.from(uri))),
  ];
  return items.length > 0 ? sequence(...items) : undefined;
}

/** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2). */
export function keyIdOf(key: KeyObject): Buffer {
  const bits = elementAt(spki(key), 0, 1).contents.subarray(1);
  return createHash("sha1").update(bits).digest();
}

function spki(key: KeyObject): Buffer {
  return (key.type === "private" ? createPublicKey(key) : key).export({ type: "spki", format: "der" });
}

function signatureOf(key: KeyObject): { algorithm: Buffer; hash: string | null } {
  if (key.asymmetricKeyType === "ed25519") return { algorithm: sequence(objectId("1.3.101.112")), hash: null };
  if (key.asymmetricKeyType === "rsa")
    return { algorithm: sequence(objectId("1.2.840.113549.1.1.11"), value(0x05)), hash: "sha256" };
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "secp384r1") return { algorithm: sequence(objectId("1.2.840.10045.4.3.3")), hash: "sha384" };
  if (curve === "secp521r1") return { algorithm: sequence(objectId("1.2.840.10045.4.3.4")), hash: "sha512" };
  return { algorithm: sequence(objectId("1.2.840.10045.4.3.2")), hash: "sha256" };
}

function signed(body: Buffer, key: KeyObject): Buffer {
  const { algorithm, hash } = signatureOf(key);
  return sequence(body, algorithm, bitString(sign(hash, body, key)));
}

function extension(oid: string, contents: Buffer, critical = false): Buffer {
  const flag = critical ? [value(tags.boolean, Buffer.from([0xff]))] : [];
  return sequence(objectId(oid), ...flag, value(tags.octetString, contents));
}

function extensionsOf(spec: CertificateSpec): Buffer[] {
  const bits = spec.uses.map((use) => usageBits.indexOf(use)).filter((bit) => bit >= 0);
  const extended = spec.uses.flatMap((use) => extendedUsages[use] ?? []);
  const unknown = spec.uses.filter((use) => !usageBits.includes(use) && extendedUsages[use] === undefined);
  if (unknown.length > 0) throw new Error(`unknown key usages: ${unknown.join(", ")}`);
  const constraints = spec.isCa
    ? [
        value(tags.boolean, Buffer.from([0xff])),
        ...(spec.maxPathLength === undefined ? [] : [integer(Buffer.from([spec.maxPathLength]))]),
      ]
    : [];
  return [
    ...(bits.length > 0 ? [extension(extensionIds.keyUsage, namedBits(bits), true)] : []),
    ...(extended.length > 0 ? [extension(extensionIds.extendedUsage, sequence(...extended.map(objectId)))] : []),
    extension(extensionIds.basicConstraints, sequence(...constraints), true),
    ...(spec.subjectKeyId ? [extension(extensionIds.subjectKeyId, value(tags.octetString, spec.subjectKeyId))] : []),
    ...(spec.authorityKeyId
      ? [extension(extensionIds.authorityKeyId, sequence(value(0x80, spec.authorityKeyId)))]
      : []),
    ...(spec.alternativeNames ? [extension(extensionIds.alternativeNames, spec.alternativeNames)] : []),
  ];
}

/** Makes and signs a certificate (RFC 5280). The serial is 128 bits of chance. */
export function createCertificate(spec: CertificateSpec): { pem: string; serial: bigint } {
  const serial = randomBytes(16);
  const body = sequence(
    value(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    signatureOf(spec.signingKey).algorithm,
    spec.issuer,
    sequence(time(spec.notBefore), time(spec.notAfter)),
    spec.subject,
    spki(spec.publicKey),
    value(0xa3, sequence(...extensionsOf(spec))),
  );
  return { pem: pem("CERTIFICATE", signed(body, spec.signingKey)), serial: BigInt(`0x${serial.toString("hex")}`) };
}

/** Makes and signs a request (RFC 2986). */
export function createRequest(subject: Buffer, key: KeyObject, alternativeNames: Buffer | undefined): string {
  const wanted = alternativeNames
    ? [
        sequence(
          objectId(extensionRequest),
          value(tags.set, sequence(extension(extensionIds.alternativeNames, alternativeNames))),
        ),
      ]
    : [];
  const body = sequence(integer(Buffer.from([0])), subject, spki(key), value(0xa0, ...wanted));
  return pem("CERTIFICATE REQUEST", signed(body, key));
}

/** What a request asks for. Its own signature is not judged here. */
export function readRequest(text: string): { subject: Buffer; publicKey: KeyObject; alternativeNames?: Buffer } {
  const info = elementAt(fromPem("CERTIFICATE REQUEST", text), 0, 0).contents;
  const publicKey = createPublicKey({ key: elementAt(info, 2).whole, type: "spki", format: "der" });
  const subject = elementAt(info, 1).whole;
  const attribute = elements(elementAt(info, 3).contents).find(({ contents }) =>
    elementAt(contents, 0).whole.equals(objectId(extensionRequest)),
  );
  const found = attribute && findExtension(elementAt(attribute.contents, 1, 0).contents, extensionIds.alternativeNames);
  return { subject, publicKey, ...(found && { alternativeNames: found }) };
}

/** The name of a certificate's subject, and its key identifier if it has one. */
export function readCertificate(text: string): { subject: Buffer; subjectKeyId?: Buffer } {
  const body = elementAt(fromPem("CERTIFICATE", text), 0, 0).contents;
  const list = elements(body).find(({ tag }) => tag === 0xa3);
  const found = list && findExtension(elementAt(list.contents, 0).contents, extensionIds.subjectKeyId);
  return { subject: elementAt(body, 5).whole, ...(found && { subjectKeyId: elementAt(found, 0).contents }) };
}

function findExtension(list: Buffer, oid: string): Buffer | undefined {
  const found = elements(list).find(({ contents }) => elementAt(contents, 0).whole.equals(objectId(oid)));
  return found && elements(found.contents).at(-1)?.contents;
}
