import type { Held } from "../../../mesh/view";
import { viewHash } from "../../../mesh/view-hash";
import { lifetime } from "../credentials/identity";
import type { Observed } from "../discovery";
import type { Inputs } from "../inputs/inputs";
import type { AgentState } from "../state-store";
import type { AgentCounters, AgentStatus, Problem } from "./status";

/** What the agent knows of itself; readiness and the DNS counters are the worker's. */
export type AgentFacts = Omit<AgentStatus, "ready" | "emptyZones" | "dnssec" | "counters"> & {
  readonly counters: Pick<AgentCounters, "passes" | "reloads">;
};

/** Puts together what {@link AgentFacts} tell. */
export function agentFacts(o: {
  readonly inputs: Inputs | undefined;
  readonly pod: string;
  readonly state: AgentState;
  readonly observed: Observed;
  readonly held: readonly Held[];
  readonly problems: readonly Problem[];
  readonly counters: AgentFacts["counters"];
}): AgentFacts {
  const { inputs, pod, state, held, problems, counters } = o;
  const { view, appliedAt } = state;
  const { directorySerial, catalogSerial } = o.observed;
  return {
    ...{ site: inputs?.packet.site.name ?? "", pod, held, problems, counters },
    ...(inputs?.identity && { certificateEnds: new Date(lifetime(inputs.identity).to).toISOString() }),
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
