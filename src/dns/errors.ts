/** Why a DNS exchange did not give what was asked for. `by: "peer"` is what the other side said of our message. */
export type DnsFailure =
  /** No (further) answer within the time. `ignored` is what was wrong with the last datagram that was no answer to us. */
  | { readonly kind: "timeout"; readonly afterMs: number; readonly ignored?: IgnoredAnswer }
  /** The operating system refused: port closed, no route. `code` as in errno (`ECONNREFUSED`). */
  | { readonly kind: "unreachable"; readonly code: string }
  /** A certificate that one side does not take: the server's (`by: "us"`), or ours. `code` is OpenSSL's word for it. */
  | { readonly kind: "untrusted"; readonly by: "us" | "peer"; readonly reason: TrustReason; readonly code: string }
  /** No connection with TLS came about for another reason: no common version or purpose, or the server speaks none. */
  | { readonly kind: "noTls"; readonly code: string }
  | { readonly kind: "aborted" }
  /** RCODE REFUSED: most often an ACL that does not know us. */
  | { readonly kind: "refused" }
  /** Any other RCODE that is not NOERROR. */
  | { readonly kind: "rcode"; readonly rcode: string }
  /** The server answered, though not as an authority (AA unset). */
  | { readonly kind: "notAuthoritative" }
  /** The name or the type does not exist there. */
  | { readonly kind: "absent" }
  /** TSIG BADSIG (RFC 8945 section 5.2.2). */
  | { readonly kind: "badSignature"; readonly by: "us" | "peer" }
  /** TSIG BADKEY (section 5.2.1): unknown name, or the algorithm is not the key's. */
  | { readonly kind: "badKey"; readonly by: "us" | "peer"; readonly key: string }
  /** TSIG BADTIME (section 5.2.3). Positive when the peer's clock is ahead of ours. */
  | { readonly kind: "badTime"; readonly by: "us" | "peer"; readonly skewSeconds: number }
  /** TSIG BADTRUNC (section 5.2.4): a MAC shorter than the full hash, which we never accept. */
  | { readonly kind: "badTruncation"; readonly by: "us" | "peer" }
  /** Something that must be signed is not. `rcode` is what the unsigned message claimed. */
  | { readonly kind: "unsigned"; readonly rcode?: string }
  /** TC set where a whole message was needed. */
  | { readonly kind: "truncated" }
  /** Octets that are no DNS message, or a value that cannot be written as one. */
  | { readonly kind: "malformed"; readonly detail: string }
  | { readonly kind: "wrongId" }
  | { readonly kind: "wrongQuestion" }
  /** Not a response to our operation: QR unset or another opcode. */
  | { readonly kind: "notAResponse" }
  /** Records of a transfer in an order or place where they may not be (RFC 5936 section 2.2). */
  | { readonly kind: "outOfOrder"; readonly detail: string }
  /** The stream ended before the closing SOA and its signature. */
  | { readonly kind: "incomplete"; readonly detail: string }
  /** Changes of an incremental transfer that do not fit the zone we have (RFC 1995). */
  | { readonly kind: "notApplicable"; readonly detail: string }
  | { readonly kind: "tooLarge"; readonly limit: "records" | "messages" | "octets" };

/** What is wrong with a certificate: untrusted issuer, another name, outside its validity, or missing. */
export type TrustReason = "authority" | "name" | "expired" | "notYetValid" | "missing" | "other";

/** Why a datagram is taken for somebody else's and not for an answer (RFC 5452 section 9.1). */
export type IgnoredAnswer = "malformed" | "wrongId" | "wrongQuestion" | "notAResponse";

const unreachableKinds: ReadonlySet<string> = new Set<DnsFailure["kind"]>(["timeout", "unreachable", "aborted"]);

const negativeKinds: ReadonlySet<string> = new Set<DnsFailure["kind"]>([
  "refused",
  "rcode",
  "notAuthoritative",
  "absent",
]);

/** Everything that this codec and its client throw on purpose. Never holds key material. */
export class DnsError extends Error {
  override readonly name = "DnsError";

  constructor(
    readonly failure: DnsFailure,
    context?: string,
  ) {
    super(context === undefined ? describe(failure) : `${context}: ${describe(failure)}`);
  }

  /** No answer came: the server may be away, or we gave up. */
  get isUnreachable(): boolean {
    return unreachableKinds.has(this.failure.kind);
  }

  /** The server answered, and will not or cannot give what was asked for. */
  get isNegative(): boolean {
    return negativeKinds.has(this.failure.kind);
  }

  /** The same failure, with where it happened. */
  in(context: string): DnsError {
    return new DnsError(this.failure, context);
  }
}

/** Throws the failure that hostile or broken octets cause. */
export function malformed(detail: string): never {
  throw new DnsError({ kind: "malformed", detail });
}

const plain = {
  aborted: "aborted",
  refused: "the server refused (REFUSED)",
  notAuthoritative: "the server is not authoritative",
  absent: "no such record",
  truncated: "the answer is truncated",
  wrongId: "the answer has another message id",
  wrongQuestion: "the answer repeats another question",
  notAResponse: "not a response to this operation",
} as const;

function describe(failure: DnsFailure): string {
  switch (failure.kind) {
    case "timeout":
      return describeTimeout(failure);
    case "unreachable":
      return `unreachable (${failure.code})`;
    case "untrusted":
      return describeTrust(failure);
    case "noTls":
      return `no connection with TLS (${failure.code})`;
    case "rcode":
      return `the server answered ${failure.rcode}`;
    case "badSignature":
    case "badTruncation":
    case "badKey":
    case "badTime":
      return describeTsig(failure);
    case "unsigned":
      return describeUnsigned(failure);
    case "malformed":
    case "outOfOrder":
    case "incomplete":
      return `${words[failure.kind]}: ${failure.detail}`;
    case "notApplicable":
      return `the changes do not fit the zone: ${failure.detail}`;
    case "tooLarge":
      return `more ${failure.limit} than allowed`;
    default:
      return plain[failure.kind];
  }
}

const words = { malformed: "malformed", outOfOrder: "out of order", incomplete: "incomplete" } as const;

function describeUnsigned({ rcode }: Extract<DnsFailure, { kind: "unsigned" }>): string {
  return rcode === undefined ? "not signed" : `not signed (and says ${rcode})`;
}

function describeTimeout({ afterMs, ignored }: Extract<DnsFailure, { kind: "timeout" }>): string {
  const silence = `no answer within ${afterMs} ms`;
  return ignored === undefined ? silence : `${silence}, but one that was ignored (${ignored})`;
}

const trustReasons: Readonly<Record<TrustReason, string>> = {
  authority: "no trusted authority signed it",
  name: "it is for another name",
  expired: "it has expired",
  notYetValid: "it is not valid yet",
  missing: "there is none",
  other: "it is refused",
};

function describeTrust({ by, reason, code }: Extract<DnsFailure, { kind: "untrusted" }>): string {
  const whose = by === "us" ? "the server's certificate" : "our certificate at the server";
  return `${whose}: ${trustReasons[reason]} (${code})`;
}

type TsigFailure = Extract<DnsFailure, { kind: "badSignature" | "badTruncation" | "badKey" | "badTime" }>;

function describeTsig(failure: TsigFailure): string {
  const teller = failure.by === "peer" ? "the server says" : "the answer has";
  switch (failure.kind) {
    case "badSignature":
      return `${teller} a bad signature (BADSIG)`;
    case "badTruncation":
      return `${teller} a truncated signature (BADTRUNC)`;
    case "badKey":
      return `${teller} an unknown key "${failure.key}" (BADKEY)`;
    case "badTime":
      return `${teller} a bad time (BADTIME), clocks differ by ${failure.skewSeconds} s`;
  }
}

/** Whether nothing came back at all. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof DnsError && error.isUnreachable;
}
