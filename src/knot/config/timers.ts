import { hash32 } from "../../base/text";

/** How often a server asks for a zone that it takes from others, in seconds. */
export interface Timers {
  /** At least so long from one look to the next, whatever the SOA says. */
  readonly refresh: number;
  /** Between attempts after a look that failed. */
  readonly retry: number;
}

/** What timers depend on: the size of the mesh, and a name that spreads them. */
export interface TimerInput {
  readonly sites: number;
  readonly zones: number;
  /** Servers that are asked at each look: Knot asks all of a zone's primaries. */
  readonly sources: number;
  /** Servers with another text look at other times. */
  readonly spread: string;
}

/** Queries a second that one server sends at most to look after its members. */
const memberBudget = 2;
/** Looks a second at the central zones, of all sites together, before they become rarer. */
const centralBudget = 20;

/**
 * For members: five minutes, doubled until all of them together cost at most two queries a second. Changes come by
 * NOTIFY, which is repeated until it is heard; looks only find what was missed while an agent was away.
 *
 * Doubling keeps the figure from following each zone that comes or goes: a changed one takes a reload of everything.
 */
export function memberTimers(input: TimerInput): Timers {
  const refresh = doubled(300, (input.zones * input.sources) / memberBudget, 19_200);
  return { refresh: spreadOut(refresh, input.spread), retry: refresh / 10 };
}

/** For the central zones: one minute, doubled with the number of sites, since all of them ask the same few servers. */
export function centralTimers(input: Omit<TimerInput, "zones">): Timers {
  const refresh = doubled(60, (2 * input.sites) / centralBudget, 1920);
  return { refresh: spreadOut(refresh, input.spread), retry: refresh / 6 };
}

function doubled(least: number, wanted: number, most: number): number {
  let seconds = least;
  while (seconds < wanted && seconds < most) seconds *= 2;
  return seconds;
}

/** Up to half as long again: servers that took a change at the same moment do not all look again at the same moment. */
function spreadOut(seconds: number, text: string): number {
  return Math.round(seconds * (1 + hash32(text) / 2 ** 33));
}
