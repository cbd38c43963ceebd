import type { HttpRoutes } from "../../../base/http-server";
import type { KeptKeys } from "../../../contract/kept-keys";
import type { Readiness } from "./readiness";
import type { AgentStatus } from "./status";

/** What the routes report, and what they cause. */
export interface RouteParts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly isStuck: () => boolean;
  readonly readiness: () => Promise<Readiness>;
  readonly status: () => AgentStatus;
  /** As text for Prometheus. */
  readonly metrics: () => Promise<string>;
  /** The copy of the zones' keys that is to be kept elsewhere, sealed; undefined when there is none. */
  readonly zoneKeys: () => KeptKeys | undefined;
  /** Looks for changed zones now. */
  readonly announce: () => void;
  /** What the program that pushes backups may ask for; nothing beside a pod that does not write. */
  readonly backups: HttpRoutes;
  /** Where the site's reconciler reports. */
  readonly reconciler: HttpRoutes;
  /** Makes a pass that renders, loads and plans everything anew. */
  readonly poke: () => void;
}

/** How often a poke counts. */
const pokeEveryMs = 5000;

/** What the agent's HTTP server answers: probes, status and metrics, and two requests to look again. */
export function agentRoutes(parts: RouteParts): HttpRoutes {
  let pokeAt = 0;
  return {
    "GET /ready": async () => {
      const readiness = await parts.readiness();
      return readiness.ready ? { status: 200, body: "ready\n" } : { status: 503, body: `${readiness.reason}\n` };
    },
    "GET /live": () => (parts.isStuck() ? { status: 500, body: "stuck\n" } : { status: 200, body: "live\n" }),
    "GET /status": () => ({ status: 200, body: parts.status() }),
    "GET /metrics": async () => ({ status: 200, body: await parts.metrics() }),
    "GET /zone-keys": () => {
      const copy = parts.zoneKeys();
      return copy === undefined ? { status: 404, body: "no keys to keep\n" } : { status: 200, body: copy };
    },
    ...parts.backups,
    ...parts.reconciler,
    "POST /announce": () => {
      parts.announce();
      return { status: 202, body: "looking\n" };
    },
    "POST /poke": () => {
      // Each poke costs a reload and two transfers, and anybody in the pod network can ask for it.
      if (parts.now() < pokeAt) return { status: 202, body: "poked already\n" };
      pokeAt = parts.now() + pokeEveryMs;
      parts.poke();
      return { status: 202, body: "poked\n" };
    },
  };
}
