import { UserError } from "../base/errors";
import { fields } from "../base/json";
import type { SharedConfig } from "../settings/shared-settings";
import type { FormerOutputs } from "./former-outputs";

/** What a shared stack goes on with that it has not made. Public. */
export interface RecoveredParts {
  /** Names of keys of the ring. */
  readonly keys: readonly string[];
  /** Generations of roots. */
  readonly roots: readonly number[];
  /** Whether Vault has mounts and ring. */
  readonly vault: boolean;
}

type Recovering = Pick<SharedConfig, "ca" | "keys" | "recovered" | "recoveredRing" | "vault">;

/** What of a former stack is in use by these settings; undefined where all is the stack's own. */
export function recoveredParts(config: Recovering): RecoveredParts | undefined {
  const { previous, current, next } = config.recoveredRing ?? {};
  const names = [previous, current, next].flatMap((key) => (key === undefined ? [] : [key.name]));
  const generations = config.recovered.roots.map(({ generation }) => generation);
  const keys = neededKeys(config).filter((name) => names.includes(name));
  const roots = neededRoots(config).filter((root) => generations.includes(root));
  const vault = config.recovered.vault !== undefined;
  return keys.length + roots.length > 0 || vault ? { keys, roots, vault } : undefined;
}

/**
 * Refuses to make anew what sites still go by and a former stack has made: they would not accept it, or Vault's ring would
 * be written over.
 *
 * @throws UserError with the cure.
 */
export function requireRecoveredKept(config: Recovering, former: FormerOutputs | undefined): void {
  const before = fields(former?.["recovered"]);
  const now = recoveredParts(config);
  const listed = (key: string): readonly unknown[] => (Array.isArray(before[key]) ? (before[key] as unknown[]) : []);
  const lost = [
    ...(config.vault === undefined ? neededKeys(config) : [])
      .filter((name) => listed("keys").includes(name) && now?.keys.includes(name) !== true)
      .map((name) => `the key ${name}, which only dns-mesh:recoveredRing has`),
    ...neededRoots(config)
      .filter((root) => listed("roots").includes(root) && now?.roots.includes(root) !== true)
      .map((root) => `root ${root}, which only dns-mesh:recovered.roots has`),
    ...(config.vault !== undefined && before["vault"] === true && now?.vault !== true
      ? ["the key ring in Vault, which dns-mesh:recovered.vault leaves as it is"]
      : []),
  ];
  if (lost.length === 0) {
    requireRing(config, former);
    return;
  }
  throw new UserError(
    `this stack would make anew what sites go by: ${lost.join("; ")}. Nothing was changed; put the setting back, and leave it out once it is not in use (docs/runbooks/shared-state-lost.md)`,
  );
}

/** A rebuilt stack that has not been brought up yet begins with the ring that the sites have. */
function requireRing({ recovered, recoveredRing, vault }: Recovering, former: FormerOutputs | undefined): void {
  const isRebuilt = recovered.signers.length + recovered.roots.length > 0;
  const wasUp = former?.["recovered"] !== undefined || former?.["epoch"] !== undefined;
  if (!isRebuilt || wasUp || vault !== undefined || recoveredRing !== undefined) return;
  throw new UserError(
    "dns-mesh:recovered is set and dns-mesh:recoveredRing is not: this stack would make a new key ring, whose keys have the names of the old ones, and no site could take a zone from another. " +
      "Nothing was changed; set it as docs/runbooks/shared-state-lost.md has it (mesh recover --ring)",
  );
}

function neededKeys({ keys: { generation } }: Pick<SharedConfig, "keys">): readonly string[] {
  return [generation - 1, generation, generation + 1].map((number) => `mesh-${number}`);
}

function neededRoots({ ca: { oldest, generation } }: Pick<SharedConfig, "ca">): readonly number[] {
  return Array.from({ length: generation - oldest + 1 }, (_, i) => oldest + i);
}
