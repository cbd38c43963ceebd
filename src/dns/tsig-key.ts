/** A key for TSIG (RFC 8945). `secret` is base64. */
export interface TsigKey {
  readonly name: string;
  readonly algorithm: "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  readonly secret: string;
}
