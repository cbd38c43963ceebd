import { join } from "node:path";

import { buildSync } from "esbuild";

import { readInPod } from "../clusters/read-in-pod";
import type { Cluster, PodAddress } from "../clusters/types";
import { eventually } from "../eventually";
import type { PodAnswer, PodLoad } from "./ask-in-pod";

export type { PodLoad } from "./ask-in-pod";

/** Asks that go on. */
interface Asking {
  /** Ends them, and says what they came to. */
  end(): Promise<PodLoad>;
}

/** A pod of a cluster that asks resolvers. */
export class ClientPod {
  #loads = 0;
  readonly #program: string;

  private constructor(
    private readonly cluster: Cluster,
    private readonly pod: PodAddress,
  ) {
    const entryPoints = [join(__dirname, "ask-in-pod.ts")];
    const { outputFiles } = buildSync({ entryPoints, bundle: true, write: false, platform: "node", minify: true });
    this.#program = outputFiles.map(({ text }) => text).join("");
  }

  /** Makes a pod, whose container has Node and a shell, and waits until it runs. */
  static async start(cluster: Cluster, object: PodObject): Promise<ClientPod> {
    const { name: pod, namespace = "default" } = object.metadata;
    const [container] = object.spec.containers;
    // Nobody waits for its end.
    const spec = { ...object.spec, terminationGracePeriodSeconds: 0 };
    await cluster.kubectl(["apply", "-f", "-"], JSON.stringify({ ...object, spec }));
    await cluster.kubectl(["-n", namespace, "wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s"]);
    return new ClientPod(cluster, { namespace, pod, ...(container && { container: container.name }) });
  }

  /** What a resolver answers for each of these names: an address, or what went wrong. */
  async ask(server: string, ...names: readonly string[]): Promise<readonly (PodAnswer | string)[]> {
    return JSON.parse(await this.#node(server, ...names)) as readonly (PodAnswer | string)[];
  }

  /** The first address of a name, by the pod's own C library and settings. @throws Error when it has none. */
  async lookup(name: string): Promise<string> {
    const script = `require("node:dns").lookup(process.argv[1], (error, address) => { process.stdout.write(error ? error.code : address); setTimeout(() => process.exit(), 100); })`;
    return this.cluster.execInPod(this.pod, ["node", "-e", script, name]);
  }

  /** Asks a resolver for names below a zone that nobody asked for before, for as long as it takes until it is ended. */
  async load(server: string, zone: string, perSecond = 50): Promise<Asking> {
    const number = (this.#loads += 1);
    const [end, printed] = [`/tmp/end-${number}`, `/tmp/printed-${number}`];
    const apart = '(node -e "$@" > "$0" 2>&1 < /dev/null &)';
    const args = [printed, this.#program, "load", server, zone, String(perSecond), end];
    await this.cluster.execInPod(this.pod, ["sh", "-c", apart, ...args]);
    return {
      end: async () => {
        await this.cluster.execInPod(this.pod, ["touch", end]);
        return eventually(20, async () => JSON.parse(await readInPod(this.cluster, this.pod, printed)) as PodLoad);
      },
    };
  }

  #node(...args: readonly string[]): Promise<string> {
    return this.cluster.execInPod(this.pod, ["node", "-e", this.#program, ...args]);
  }
}

/** As much of a pod as is read here. */
export interface PodObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly containers: readonly { readonly name: string; readonly [field: string]: unknown }[];
    readonly [field: string]: unknown;
  };
}
