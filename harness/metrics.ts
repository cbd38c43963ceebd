import { spawn } from "node:child_process";

import { expect } from "chai";

import type { ListedMetric } from "../src/contract/metrics";
import { toolPath } from "./tools";

/** A family of a text of Prometheus'. */
interface Family {
  readonly type: string;
  readonly help: string;
  /** Labels that its values have, but for `le`. */
  readonly labels: Set<string>;
  /** Values by the text of their labels, of the name itself. */
  readonly values: Map<string, number>;
}

/** What a program printed, by name. */
export type Printed = ReadonlyMap<string, Family>;

/**
 * Reads a text of Prometheus'.
 *
 * @throws Error for a line that is none, or a value without its heading.
 */
export function readMetrics(text: string): Printed {
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") helps.set(name, rest);
    else if (kind === "TYPE")
      families.set(name, { type: rest, help: helps.get(name) ?? "", labels: new Set(), values: new Map() });
    else takeValue(families, line);
  }
  return families;
}

function takeValue(families: ReadonlyMap<string, Family>, line: string): void {
  const [, name = "", labels = "", value = ""] = /^([a-z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
  if (family === undefined || Number.isNaN(Number(value))) throw new Error(`no value of a metric: ${line}`);
  for (const [, label = ""] of labels.matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g))
    if (label !== "le") family.labels.add(label);
  family.values.set(labels, Number(value));
}

/** Complains about what was printed and is not listed so; returns the names that were. */
export function checkListed(
  printed: Printed,
  listed: Readonly<Record<string, ListedMetric>>,
  by: string,
): readonly string[] {
  for (const [name, { type, help, labels }] of printed) {
    const metric = listed[name];
    expect(metric, `${by} prints ${name}, which is not listed`).to.not.equal(undefined);
    expect({ type, help }, `${by}: ${name}`).to.deep.equal({ type: metric?.type, help: metric?.help });
    expect(metric?.labels ?? [], `${by}: labels of ${name}`).to.include.members([...labels]);
  }
  return [...printed.keys()];
}

/** What Prometheus' own checker says of a text; nothing when it has no complaint. */
export async function promtoolComplaints(text: string): Promise<string> {
  const promtool = spawn(toolPath("promtool"), ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [promtool.stdout, promtool.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => {
      said += part;
    });
  const ended = new Promise<number | null>((resolve, reject) => {
    promtool.once("error", reject);
    promtool.once("close", resolve);
  });
  promtool.stdin.end(text);
  const code = await ended;
  return code === 0 && said.trim() === "" ? "" : `promtool ended with ${code}: ${said}`;
}
