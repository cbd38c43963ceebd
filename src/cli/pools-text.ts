import { table } from "../base/table";
import type { PoolReport, WouldBe } from "./pools-report";

const named = (names: readonly string[]): string => (names.length === 0 ? "-" : names.join(","));

/** Pools for people, whose texts a terminal may have: a row for each target, with what each site sees of it. */
export function poolsTable(pools: readonly PoolReport[]): string {
  const heading = ["pool", "type", "decided by", "healthy", "target", "answered", "up at", "down at"];
  const rows = pools.flatMap(({ name, type, owner, verdict, targets }) =>
    targets.map(({ value, answered, up, down }, i) => [
      ...(i === 0 ? [name, type, owner, verdict ?? "?"] : ["", "", "", ""]),
      ...[value, answered ? "yes" : "-", named(up), named(down)],
    ]),
  );
  return table([heading, ...rows]);
}

/** A pool, and what would be of it. */
export interface PoolOutlook extends PoolReport {
  /** Missing where it is not known. */
  readonly then?: WouldBe;
}

/** What would be of pools, for people: those that change first. */
export function outlookTable(pools: readonly PoolOutlook[], without: readonly string[]): string {
  const rows = pools.toSorted((a, b) => Number(isSame(a)) - Number(isSame(b)));
  return table([
    ["pool", "type", "answer", `without ${without.join(", ")}`, "healthy", ""],
    ...rows.map((pool) => [
      ...[pool.name, pool.type, named(pool.answer)],
      ...(pool.then === undefined
        ? ["?", "?", "its checks could not be read"]
        : [isSame(pool) ? "the same" : named(pool.then.answer), pool.then.verdict ?? "?", pool.then.note ?? ""]),
    ]),
  ]);
}

function isSame({ answer, then }: PoolOutlook): boolean {
  return then !== undefined && then.answer.join() === answer.join();
}
