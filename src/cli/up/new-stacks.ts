import { UserError } from "../../base/errors";
import { noStack } from "../stacks/reader";

/** What an `up` is about to make. */
export interface NewStacks {
  /** The shared stack's name. */
  readonly shared: string;
  /** Stacks to bring up. */
  readonly stacks: readonly string[];
  /** All sites of the list, each with a stack of its name. */
  readonly sites: readonly string[];
  /** Stacks that the backend has. */
  readonly there: readonly string[];
  /** Whether it was said that the mesh is a new one. */
  readonly isNew: boolean;
  /** Whether somebody is asked before anything is made. */
  readonly asks: boolean;
}

/**
 * The stacks that an `up` makes. A shared stack comes with a new key ring and a new root, which no site that runs
 * already would take: a backend without it may be the wrong one, or have lost it.
 *
 * @throws UserError when the shared stack is not there and the mesh looks older than that, or nobody says that it is new.
 */
export function newStacks({ shared, stacks, sites, there, isNew, asks }: NewStacks): readonly string[] {
  const made = stacks.filter((stack) => !there.includes(stack));
  if (there.includes(shared)) return made;
  const isAway = `${noStack(shared)}. Nothing was changed`;
  if (!stacks.includes(shared))
    throw new UserError(`${isAway}; log in to the one that has it (pulumi login), or bring ${shared} up first`);
  const older = sites.filter((site) => there.includes(site));
  if (older.length > 0)
    throw new UserError(
      `${isAway}; the stacks of ${older.join(", ")} are there, so that its state may be lost: docs/runbooks/shared-state-lost.md. ` +
        `If the mesh was never brought up, make it first: pulumi stack init ${shared}`,
    );
  if (!asks && !isNew)
    throw new UserError(
      `${isAway}; log in to the one that has it (pulumi login), or for a mesh that is new add --new: it gets a new key ring and a new root`,
    );
  return made;
}

/** What to say of them before the question. */
export function newStacksLines(shared: string, made: readonly string[]): readonly string[] {
  if (made.length === 0) return [];
  const line = `New stacks, which are not in this backend yet: ${made.join(", ")}`;
  if (!made.includes(shared)) return [line];
  return [
    line,
    `With ${shared} a new key ring and a new root are made. If this mesh runs already, say no: the backend is another one, or has lost the state (docs/runbooks/shared-state-lost.md)`,
  ];
}
