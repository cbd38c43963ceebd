import type { TsigKey } from "../src/mesh/model";

/** A TSIG key whose secret is the octets of a random text. */
export function tsigKeyFrom(name: string, text: string): TsigKey {
  return { name, algorithm: "hmac-sha256", secret: Buffer.from(text, "ascii").toString("base64") };
}
