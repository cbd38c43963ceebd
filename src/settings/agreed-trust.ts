import { createHash, createPublicKey, X509Certificate } from "node:crypto";

import { messageOf, UserError } from "../base/errors";
import { certificateBlocks } from "../base/text";
import type { WelcomePacket } from "../mesh/model";

/** What {@link agreedTrust} decides on. */
export interface TrustFacts {
  /** What sites were brought up with; of at least one. */
  readonly packets: readonly WelcomePacket[];
  /** Sites that the mesh has. In a mesh of several, what one of them alone says is not enough. */
  readonly siteCount: number;
  /** Fingerprints of what the user knows to be the mesh's own, as {@link fingerprintIn} has them. */
  readonly confirmed: readonly string[];
}

/** What a mesh trusts, as far as its sites agree. */
export interface AgreedTrust {
  /** Roots by generation, PEM. */
  readonly roots: ReadonlyMap<number, string>;
  /** Public keys by which epochs are checked, PEM. */
  readonly signers: readonly string[];
  /** What too few sites say, a sentence each. */
  readonly leftOut: readonly string[];
}

/** A root or a key that sites were brought up with. */
interface Claim {
  readonly kind: "root" | "signer";
  readonly pem: string;
  /** SHA-256 of its DER, 64 hexadecimal digits. */
  readonly fingerprint: string;
  /** Those that say so. */
  readonly sites: readonly string[];
}

/**
 * The roots and signers that a mesh goes on with: what most of the sites were brought up with, and two of them at least, or
 * what the user confirms. Whoever has one site alone could add a root or a key of its own, by which it could then pass for
 * any other site or for the shared stack.
 *
 * @throws UserError when sites agree on no root, or have signers and agree on none; it names sites, fingerprints and the cure.
 */
export function agreedTrust(facts: TrustFacts): AgreedTrust {
  const claims = [...rootClaims(facts.packets), ...signerClaims(facts.packets)];
  requireKnown(facts.confirmed, claims);
  const agreed = claims.filter((claim) => isAgreed(claim, claims, facts));
  const others = claims.filter((claim) => !agreed.includes(claim));
  for (const kind of ["root", "signer"] as const)
    if (others.some((claim) => claim.kind === kind) && !agreed.some((claim) => claim.kind === kind))
      throw tooThin(kind, others, facts);
  return {
    roots: rootsByGeneration(agreed.filter(({ kind }) => kind === "root")),
    signers: agreed.filter(({ kind }) => kind === "signer").map(({ pem }) => pem),
    leftOut: others.map(
      (claim) =>
        `left out: ${nameOf(claim)}, which ${claim.sites.join(", ")} alone ${claim.sites.length === 1 ? "was" : "were"} brought up with; ` +
        `if it is the mesh's own, compare it and run this again with --confirm ${claim.fingerprint}`,
    ),
  };
}

/** Equality of what is trusted. */
export function isSameTrust(trust: AgreedTrust, other: AgreedTrust): boolean {
  const texts = ({ roots, signers }: AgreedTrust): string => [...roots.values(), ...signers].sort().join("");
  return texts(trust) === texts(other);
}

/** All agreed roots as PEM, by which servers' certificates are checked. */
export function rootsPem({ roots }: AgreedTrust): string {
  return [...roots.values()].join("");
}

/**
 * A fingerprint as `openssl x509 -fingerprint -sha256`, `sha256sum` or this program writes it.
 *
 * @throws UserError for another text.
 */
export function fingerprintIn(text: string): string {
  const digits = text
    .replace(/^sha256:/i, "")
    .replaceAll(":", "")
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new UserError(`--confirm "${text}" is not a SHA-256 fingerprint of 64 hexadecimal digits`);
}

function isAgreed({ kind, fingerprint, sites }: Claim, all: readonly Claim[], facts: TrustFacts): boolean {
  if (facts.confirmed.includes(fingerprint)) return true;
  // A site of a release that knew no signers does not speak against one.
  const asked = new Set(all.filter((claim) => claim.kind === kind).flatMap((claim) => claim.sites)).size;
  const least = facts.siteCount === 1 ? 1 : Math.max(2, Math.floor(asked / 2) + 1);
  return sites.length >= least;
}

function requireKnown(confirmed: readonly string[], claims: readonly Claim[]): void {
  const strange = confirmed.filter((fingerprint) => !claims.some((claim) => claim.fingerprint === fingerprint));
  if (strange.length > 0)
    throw new UserError(
      `--confirm ${strange.join(",")}: no site that was read was brought up with it; name a site that was with --from`,
    );
}

function tooThin(kind: Claim["kind"], others: readonly Claim[], { packets }: TrustFacts): UserError {
  const read = [...new Set(packets.map(({ site }) => site.name))];
  const said = others
    .filter((claim) => claim.kind === kind)
    .map((claim) => `${nameOf(claim)} at ${claim.sites.join(", ")}`);
  const what = kind === "root" ? "no root" : "no key that signs epochs";
  return new UserError(
    `${what} is known from more than one site, and from most of those that were read (${read.join(", ")}); whoever has one site could have put it there:\n` +
      `${said.join("\n")}\nname more sites with --from, or, where no other can be read, compare with what you kept and confirm what is the mesh's own: ` +
      `--confirm ${others.map(({ fingerprint }) => fingerprint).join(",")}`,
  );
}

/** As people compare it. */
function nameOf({ kind, pem, fingerprint }: Claim): string {
  if (kind === "signer") return `the key that signs epochs with SHA-256 ${fingerprint}`;
  const subject = new X509Certificate(pem).subject.replace(/^CN=/, "").replaceAll("\n", ", ");
  return `the root "${subject}" with SHA-256 ${fingerprint}`;
}

function rootClaims(packets: readonly WelcomePacket[]): readonly Claim[] {
  return gathered(
    packets.flatMap(({ ca, site }) =>
      certificateBlocks(ca).map((pem) => ({
        kind: "root" as const,
        site: site.name,
        pem: `${pem}\n`,
        fingerprint: readable(site.name, "a root", () =>
          new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase(),
        ),
      })),
    ),
  );
}

function signerClaims(packets: readonly WelcomePacket[]): readonly Claim[] {
  return gathered(
    packets.flatMap(({ signers = [], site }) =>
      signers.map((pem) => ({
        kind: "signer" as const,
        site: site.name,
        pem: `${pem.trim()}\n`,
        fingerprint: readable(site.name, "a key that signs epochs", () =>
          createHash("sha256")
            .update(createPublicKey(pem).export({ type: "spki", format: "der" }))
            .digest("hex"),
        ),
      })),
    ),
  );
}

function readable(site: string, what: string, read: () => string): string {
  try {
    return read();
  } catch (error) {
    throw new UserError(`${what} that ${site} was brought up with cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** One claim for each root or key, with all who have it; in the order in which they were said first. */
function gathered(said: readonly (Omit<Claim, "sites"> & { readonly site: string })[]): readonly Claim[] {
  const found = new Map<string, Claim>();
  for (const { site, ...claim } of said) {
    const sites = new Set([...(found.get(claim.fingerprint)?.sites ?? []), site]);
    found.set(claim.fingerprint, { ...(found.get(claim.fingerprint) ?? claim), sites: [...sites] });
  }
  return [...found.values()];
}

/** By the generation that is in their names: the first goes without a number outside Vault. */
function rootsByGeneration(claims: readonly Claim[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const claim of claims) {
    const generation = generationOfRoot(claim);
    if (found.has(generation))
      throw new UserError(
        `sites trust two roots of generation ${generation}; name those sites alone with --from that were brought up last`,
      );
    found.set(generation, claim.pem);
  }
  const numbers = [...found.keys()].sort((a, b) => a - b);
  const missing = numbers.find((number, i) => i > 0 && number !== (numbers[i - 1] ?? 0) + 1);
  if (missing !== undefined)
    throw new UserError(
      `sites agree on the roots ${numbers.join(", ")} and not on root ${missing - 1}, which a new stack would make anew; name more sites with --from, those that were brought up last`,
    );
  return found;
}

function generationOfRoot({ pem, sites }: Claim): number {
  const { subject } = new X509Certificate(pem);
  const name = /^CN=dns-mesh root(?: (\d+))?$/m.exec(subject);
  if (name !== null) return Number(name[1] ?? 1);
  throw new UserError(
    `a root that ${sites.join(", ")} trusts is not of a shared stack: its subject is ${subject}; leave these sites out of --from`,
  );
}
