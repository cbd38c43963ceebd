import { messageOf } from "../../base/errors";
import { moveFile, readText, writeAtomically } from "../../base/files";
import { sha256 } from "../../base/json";
import { KnotVolume } from "../../knot/config/volume";
import type { Fence } from "../../mesh/fence";
import type { SigningState } from "../../mesh/signing-state";
import type { MeshView } from "../../mesh/view";

/** What survives restarts of the agent, of the pod and of the node. */
export interface AgentState {
  /** The last view that Knot took, verified. Missing before the first. */
  readonly view?: MeshView;
  /** ISO 8601, when `view` was verified. */
  readonly appliedAt?: string;
  /** A view that Knot accepted and that was not verified yet: whoever comes next finishes it rather than undo it. */
  readonly candidate?: MeshView;
  /** Whether this server was ready once: from then on a missing central zone does not make it unready. */
  readonly wasReady: boolean;
  /** The packet's catalog servers that were used last, as JSON: shows when a newer packet has others. */
  readonly catalogs?: string;
  /**
   * Serial of the directory at which a packet with other catalog servers came. Until the directory moves on, the packet's
   * addresses are used beside the known ones: they may be the only way to it.
   */
  readonly packetAhead?: number;
  /** How own zones were signed last; a zone stays here until it was withdrawn and its signatures are gone. */
  readonly signing?: SigningState;
  /** The highest epoch that was ever seen, and which catalog sites are not in it. */
  readonly fence?: Fence;
  /** Addresses of other servers, in Knot's form, that take connections. Knot has no others. */
  readonly reached?: readonly string[];
  /** Names of servers outside the directory that own zones have because the list says so, by zone: they may go when a site goes. */
  readonly serverNames?: Readonly<Record<string, readonly string[]>>;
  /** Own zones that were given their first content. None of them is ever given it again. */
  readonly seeded: readonly string[];
  /** Own zones that this volume lacked when it was new, and that may be elsewhere: none of them begins anew before that is settled. */
  readonly sought?: readonly string[];
  /** Own zones that are taken from a primary outside the mesh, or were until the list stopped saying so and are not wholly ours yet. */
  readonly outside?: readonly string[];
  /** Zones of the mesh that were own zones and went to another owner: Knot's own files go on having them. */
  readonly former?: readonly string[];
}

/** What a fresh volume says. */
export const emptyState: AgentState = { wasReady: false, seeded: [] };

/** What {@link StateStore.load} found. */
export type LoadedState =
  | { readonly kind: "fresh" | "loaded"; readonly state: AgentState }
  /** Neither the state nor its predecessor can be read; files that stand on the volume are the best that is left. */
  | { readonly kind: "damaged"; readonly state: AgentState; readonly reason: string };

/** The state could not be saved. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/**
 * Keeps the state in one file on the volume, the one before beside it, each with a checksum.
 *
 * A damaged state stays damaged on the disk until there is a view again: without one, a saved state would pass for that of
 * a fresh volume at the next start, and every member zone would be purged. Until then changes are kept in memory.
 */
export class StateStore {
  #state: AgentState = emptyState;
  #saving: Promise<void> = Promise.resolve();
  #damage: string | undefined;
  #failure: string | undefined;
  /** Whether the file is known to be whole, and so worth keeping as the one before. */
  #sound = false;

  readonly #path: string;

  constructor(private readonly volume: KnotVolume) {
    this.#path = volume.state;
  }

  get state(): AgentState {
    return this.#state;
  }

  /** False from a load that found a damaged state until a view is saved. */
  get isWhole(): boolean {
    return this.#damage === undefined;
  }

  /** What is wrong with the saved state, as a sentence. */
  get problem(): string | undefined {
    return this.#damage ?? this.#failure;
  }

  /** Reads the state; falls back to the one before when the file is damaged. */
  async load(): Promise<LoadedState> {
    const texts = [await readText(this.#path), await readText(`${this.#path}.old`)];
    if (texts.every((text) => text === undefined)) {
      // The first state is saved before Knot's first files.
      if ((await readText(this.volume.ownStanzas)) === undefined) return { kind: "fresh", state: emptyState };
      return this.#damaged(`${this.#path} is gone, although Knot's files stand beside it`);
    }
    const states = texts.map(decode);
    const found = states.find((state) => state !== undefined);
    this.#sound = states[0] !== undefined;
    this.#state = found ?? emptyState;
    if (found !== undefined) return { kind: "loaded", state: found };
    return this.#damaged(`${this.#path} and the one before are damaged`);
  }

  #damaged(reason: string): LoadedState {
    this.#damage = reason;
    return { kind: "damaged", state: emptyState, reason };
  }

  /**
   * Changes and saves the state; resolved once it is on the disk. Calls are carried out one after the other.
   *
   * @throws StateError when it cannot be saved; the state is then the one before.
   */
  update(change: (state: AgentState) => AgentState): Promise<void> {
    const work = this.#saving.then(async () => {
      const next = change(this.#state);
      if (this.isWhole || next.view !== undefined) await this.#write(encode(next));
      this.#state = next;
    });
    this.#saving = work.catch(() => undefined);
    return work;
  }

  async #write(text: string): Promise<void> {
    try {
      if (this.#sound) await moveFile(this.#path, `${this.#path}.old`);
      this.#sound = false;
      await writeAtomically(this.#path, text);
    } catch (error) {
      this.#failure = `the state cannot be saved: ${messageOf(error)}`;
      throw new StateError(this.#failure, { cause: error });
    }
    this.#sound = true;
    this.#damage = undefined;
    this.#failure = undefined;
  }
}

/**
 * Takes note of which own zones have a content, which are looked for, and which come from outside the mesh. Those that had one
 * and are none of these any more have gone to another owner, as long as the mesh has them.
 *
 * @param after.former - Zones that went earlier, where that is not what the state says.
 */
export function noteSeeded(
  { sought: _, outside: known = [], former: before = [], ...state }: AgentState,
  after: Required<Pick<AgentState, "seeded" | "sought">> & Pick<AgentState, "outside" | "former">,
): AgentState {
  const { seeded, sought, outside = known } = after;
  const own = new Set([...seeded, ...sought, ...outside]);
  const left = [...(after.former ?? before), ...state.seeded, ...known].filter((zone) => !own.has(zone));
  const former = amongZones(state, [...new Set(left)]);
  return {
    ...state,
    seeded,
    ...(sought.length > 0 && { sought }),
    ...(outside.length > 0 && { outside }),
    ...(former.length > 0 && { former }),
  };
}

/** What Knot runs, or is about to; undefined as long as the mesh is not known. */
export function latestView({ view, candidate }: Pick<AgentState, "view" | "candidate">): MeshView | undefined {
  return candidate ?? view;
}

/** Those of these zones that the mesh has; all as long as it is not known. */
export function amongZones(state: Pick<AgentState, "view" | "candidate">, zones: readonly string[]): readonly string[] {
  const view = latestView(state);
  if (view === undefined || zones.length === 0) return zones;
  const names = new Set(view.zones.map(({ name }) => name));
  return zones.filter((zone) => names.has(zone));
}

/** Whether there is nothing to save. Views are large, and one that is equal is the same object. */
export function isSameState(a: AgentState, b: AgentState): boolean {
  const { view, candidate, ...rest } = a;
  const { view: otherView, candidate: otherCandidate, ...otherRest } = b;
  return view === otherView && candidate === otherCandidate && JSON.stringify(rest) === JSON.stringify(otherRest);
}

function encode(state: AgentState): string {
  const json = JSON.stringify(state);
  return `${JSON.stringify({ version: 1, sha256: sha256(json) })}\n${json}\n`;
}

function decode(text: string | undefined): AgentState | undefined {
  const [head = "", body = ""] = (text ?? "").split("\n");
  try {
    const { version, sha256: sum } = JSON.parse(head) as { version?: unknown; sha256?: unknown };
    return version === 1 && sum === sha256(body) ? (JSON.parse(body) as AgentState) : undefined;
  } catch {
    return undefined;
  }
}
