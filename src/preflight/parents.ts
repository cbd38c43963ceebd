import { inParallel } from "../base/in-parallel";
import { DnsClient, type DnsServer } from "../dns/client/dns-client";
import { machineResolvers, ParentReader } from "../dns/client/parent-reader";
import type { DelegationRecords } from "../mesh/name-servers";
import { compareParent, parentSentence, type ParentState } from "../mesh/parent";

/** Milliseconds for an answer; a question that is lost is asked once more. */
const answerMs = 1500;
/** Parents change seldom, and are other people's: each is asked once in so long, in milliseconds. */
const rememberedMs = 60_000;
/** Zones whose parents are asked in one look. */
const mostZones = 100;
const width = 16;

/** A zone with what its parent should have. */
export interface DelegatedZone {
  readonly zone: string;
  readonly records: DelegationRecords;
}

/** What parents outside the mesh have, by zone, and how many zones were left out. */
export interface ParentStates {
  readonly states: ReadonlyMap<string, ParentState>;
  readonly left: number;
}

/** Compares what parents outside the mesh have with what they should have, by way of a resolver. */
export class Parents {
  #last:
    | {
        readonly at: number;
        readonly states: ReadonlyMap<string, { readonly wanted: string; readonly state: ParentState }>;
      }
    | undefined;

  /** @param resolvers - Those that are asked where parents are. @default those of this machine */
  constructor(private readonly resolvers: readonly DnsServer[] = machineResolvers()) {}

  async look(zones: readonly DelegatedZone[]): Promise<ParentStates> {
    const asked = zones.slice(0, mostZones);
    const known = this.#last !== undefined && Date.now() - this.#last.at < rememberedMs ? this.#last : undefined;
    const states = new Map(known?.states);
    const reader = new ParentReader({
      dns: new DnsClient({ timeoutMs: answerMs }),
      recursive: new DnsClient({ timeoutMs: answerMs, recursive: true }),
      resolvers: this.resolvers,
    });
    await inParallel(width, asked, async ({ zone, records }) => {
      const wanted = JSON.stringify(records);
      if (states.get(zone)?.wanted === wanted) return;
      states.set(zone, { wanted, state: compareParent(zone, records, await reader.read(zone)) });
    });
    this.#last = { at: known?.at ?? Date.now(), states };
    return {
      states: new Map(
        asked.flatMap(({ zone }) => {
          const state = states.get(zone)?.state;
          return state === undefined ? [] : [[zone, state] as const];
        }),
      ),
      left: zones.length - asked.length,
    };
  }
}

/** What parents have, a line for each zone: an output of the owner's stack. */
export async function parentSentences(
  zones: Readonly<Record<string, DelegationRecords>>,
  parents: Pick<Parents, "look"> = new Parents(),
): Promise<Record<string, string>> {
  const { states } = await parents.look(Object.entries(zones).map(([zone, records]) => ({ zone, records })));
  return Object.fromEntries([...states].map(([zone, state]) => [zone, parentSentence(zone, state)]));
}
