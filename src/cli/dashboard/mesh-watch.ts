import { isAborted } from "../../base/clock";
import { messageOf } from "../../base/errors";
import type { Mesh } from "../../mesh/model";
import type { StatusReport } from "../status-report";
import { History } from "./history";
import { type ContentState, type PageState, pageState } from "./page-state";

/** What {@link MeshWatch} works with. */
export interface WatchParts {
  readonly mesh: Mesh;
  readonly version: string;
  /** One look at everything, as `mesh status` takes it, after the last one that did not fail. `turn` rises from look to look. */
  readonly look: (turn: number, last: StatusReport | undefined) => Promise<StatusReport>;
  readonly everySeconds: number;
  /** Compares all zones' content, where that is wanted. */
  readonly compare?: { readonly everySeconds: number; readonly run: () => Promise<ContentState> };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends early, and does not fail, with the signal. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Looks at a mesh again and again, and hands on what the page shows. */
export class MeshWatch {
  readonly #history = new History();
  readonly #listeners = new Set<(state: PageState) => void>();
  #report: StatusReport | undefined;
  #trouble: string | undefined;
  #content: ContentState | undefined;
  #state: PageState;

  constructor(private readonly parts: WatchParts) {
    this.#state = this.#stateNow();
  }

  /** The last state. */
  get state(): PageState {
    return this.#state;
  }

  /** Calls the listener with each state from now on, until disposed of. */
  listen(listener: (state: PageState) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Ends with the signal. What fails is shown, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#lookOn(signal), this.#compareOn(signal)]);
  }

  /** One look. Its own failure is part of the state. */
  async lookOnce(turn: number): Promise<void> {
    try {
      this.#report = await this.parts.look(turn, this.#report);
      this.#trouble = undefined;
      this.#history.add(this.#report);
    } catch (error) {
      this.#trouble = lineOf(error);
      this.#history.addFailure(this.#time());
    }
    this.#handOn();
  }

  async #lookOn(signal: AbortSignal): Promise<void> {
    const { everySeconds, now, pause } = this.parts;
    for (let turn = now(); !isAborted(signal); turn++) {
      await this.lookOnce(turn);
      await pause(everySeconds * 1000, signal);
    }
  }

  async #compareOn(signal: AbortSignal): Promise<void> {
    const { compare, pause } = this.parts;
    if (compare === undefined) return;
    while (!isAborted(signal)) {
      try {
        this.#content = await compare.run();
      } catch (error) {
        // What was found before is of then: a comparison that fails must not leave it standing as if it were of now.
        this.#content = { at: this.#time(), copies: 0, differing: [], failures: [lineOf(error)] };
      }
      this.#handOn();
      await pause(compare.everySeconds * 1000, signal);
    }
  }

  #handOn(): void {
    this.#state = this.#stateNow();
    for (const listener of this.#listeners) listener(this.#state);
  }

  #stateNow(): PageState {
    const { mesh, version, everySeconds } = this.parts;
    return pageState({
      ...{ mesh, version, everySeconds, report: this.#report, history: this.#history.view() },
      ...(this.#trouble !== undefined && { trouble: this.#trouble }),
      ...(this.#content && { content: this.#content }),
    });
  }

  #time(): string {
    return new Date(this.parts.now()).toISOString();
  }
}

/** What went wrong, on a line: more of an error may quote what is not to be seen. */
function lineOf(error: unknown): string {
  return messageOf(error).split("\n")[0] ?? "";
}
