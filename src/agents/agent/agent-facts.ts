import type { Held } from "../../plan/view";
import { viewHash } from "../../plan/view-hash";
import type { Observed } from "./discovery";
import type { AgentState } from "./state-store";
import type { AgentCounters, AgentStatus, Problem } from "./status";

/** What the agent knows of itself; readiness and the DNS counters are the worker's. */
export type AgentFacts = Omit<AgentStatus, "ready" | "emptyZones" | "counters"> & {
  readonly counters: Pick<AgentCounters, "passes" | "reloads">;
};

/** Puts together what {@link AgentFacts} tell. */
export function agentFacts(o: {
  readonly site: string;
  readonly pod: string;
  readonly state: AgentState;
  readonly observed: Observed;
  readonly held: readonly Held[];
  readonly problems: readonly Problem[];
  readonly counters: AgentFacts["counters"];
}): AgentFacts {
  const { site, pod, state, held, problems, counters } = o;
  const { view, appliedAt } = state;
  const { directorySerial, catalogSerial } = o.observed;
  return {
    ...{ site, pod, held, problems, counters },
    ...(view !== undefined && {
      applied: {
        directorySerial: view.directorySerial,
        catalogSerial: view.catalogSerial,
        hash: viewHash(view),
        at: appliedAt ?? "",
      },
    }),
    observed: {
      ...(directorySerial !== undefined && { directorySerial }),
      ...(catalogSerial !== undefined && { catalogSerial }),
    },
    peers: Math.max(0, (view?.sites.length ?? 0) - 1),
    zones: view?.zones.length ?? 0,
  };
}
