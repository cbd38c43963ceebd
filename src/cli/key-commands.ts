import { messageOf, UserError } from "../base/errors";
import { siteNameProblem } from "../base/names";
import type { TsigKey } from "../dns/tsig-key";
import { parseRingDocument, type RingDocument, type RingKey } from "../keyring/ring-document";
import { planRotation } from "../keyring/rotation";
import { defaultRotation } from "../keyring/rotation-settings";
import { vaultEntrances } from "../mesh/trust";
import { ringSecret } from "../vault/access";
import { type VaultClient, VaultError } from "../vault/client";

/** What the commands work with. */
export interface KeyCommandParts {
  readonly vault: VaultClient;
  /** KV v2 mount of the ring. */
  readonly mount: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly freshKey: (now: number) => TsigKey;
  /** Gets a line at a time, none of which holds a secret. */
  readonly print: (line: string) => void;
}

/** So often a write is tried again when a rotator was faster. */
const mostRaces = 5;

/** A key of the ring, without its secret. */
interface ShownKey extends Pick<RingKey, "name" | "algorithm"> {
  readonly role: (typeof roles)[number];
  readonly createdAt: string | undefined;
  readonly signFrom: string | undefined;
  readonly acceptUntil: string | undefined;
}

/** The ring as it may be shown. */
export interface ShownKeys {
  /** Where in Vault, and which version of it. */
  readonly path: string;
  readonly version: number;
  readonly keys: readonly ShownKey[];
}

const roles = ["previous", "current", "next"] as const;

/** Which keys there are; no secrets. */
export async function readKeys(parts: KeyCommandParts): Promise<ShownKeys> {
  const { document, version } = await readRing(parts);
  const keys = roles.flatMap((role) => {
    const key = document[role];
    if (key === undefined) return [];
    const { name, algorithm, createdAt, signFrom, acceptUntil } = key;
    return [{ role, name, algorithm, createdAt, signFrom, acceptUntil }];
  });
  return { path: `${parts.mount}/${ringSecret}`, version, keys };
}

/** Which keys there are and what each is good for, in lines. */
export function describeKeys({ path, version, keys }: ShownKeys): readonly string[] {
  return [`version ${version} of ${path}`, ...keys.map(describeKey)];
}

function describeKey({ role, name, algorithm, createdAt, signFrom, acceptUntil }: ShownKey): string {
  const times = [
    ...(createdAt === undefined ? [] : [`made ${createdAt}`]),
    ...(signFrom === undefined ? [] : [`signs from ${signFrom}`]),
    ...(acceptUntil === undefined ? [] : [`accepted until ${acceptUntil}`]),
  ];
  return [role.padEnd(8), name, algorithm, ...times].join("  ");
}

/** Makes a next key now. The rotators in the mesh see to the rest. */
export async function rotateKeys(parts: KeyCommandParts): Promise<void> {
  for (let races = 0; races < mostRaces; races++) {
    const { document, version } = await readRing(parts);
    if (document.next?.createdAt !== undefined) {
      parts.print(`a rotation is under way already: ${document.next.name} was made at ${document.next.createdAt}`);
      return;
    }
    const now = parts.now();
    const plan = planRotation({ document, now, settings: defaultRotation, fresh: parts.freshKey(now), asked: true });
    if (plan.kind === "nothing") throw new Error(plan.reason);
    const written = await tryWrite(parts, plan.document, version);
    if (written) parts.print(plan.reason);
    if (written && plan.step === "start") return;
  }
  throw lostTooOften();
}

/**
 * Shuts a site out: first its way into Vault, then every key that it knows. In this order, since it could fetch the new
 * ring otherwise. Each step can be repeated, so that a run which ended half way is finished by another one.
 *
 * @param parts.isClosed - Its roles may be gone already; without it, that is taken for a mistyped name.
 * @throws UserError when Vault knows no such site, or when Vault fails half way: then it says how to go on.
 */
export async function revokeSite(
  parts: KeyCommandParts & { readonly site: string; readonly isClosed: boolean },
): Promise<void> {
  const problem = siteNameProblem(parts.site);
  if (problem !== undefined) throw new UserError(`--site: "${parts.site}" ${problem}`);
  // Read first: a ring that cannot be read is reported before anything is closed.
  await readRing(parts);
  const entrances = vaultEntrances(parts.site);
  const roles = await presentRoles(
    parts.vault,
    entrances.flatMap((entrance) => entrance.roles),
  );
  if (roles.length === 0 && !parts.isClosed) {
    throw new UserError(
      `Vault has no role for the site "${parts.site}"; check the name, or pass --closed if its access was closed before`,
    );
  }
  try {
    await closeAccess(parts, { roles, logins: entrances.map(({ login }) => login) });
    const name = await replaceRing(parts);
    parts.print(`the ring holds ${name} alone; the keys before it are accepted nowhere as soon as sites have read it`);
  } catch (error) {
    throw new UserError(
      `${messageOf(error)}\n${parts.site} is not shut out yet. Run this again with --closed: it repeats every step, whatever was done already`,
      { cause: error },
    );
  }
  parts.print(
    "transfers between two sites fail until both have: 20 s at the most, and then they are caught up by themselves",
  );
}

/** What {@link revokeSite} is about to do, and what it costs. */
export function revocationNotice(site: string): readonly string[] {
  return [
    `This deletes the roles of ${site} in Vault, revokes its tokens, and puts a new key in the place of the whole ring.`,
    `${site} gets nothing from the mesh any more. Between the other sites transfers and NOTIFYs fail until both ends have`,
    "read the new ring (20 s at the most); answers go on. Say --yes to do it.",
  ];
}

/** Roles go first, so that no token is made after the tokens were revoked. Tokens are revoked even where no role is left. */
async function closeAccess(
  parts: KeyCommandParts,
  { roles, logins }: { readonly roles: readonly string[]; readonly logins: readonly string[] },
): Promise<void> {
  for (const role of roles) {
    await parts.vault.remove(role);
    parts.print(`deleted ${role}`);
  }
  for (const login of logins) {
    await parts.vault.write(`sys/leases/revoke-prefix/${login}`, {});
    parts.print(`revoked all tokens of ${login}`);
  }
}

async function presentRoles(vault: KeyCommandParts["vault"], roles: readonly string[]): Promise<readonly string[]> {
  const present = [];
  for (const role of roles) if (await isThere(vault, role)) present.push(role);
  return present;
}

async function isThere(vault: KeyCommandParts["vault"], path: string): Promise<boolean> {
  try {
    await vault.read(path);
    return true;
  } catch (error) {
    if (error instanceof VaultError && error.failure.kind === "absent") return false;
    throw error;
  }
}

/** Returns the name of the new key. */
async function replaceRing(parts: KeyCommandParts): Promise<string> {
  for (let races = 0; races < mostRaces; races++) {
    const { version } = await readRing(parts);
    const now = parts.now();
    const current = { ...parts.freshKey(now), createdAt: new Date(now).toISOString() };
    if (await tryWrite(parts, { version: 1, current }, version)) return current.name;
  }
  throw lostTooOften();
}

function lostTooOften(): UserError {
  return new UserError("others write the ring all the time; try again");
}

async function tryWrite(parts: KeyCommandParts, data: RingDocument, cas: number): Promise<boolean> {
  try {
    await parts.vault.writeSecret({ mount: parts.mount, name: ringSecret, data, cas });
    return true;
  } catch (error) {
    if (error instanceof VaultError && error.failure.kind === "lostRace") return false;
    throw error;
  }
}

async function readRing(parts: KeyCommandParts): Promise<{ document: RingDocument; version: number }> {
  try {
    const { data, version } = await parts.vault.readSecret(parts.mount, ringSecret);
    return { document: parseRingDocument(data), version };
  } catch (error) {
    const isAbsent = error instanceof VaultError && error.failure.kind === "absent";
    if (!isAbsent) throw error;
    throw new UserError(
      `Vault has no key ring at ${parts.mount}/${ringSecret}; bring the shared stack up, or pass --mount`,
    );
  }
}
