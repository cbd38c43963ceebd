import { createHash } from "node:crypto";
import { join } from "node:path";
import { moveFile, readText, writeAtomically } from "../../base/files";
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
  /** Own zones that were given their first content. None of them is ever given it again. */
  readonly seeded: readonly string[];
}

/** What a fresh volume says. */
export const emptyState: AgentState = { wasReady: false, seeded: [] };

/** What {@link StateStore.load} found. */
export type LoadedState =
  | { readonly kind: "fresh" | "loaded"; readonly state: AgentState }
  /** Neither the state nor its predecessor can be read; files that stand on the volume are the best that is left. */
  | { readonly kind: "damaged"; readonly state: AgentState; readonly reason: string };

/** Keeps the state in one file on the volume, the one before beside it, each with a checksum. */
export class StateStore {
  #state: AgentState = emptyState;
  #saving: Promise<void> = Promise.resolve();
  /** Whether the file is known to be whole, and so worth keeping as the one before. */
  #sound = false;

  /** @param path - The file, on the volume. */
  constructor(readonly path: string) {}

  get state(): AgentState {
    return this.#state;
  }

  /** Reads the state; falls back to the one before when the file is damaged. */
  async load(): Promise<LoadedState> {
    const texts = [await readText(this.path), await readText(`${this.path}.old`)];
    if (texts.every((text) => text === undefined)) return { kind: "fresh", state: emptyState };
    const states = texts.map(decode);
    const found = states.find((state) => state !== undefined);
    this.#sound = states[0] !== undefined;
    this.#state = found ?? emptyState;
    return found === undefined
      ? { kind: "damaged", state: emptyState, reason: `${this.path} and the one before are damaged` }
      : { kind: "loaded", state: found };
  }

  /** Changes and saves the state; resolved once it is on the disk. Calls are carried out one after the other. */
  update(change: (state: AgentState) => AgentState): Promise<void> {
    const work = this.#saving.then(async () => {
      const next = change(this.#state);
      const text = encode(next);
      if (this.#sound) await moveFile(this.path, `${this.path}.old`);
      this.#sound = false;
      await writeAtomically(this.path, text);
      this.#sound = true;
      this.#state = next;
    });
    this.#saving = work.catch(() => undefined);
    return work;
  }
}

/** Whether there is nothing to save. Views are large, and one that is equal is the same object. */
export function isSameState(a: AgentState, b: AgentState): boolean {
  const { view, candidate, ...rest } = a;
  const { view: otherView, candidate: otherCandidate, ...otherRest } = b;
  return view === otherView && candidate === otherCandidate && JSON.stringify(rest) === JSON.stringify(otherRest);
}

/** Where the state stands on the volume. */
export function statePath(storage: string): string {
  return join(storage, "mesh", "state.json");
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

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
