/** A key for TSIG (RFC 8945). `secret` is base64. */
export interface TsigKey {
  readonly name: string;
  readonly algorithm: "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  readonly secret: string;
}

/** A TSIG key whose secret is the octets of a random text. */
export function tsigKeyFrom(name: string, text: string): TsigKey {
  return { name, algorithm: "hmac-sha256", secret: Buffer.from(text, "ascii").toString("base64") };
}
