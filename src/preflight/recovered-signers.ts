import { messageOf, UserError } from "../base/errors";
import { fields } from "../base/json";
import type { SharedConfig } from "../settings/shared-settings";
import { findStack, type FormerOutputs, type FoundStack, qualified } from "./former-outputs";

type Recovering = Pick<SharedConfig, "mesh" | "recovered">;

/** What {@link earlySigners} goes by. */
export interface SignerFacts {
  /** What the shared stack said when it was brought up last. */
  readonly former: FormerOutputs | undefined;
  /** Looks up a stack of this project. @throws UserError when it is there, or may be, and cannot be read. */
  readonly find: (stack: string) => Promise<FoundStack>;
}

/**
 * Refuses to take a former stack's key for epochs away as long as a site may know no other: the others would then refuse what
 * a primary that was not brought up yet still publishes, and such a site refuses what the primary publishes after that.
 *
 * @throws UserError that names each such site and the cure.
 */
export async function requireSignersKept(config: Recovering, former: FormerOutputs | undefined): Promise<void> {
  const problems = await earlySigners(config, { former, find: (stack) => findStack(qualified(stack)) });
  if (problems.length === 0) return;
  throw new UserError(
    `dns-mesh:recovered.signers no longer has a key that sites go by: ${problems.join("; ")}. ` +
      `Nothing was changed; put it back, bring up these sites, the primary last, and leave it out after that. Where a site's stack is called otherwise, or cannot be read, ` +
      `look whether its packet has both keys (kubectl get configmap knot-config), and name the site in dns-mesh:recovered.broughtUp (docs/runbooks/shared-state-lost.md)`,
  );
}

/** Sites that may not have the key that signs epochs now, where another is taken away; a part of a sentence each. */
export async function earlySigners(
  { mesh, recovered }: Recovering,
  { former, find }: SignerFacts,
): Promise<readonly string[]> {
  const before = signersIn(former);
  // A packet has what was recovered first, and the stack's own key last.
  const own = before.at(-1);
  const kept = new Set(recovered.signers.map((pem) => pem.trim()));
  const isTakenAway = before.slice(0, -1).some((pem) => !kept.has(pem));
  if (own === undefined || !isTakenAway) return [];
  const problems = mesh.sites
    .filter(({ name }) => !recovered.broughtUp.includes(name))
    .map(async ({ name }) => problemOf(name, await answerOf(name, find), own));
  return (await Promise.all(problems)).flatMap((problem) => (problem === undefined ? [] : [problem]));
}

type Answer = FoundStack | { readonly kind: "unreadable"; readonly reason: string };

async function answerOf(site: string, find: SignerFacts["find"]): Promise<Answer> {
  try {
    return await find(site);
  } catch (error) {
    return { kind: "unreadable", reason: messageOf(error) };
  }
}

function problemOf(site: string, answer: Answer, own: string): string | undefined {
  if (answer.kind === "missing") return `there is no stack "${site}" to say which keys ${site} has`;
  if (answer.kind === "unreadable") return `the stack "${site}" cannot be read (${answer.reason})`;
  const { signers } = answer.outputs;
  const has = Array.isArray(signers) && signers.some((pem) => typeof pem === "string" && pem.trim() === own);
  return has ? undefined : `${site} was not brought up since, and may know no other`;
}

/** The keys by which sites checked epochs when the shared stack was brought up last. */
function signersIn(former: FormerOutputs | undefined): readonly string[] {
  for (const packet of Object.values(fields(former?.["sites"]))) {
    const { signers } = fields(packet);
    if (Array.isArray(signers)) return signers.filter((pem) => typeof pem === "string").map((pem) => pem.trim());
  }
  return [];
}
