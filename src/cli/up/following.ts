import { printableText } from "../../base/text";
import type { Site } from "../../mesh/model";
import { primaryOf, withoutAddress } from "../../mesh/waiting";
import { readList } from "../list/list-file";
import { rewrite } from "../list/write";
import { type AddressFinder, askForAddresses, autoSites, type FoundAddresses } from "../site-addresses";
import { stackOf } from "../stacks/reader";
import { stackText } from "../stacks/stack-file";
import { bringUp, type UpOutcome, type UpRequest } from "./bring-up";
import { type Choice, type Stages, stagesOf } from "./order";
import { withAddresses } from "./taken";

/** What an `up` is made of in which sites get their addresses from load balancers. */
export interface FollowingRequest extends Omit<UpRequest, "stages"> {
  /** The shared stack's file, into which found addresses are written. */
  readonly file: string;
  readonly choice: Choice;
  readonly find: AddressFinder;
  /** Milliseconds that a load balancer has. */
  readonly patienceMs: number;
  readonly pause: (ms: number) => Promise<void>;
}

const betweenLooksMs = 3000;

/**
 * Brings stacks up as {@link bringUp} does. Sites that wait for an address come up in two steps: their Services, after the shared
 * stack has told of them, and then, once the addresses are in the list, everything in the usual order. One that gets no address stays
 * out of it, and keeps no other from going on, unless it is the primary. When an address is another one at the end, as
 * after a change of a Service's settings, the list follows and is brought up once more.
 */
export async function bringUpFollowing(options: FollowingRequest): Promise<UpOutcome> {
  const { file, choice } = options;
  const print = (line: string): void => {
    // What clusters say must not pass for lines of our own.
    options.print(printableText(line));
  };
  const request = { ...options, print };
  const outcomes: UpOutcome[] = [];
  const up = async (stages: Stages): Promise<boolean> => {
    const outcome = await bringUp({ ...request, stages });
    outcomes.push(outcome);
    return isWhole(outcome);
  };
  const all = (): readonly string[] => stagesOf(file, listIn(file).mesh, choice).flat();
  const late = new Map<string, string>();
  const waiting = wantedOf(request, withoutAddress);
  if (waiting.length > 0) {
    if (!(await up([[stackOf(file)], waiting.map(({ name }) => name)])))
      return together(outcomes, { late, left: all() });
    for (const [site, reason] of await placed(waiting, request)) late.set(site, reason);
    if (request.signal.aborted || late.has(primaryOf(listIn(file).mesh)))
      return together(outcomes, { late, left: all() });
  }
  const rest = stagesOf(file, listIn(file).mesh, choice).map((stage) => stage.filter((stack) => !late.has(stack)));
  if (!(await up(rest)) || request.signal.aborted) return together(outcomes, { late, left: [] });
  const moved = await taken(
    wantedOf(request, autoSites).filter(({ name }) => !late.has(name)),
    request,
  );
  const primary = primaryOf(listIn(file).mesh);
  if (moved.length > 0) await up([[stackOf(file)], [primary], moved.filter((site) => site !== primary)]);
  return together(outcomes, { late, left: [] });
}

function isWhole({ failed, interrupted, left }: UpOutcome): boolean {
  return failed.length + interrupted.length + left.length === 0;
}

function listIn(file: string) {
  return readList(file, stackText(file));
}

/** Sites of a kind that are to be brought up. */
function wantedOf(
  { file, choice }: FollowingRequest,
  of: (mesh: ReturnType<typeof listIn>["mesh"]) => readonly Site[],
): readonly Site[] {
  const { mesh } = listIn(file);
  const wanted = new Set(stagesOf(file, mesh, choice).flat());
  return of(mesh).filter(({ name }) => wanted.has(name));
}

/** Waits for the addresses of new sites, and writes them into the list. Returns why some have none, by site. */
async function placed(waiting: readonly Site[], request: FollowingRequest): Promise<ReadonlyMap<string, string>> {
  const { print, pause, now, patienceMs, signal } = request;
  const found = new Map<string, FoundAddresses>();
  const until = now() + patienceMs;
  print(
    `waiting for the load balancers of ${waiting.map(({ name }) => name).join(", ")}, ${Math.round(patienceMs / 1000)} s at most`,
  );
  for (;;) {
    const open = waiting.filter(({ name }) => !isSettled(found.get(name)));
    for (const [site, each] of await askForAddresses(open, request.find)) found.set(site, each);
    const isDone = waiting.every(({ name }) => isSettled(found.get(name)));
    if (isDone || signal.aborted || now() >= until) break;
    await pause(betweenLooksMs);
  }
  const refused = await write(found, request);
  const late = waiting.flatMap(({ name }): readonly (readonly [string, string])[] => {
    const each = found.get(name);
    const reason = each?.kind === "given" ? refused.get(name) : (each?.reason ?? "its cluster was not asked");
    return reason === undefined ? [] : [[name, `it stays out of the directory: ${reason}`]];
  });
  for (const [site, reason] of late) print(`${site}: ${reason}`);
  return new Map(late);
}

/** Whether another look would not help. */
function isSettled(found: FoundAddresses | undefined): boolean {
  return found?.kind === "given" || found?.kind === "unusable";
}

/** Puts addresses that differ into the list. Returns the sites that have other ones now. */
async function taken(sites: readonly Site[], request: FollowingRequest): Promise<readonly string[]> {
  const found = await askForAddresses(sites, request.find);
  const moved = sites.filter((site) => {
    const each = found.get(site.name);
    return each?.kind === "given" && each.addresses !== site.addresses;
  });
  const refused = await write(new Map(moved.flatMap(({ name }) => entryOf(found, name))), request);
  for (const [site, reason] of refused) request.print(`${site}: warning: the list stays as it is: ${reason}`);
  return moved.map(({ name }) => name).filter((site) => !refused.has(site));
}

function entryOf(
  found: ReadonlyMap<string, FoundAddresses>,
  site: string,
): readonly (readonly [string, FoundAddresses])[] {
  const each = found.get(site);
  return each === undefined ? [] : [[site, each]];
}

/** Writes addresses into the list. Returns why the list cannot have some, by site. */
async function write(
  found: ReadonlyMap<string, FoundAddresses>,
  { file, print }: FollowingRequest,
): Promise<ReadonlyMap<string, string>> {
  const before = stackText(file);
  const { text, taken: sites, refused } = withAddresses(file, before, found);
  if (text !== before) await rewrite({ file, before, text });
  for (const { said } of sites) print(said);
  return new Map(refused.map(({ site, reason }) => [site, reason]));
}

/** Several outcomes as one. What is left is to be brought up (again), whatever was done of it. */
function together(
  outcomes: readonly UpOutcome[],
  { late, left }: { readonly late: ReadonlyMap<string, string>; readonly left: readonly string[] },
): UpOutcome {
  const failed = [
    ...outcomes.flatMap((outcome) => outcome.failed),
    ...[...late].map(([stack, reason]) => ({ stack, reason })),
  ];
  const interrupted = outcomes.flatMap((outcome) => outcome.interrupted);
  const stopped = new Set([...failed.map(({ stack }) => stack), ...interrupted]);
  const open = [...outcomes.flatMap((outcome) => outcome.left), ...left].filter((stack) => !stopped.has(stack));
  return { done: outcomes.flatMap((outcome) => outcome.done), failed, interrupted, left: [...new Set(open)] };
}
