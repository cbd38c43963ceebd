import { KubeError } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import { servedKinds } from "../../kube/served-kinds";
import { apiPath, type SourceApi } from "../../records/sources/kinds";

/** For so many milliseconds an answer holds: many watches ask at a time. */
const heldMs = 3000;

/** Finds out which version of a kind the cluster serves, if any: its definition comes, changes and goes. */
export class KindFinder {
  readonly #held = new Map<string, { readonly at: number; readonly plurals: Promise<ReadonlySet<string>> }>();

  constructor(
    private readonly client: Pick<KubeClient, "get">,
    private readonly elapsed: () => number = () => performance.now(),
  ) {}

  /**
   * The path of the first of a kind's versions that is served.
   *
   * @throws KubeError; `NotFound` when none is.
   */
  async find(api: SourceApi): Promise<string> {
    const paths = api.versions.map((version) => apiPath(api, version));
    for (const path of paths) if ((await this.#plurals(path)).has(api.plural)) return path;
    const what = `the cluster has no ${api.plural} of ${api.group} (${api.versions.join(", ")})`;
    throw new KubeError(`${what}: their definition is not installed`, { status: 404, reason: "NotFound" });
  }

  /** Names of what a version of a group has; none where it is not there. */
  #plurals(path: string): Promise<ReadonlySet<string>> {
    const held = this.#held.get(path);
    if (held !== undefined && this.elapsed() - held.at < heldMs) return held.plurals;
    const plurals = this.#ask(path);
    this.#held.set(path, { at: this.elapsed(), plurals });
    return plurals;
  }

  async #ask(path: string): Promise<ReadonlySet<string>> {
    return (await servedKinds(this.client, path)) ?? new Set();
  }
}
