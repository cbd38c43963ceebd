import { createHash, createPublicKey, type JsonWebKey, type KeyObject, randomBytes } from "node:crypto";

import { pem } from "./der";

function field(bytes: Uint8Array | string): Buffer {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function number(digits: string | undefined): Buffer {
  const bytes = Buffer.from(digits ?? "", "base64url");
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  return field((short[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), short]) : short);
}

function point(jwk: JsonWebKey): Buffer {
  return Buffer.concat([
    Buffer.from([4]),
    Buffer.from(jwk.x ?? "", "base64url"),
    Buffer.from(jwk.y ?? "", "base64url"),
  ]);
}

/** Type and fields of a public key in the wire form of RFC 4253 §6.6; undefined for P-224, which SSH does not have. */
function publicFields(jwk: JsonWebKey): { type: string; blob: Buffer } | undefined {
  if (jwk.kty === "RSA")
    return { type: "ssh-rsa", blob: Buffer.concat([field("ssh-rsa"), number(jwk.e), number(jwk.n)]) };
  if (jwk.kty === "OKP")
    return {
      type: "ssh-ed25519",
      blob: Buffer.concat([field("ssh-ed25519"), field(Buffer.from(jwk.x ?? "", "base64url"))]),
    };
  const curve = `nistp${(jwk.crv ?? "").replace("P-", "")}`;
  const type = `ecdsa-sha2-${curve}`;
  return { type, blob: Buffer.concat([field(type), field(curve), field(point(jwk))]) };
}

function privateFields(jwk: JsonWebKey, blob: Buffer): Buffer {
  if (jwk.kty === "RSA")
    return Buffer.concat([
      field("ssh-rsa"),
      number(jwk.n),
      number(jwk.e),
      number(jwk.d),
      number(jwk.qi),
      number(jwk.p),
      number(jwk.q),
    ]);
  if (jwk.kty === "OKP") {
    const half = Buffer.from(jwk.x ?? "", "base64url");
    return Buffer.concat([
      field("ssh-ed25519"),
      field(half),
      field(Buffer.concat([Buffer.from(jwk.d ?? "", "base64url"), half])),
    ]);
  }
  return Buffer.concat([blob, number(jwk.d)]);
}

/** A key as SSH has it: the `openssh-key-v1` file, the public line, and both fingerprints. */
export interface SshForms {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly md5: string;
  readonly sha256: string;
}

/** The forms of a private key for SSH; empty texts where SSH knows no such key (P-224), as with the real plugin. */
export function sshForms(key: KeyObject): SshForms {
  if (key.asymmetricKeyDetails?.namedCurve === "secp224r1")
    return { privateKey: "", publicKey: "", md5: "", sha256: "" };
  const form = publicFields(createPublicKey(key).export({ format: "jwk" }));
  if (!form) return { privateKey: "", publicKey: "", md5: "", sha256: "" };
  const { type, blob } = form;
  const check = randomBytes(4);
  const inner = Buffer.concat([check, check, privateFields(key.export({ format: "jwk" }), blob), field("")]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    one,
    field(blob),
    field(Buffer.concat([inner, padding])),
  ]);
  const md5 = createHash("md5").update(blob).digest("hex").match(/../g) ?? [];
  return {
    privateKey: pem("OPENSSH PRIVATE KEY", file),
    publicKey: `${type} ${blob.toString("base64")}\n`,
    md5: md5.join(":"),
    sha256: `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`,
  };
}
