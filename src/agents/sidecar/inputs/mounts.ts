import { messageOf } from "../../../base/errors";
import { isWriter } from "../../../knot/config/site-runtime";
import { CentralFiles } from "./central-files";
import { type Inputs, InputWatch } from "./inputs";
import type { AgentOptions } from "./options";

/** What a look at the mounts found. */
export interface MountsSeen {
  /** The last usable packet and ring; undefined when there never were any. */
  readonly inputs: Inputs | undefined;
  /** Whether packet or ring are others than at the look before. */
  readonly changed: boolean;
  /** Central zones whose files on the volume were written anew. */
  readonly written: readonly string[];
  /** What cannot be used, as sentences. */
  readonly failures: readonly string[];
}

/** Everything that the site's stack mounts into the pod and that may change while it runs. */
export class Mounts {
  #inputs: Inputs | undefined;
  readonly #watch: InputWatch;
  readonly #central: CentralFiles | undefined;

  /** @param now - Milliseconds since 1970. */
  constructor(options: AgentOptions, now: () => number) {
    this.#watch = new InputWatch(options, now);
    if (options.centralFolder !== undefined && isWriter(options.runtime)) {
      this.#central = new CentralFiles({ folder: options.centralFolder, storage: options.runtime.storage, now });
    }
  }

  get inputs(): Inputs | undefined {
    return this.#inputs;
  }

  /** Looks, and takes over what changed and can be used. Whatever cannot leaves what was there before. */
  async look(): Promise<MountsSeen> {
    const failures: string[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        failures.push(messageOf(error));
        return undefined;
      }
    };
    const inputs = await attempt(() => this.#watch.changed());
    this.#inputs = inputs ?? this.#inputs;
    const { packet } = this.#inputs ?? {};
    const central = packet && (await attempt(async () => this.#central?.take(packet)));
    if (central?.kind === "incomplete") {
      failures.push("the mounted parts of the central zones do not belong together (yet)");
    }
    const written = central?.kind === "written" ? central.zones : [];
    return { inputs: this.#inputs, changed: inputs !== undefined, written, failures };
  }
}
