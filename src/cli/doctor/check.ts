import { messageOf } from "../../base/errors";
import { printable } from "../../base/text";

/** What a check came to. `unknown` could not be made, and is not fine; `hint` works, and is better known. */
export type State = "ok" | "hint" | "unknown" | "wrong";

/** One thing that was looked at. */
export interface Finding {
  /** What is checked: stays the same between releases. */
  readonly check: string;
  /** The machine, a file, a site, or two. */
  readonly where: string;
  readonly state: State;
  readonly said: string;
  readonly cure?: string;
}

/** What a check has to say; undefined when all is well. */
export type Verdict =
  { readonly state: Exclude<State, "ok">; readonly said: string; readonly cure: string } | undefined;

/** Something to look at. */
export interface Check {
  readonly check: string;
  readonly where: string;
  /** What is true when all is well. */
  readonly fine: string;
  readonly look: () => Verdict | Promise<Verdict>;
}

/** A fault with its cure. */
export function wrong(said: string, cure: string): Verdict {
  return { state: "wrong", said, cure };
}

/** What works, and is better known. */
export function hint(said: string, cure: string): Verdict {
  return { state: "hint", said, cure };
}

/** What could not be looked at. */
export function unknown(said: string, cure: string): Verdict {
  return { state: "unknown", said, cure };
}

/** Makes a check. One that fails was not made, which is not "fine". */
export async function made({ check, where, fine, look }: Check): Promise<Finding> {
  try {
    const verdict = await look();
    return verdict === undefined ? { check, where, state: "ok", said: fine } : { check, where, ...verdict };
  } catch (error) {
    const said = `could not be checked: ${messageOf(error)}`;
    return { check, where, state: "unknown", said, cure: "mend what is in the way, and run mesh doctor again" };
  }
}

const rank: Readonly<Record<State, number>> = { wrong: 0, unknown: 1, hint: 2, ok: 3 };

/** Findings for a reader: what is wrong first, and what is fine as a number. */
export function findingLines(findings: readonly Finding[]): readonly string[] {
  const told = findings.filter(({ state }) => state !== "ok").sort((one, other) => rank[one.state] - rank[other.state]);
  const fine = findings.length - told.length;
  return [
    ...told.flatMap(({ where, state, said, cure }) => [
      // What a cluster or an engine said has lines of its own, which must not pass for findings.
      `${state.padEnd(7)} ${where}: ${said.split("\n").map(printable).join("\n          ")}`,
      `        → ${cure ?? ""}`,
    ]),
    `${fine} of ${findings.length} checks found nothing to mend`,
  ];
}

/** Whether somebody should look: something is wrong, or could not be checked. */
export function needsCare(findings: readonly Finding[]): boolean {
  return findings.some(({ state }) => state === "wrong" || state === "unknown");
}
