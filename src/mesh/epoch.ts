import { createPublicKey, sign, verify } from "node:crypto";

import * as z from "zod/mini";

import { siteNameProblem } from "../base/names";
import { countingNumber, objectOf, plainText, textWithout } from "../base/shape";
import type { SiteRole } from "./model";

/**
 * A time during which one site has the primary catalog. Its number rises each time that the role goes to another site
 * (ADR 0030), so that a primary which was replaced while it was away cannot pass for the present one.
 */
export interface Epoch {
  readonly number: number;
  /** Name of the site that has the primary catalog. */
  readonly primary: string;
}

/** An epoch with the signature of the shared stack: Ed25519 (RFC 8032) in base64. */
export interface SignedEpoch extends Epoch {
  readonly signature: string;
}

/** Beyond this, something is wrong: each step is a promotion by hand. */
export const lastEpoch = 999_999_999;

const number = countingNumber.check(z.lte(lastEpoch, "must be a whole number of 9 digits at most"));
const primary = textWithout((name) => siteNameProblem(name));

/** Whether something is the number of an epoch. */
export function isEpochNumber(value: unknown): value is number {
  return number.safeParse(value).success;
}

/** The part of a welcome packet that is about epochs. */
export const epochFields = {
  epoch: z.exactOptional(objectOf({ number, primary, signature: plainText })),
  /** Public keys of the shared stack by which epochs are checked, each as PEM. */
  signers: z.exactOptional(z.array(plainText, "must be a list").check(z.minLength(1, "must name a key"))),
};

/**
 * Whether an epoch is above another, and so replaces it: the higher number, and of two with the same one, which only two
 * copies of the shared stack's state can make, the one whose primary's name comes first. What says nothing of epochs is as
 * good as the first one.
 */
export function isAbove(epoch: Epoch | undefined, other: Epoch | undefined): boolean {
  const [left, right] = [epoch?.number ?? 1, other?.number ?? 1];
  if (left !== right || epoch === undefined || other === undefined) return left > right;
  return epoch.primary < other.primary;
}

/** The highest of several; undefined when none says anything. */
export function highestEpoch(...epochs: readonly (Epoch | undefined)[]): Epoch | undefined {
  let highest: Epoch | undefined;
  for (const epoch of epochs) if (highest === undefined || isAbove(epoch, highest)) highest = epoch ?? highest;
  return highest && { number: highest.number, primary: highest.primary };
}

/** Equality of what two say, signatures aside. */
export function isSameEpoch(epoch: Epoch | undefined, other: Epoch | undefined): boolean {
  return epoch?.number === other?.number && epoch?.primary === other?.primary;
}

/** As people read it. */
export function epochText(epoch: Epoch | undefined): string {
  return epoch === undefined ? "no epoch" : `epoch ${epoch.number} (primary catalog ${epoch.primary})`;
}

/** What is signed: the mesh, the number and the primary, each on a line. */
function statement(directoryZone: string, epoch: Epoch): Buffer {
  return Buffer.from(`dns-mesh epoch\n${directoryZone}\n${epoch.number}\n${epoch.primary}\n`);
}

/**
 * Signs an epoch. Ed25519 makes the same signature each time, so that a second `up` changes nothing.
 *
 * @param privateKey - PEM (PKCS 8).
 */
export function signEpoch(directoryZone: string, epoch: Epoch, privateKey: string): SignedEpoch {
  const signature = sign(null, statement(directoryZone, epoch), privateKey).toString("base64");
  return { number: epoch.number, primary: epoch.primary, signature };
}

/** Whether one of these public keys signed an epoch. A key that cannot be read signed nothing. */
export function isSigned(directoryZone: string, epoch: SignedEpoch, signers: readonly string[]): boolean {
  const signature = Buffer.from(epoch.signature, "base64");
  return signers.some((signer) => {
    try {
      return verify(null, statement(directoryZone, epoch), createPublicKey(signer), signature);
    } catch {
      return false;
    }
  });
}

/** An epoch as `key=value` strings of a TXT record; the signature is left out where there is none. */
export function epochFacts(epoch: Epoch & { readonly signature?: string }): readonly string[] {
  const facts = [`epoch=${epoch.number}`, `primary=${epoch.primary}`];
  return epoch.signature === undefined ? facts : [...facts, `signature=${epoch.signature}`];
}

/** Reads what {@link epochFacts} wrote: undefined where nothing is said, `bad` where it makes no sense. */
export function readEpoch(facts: ReadonlyMap<string, readonly string[]>): SignedEpoch | "bad" | undefined {
  const one = (key: string): string => facts.get(key)?.[0] ?? "";
  if (!facts.has("epoch")) return undefined;
  const text = one("epoch");
  if (!/^[1-9]\d{0,8}$/.test(text) || siteNameProblem(one("primary")) !== undefined) return "bad";
  return { number: Number(text), primary: one("primary"), signature: one("signature") };
}

/**
 * An epoch that a directory claims, checked.
 *
 * @param signers - Public keys of the shared stack. Without any, a site cannot check, and goes by no epoch.
 * @returns undefined where nothing is said or nothing can be checked, `bad` when the shared stack did not sign it.
 */
export function checkedEpoch(
  zone: string,
  claim: SignedEpoch | "bad" | undefined,
  signers: readonly string[] | undefined,
): Epoch | "bad" | undefined {
  if (claim === undefined || signers === undefined) return undefined;
  if (claim === "bad" || !isSigned(zone, claim, signers)) return "bad";
  return { number: claim.number, primary: claim.primary };
}

/** A site's packet, as far as it is about its role. */
interface Standing {
  readonly site: { readonly name: string; readonly role: SiteRole };
  readonly epoch?: Epoch;
  readonly signers?: readonly string[];
}

/** The epoch of a packet, as far as its own keys signed it. */
export function packetEpoch(packet: {
  readonly directoryZone: string;
  readonly epoch?: SignedEpoch;
  readonly signers?: readonly string[];
}): Epoch | undefined {
  const epoch = checkedEpoch(packet.directoryZone, packet.epoch, packet.signers);
  return epoch === "bad" ? undefined : epoch;
}

/** Whether another site has the primary catalog by now, although this site's packet, which is older, gives it to this one. */
export function isReplaced({ site, epoch, signers }: Standing, highest: Epoch | undefined): boolean {
  if (site.role !== "primary-catalog" || signers === undefined) return false;
  if (highest === undefined || highest.primary === site.name) return false;
  return isAbove(highest, epoch);
}

/** The packet that a site goes by: one whose primary was replaced goes on as a secondary catalog until its next `up`. */
export function standingPacket<P extends Standing>(packet: P, highest: Epoch | undefined): P {
  if (!isReplaced(packet, highest)) return packet;
  return { ...packet, site: { ...packet.site, role: "secondary-catalog" } };
}
