import type { Cluster } from "../../harness/clusters";
import { Random } from "./random";

/** What happens to a site in a cluster, or to one of its two pods; and for how many seconds, at least and at most. */
const kinds = {
  "kill-knot": [1, 2],
  "kill-agent": [1, 2],
  "stop-knot": [3, 8],
  "stop-agent": [3, 8],
  "api-gone": [8, 16],
  cut: [6, 14],
} as const;

type Kind = keyof typeof kinds;

/** One fault of a site in a cluster. */
export interface ClusterFault {
  readonly kind: Kind;
  readonly site: string;
  readonly pod: number;
  readonly seconds: number;
}

/** Rounds of one fault or two at different sites, which follow from a seed. Each kind comes before any comes again. */
export function planClusterRounds(
  seed: number,
  { rounds, sites }: { readonly rounds: number; readonly sites: readonly string[] },
): readonly (readonly ClusterFault[])[] {
  const random = new Random(seed);
  let deck: Kind[] = [];
  const draw = (among: readonly string[]): ClusterFault => {
    if (deck.length === 0) deck = random.shuffled(Object.keys(kinds) as Kind[]);
    const kind = deck.pop() ?? "cut";
    const [least, most] = kinds[kind];
    return { kind, site: random.pick(among), pod: random.next() < 0.5 ? 0 : 1, seconds: random.tenths(least, most) };
  };
  return Array.from({ length: rounds }, (_, i) => {
    const first = draw(sites);
    return i % 3 === 2 ? [first, draw(sites.filter((site) => site !== first.site))] : [first];
  });
}

/** Pods that a fault hurts, by `site/ordinal`. */
export function hurtBy({ kind, site, pod }: ClusterFault): readonly string[] {
  if (kind === "api-gone") return [];
  return kind === "cut" ? [`${site}/0`, `${site}/1`] : [`${site}/${pod}`];
}

/** Begins a fault. Returns how it ends; what was killed is started by Kubernetes. */
export async function beginClusterFault(cluster: Cluster, { kind, pod }: ClusterFault): Promise<() => Promise<void>> {
  const container = kind.endsWith("knot") ? "knot" : "agent";
  const address = { namespace: "dns-system", pod: `knot-${pod}`, container };
  switch (kind) {
    case "kill-knot":
    case "kill-agent":
      await cluster.kill(address);
      return () => Promise.resolve();
    case "stop-knot":
    case "stop-agent":
      await cluster.signal(address, "SIGSTOP");
      // Its container may have been started anew meanwhile, since it did not show that it lives.
      return () => cluster.signal(address, "SIGCONT").catch(() => undefined);
    case "api-gone":
      await cluster.stopApiServer();
      return () => cluster.startApiServer();
    case "cut":
      await cluster.cut();
      return () => cluster.heal();
  }
}
