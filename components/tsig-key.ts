import type { TsigKey } from "../src/dns/tsig-key";

/** A TSIG key whose secret is the octets of a random text. */
export function tsigKeyFrom(name: string, text: string): TsigKey {
  return { name, algorithm: "hmac-sha256", secret: Buffer.from(text, "ascii").toString("base64") };
}
