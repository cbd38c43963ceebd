import { isDeepStrictEqual } from "node:util";

import type { DiagnosticEvent, EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation";

/** One resource that an operation changes. */
export interface ResourceStep {
  readonly op: string;
  /** As in `kubernetes:apps/v1:StatefulSet`. */
  readonly type: string;
  readonly name: string;
  /** Properties that differ, by their paths. Their values are nobody's business: some are secret. */
  readonly paths: readonly string[];
}

const quiet = ["same", "read", "refresh", "discard", "read-discard"];

/** The resources that an operation changes or would change, in the engine's order. */
export function stepsIn(events: readonly EngineEvent[]): readonly ResourceStep[] {
  return events.flatMap(({ resourcePreEvent }) => {
    const metadata = resourcePreEvent?.metadata;
    return metadata === undefined || quiet.includes(metadata.op) ? [] : [stepOf(metadata)];
  });
}

/** What a step of the engine is about. */
function stepOf(metadata: StepEventMetadata): ResourceStep {
  const { op, type, urn } = metadata;
  return { op, type, name: nameOf(urn), paths: [...pathsOf(metadata)].sort() };
}

/** What differs. The engine does not say it of providers of whose resources it read first what is there. */
function pathsOf({ op, detailedDiff, diffs, old, new: next }: StepEventMetadata): readonly string[] {
  const paths = Object.keys((detailedDiff as object | null | undefined) ?? {});
  if (paths.length > 0) return paths;
  const told = (diffs as string[] | null | undefined) ?? [];
  return told.length > 0 || op !== "update" ? told : differing(inputsOf(old), inputsOf(next));
}

function inputsOf(state: StepEventMetadata["old"]): Readonly<Record<string, unknown>> {
  return (state?.inputs as Record<string, unknown> | null | undefined) ?? {};
}

function differing(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isDeepStrictEqual(before[key], after[key]));
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** What a user of the program has to read of an exception: an error meant for users has no stack. */
function withoutStack(message: string): string {
  const match = /^(?:Unhandled exception: )?UserError: ([\s\S]*?)(?:\n\s+at [\s\S]*)?$/.exec(message);
  return match?.[1] ?? message;
}

function lineOf(event: DiagnosticEvent): string {
  const name = event.urn?.split("::").slice(2).join(" ");
  const isStack = name === undefined || name === "" || name.includes("pulumi:pulumi:Stack");
  return `${isStack ? "" : `${name}: `}${withoutStack(event.message.trim())}`;
}

/** What policy packs have against resources, in one line each. Whatever is not mandatory is advice. */
function policyLines(events: readonly EngineEvent[], level: "mandatory" | "advisory"): readonly string[] {
  return events.flatMap(({ policyEvent: event }) => {
    if (event === undefined || (event.enforcementLevel === "mandatory") !== (level === "mandatory")) return [];
    // The engine marks colours in it even where there are none.
    const said = event.message
      .replaceAll(/<\{%.*?%\}>/g, "")
      .trim()
      .split(/\s*\n\s*/);
    const about = event.resourceUrn === undefined || event.resourceUrn === "" ? "" : `${nameOf(event.resourceUrn)}: `;
    return [`policy ${event.policyPackName}/${event.policyName}: ${about}${said.join(" ")}`];
  });
}

/** The errors that the engine reported, with the warnings about the same resources; each once. */
export function diagnosticsIn(events: readonly EngineEvent[]): string[] {
  const reported = events.flatMap(({ diagnosticEvent }) => (diagnosticEvent ? [diagnosticEvent] : []));
  const failed = new Set(reported.filter(({ severity }) => severity === "error").map(({ urn }) => urn));
  const lines = reported.flatMap((event) => {
    const about = event.severity === "warning" && event.urn !== undefined && failed.has(event.urn);
    return event.severity === "error" || about ? [lineOf(event)] : [];
  });
  return [...new Set([...lines, ...policyLines(events, "mandatory")])].filter(
    (line) => !/^(update|preview|destroy|refresh) failed$/.test(line),
  );
}

/** The warnings that the engine reported; each once. */
export function warningsIn(events: readonly EngineEvent[]): string[] {
  const warnings = events.flatMap(({ diagnosticEvent: event }) =>
    event?.severity === "warning" ? [lineOf(event)] : [],
  );
  // Where a plugin was found is no news to anybody.
  return [...new Set([...warnings, ...policyLines(events, "advisory")])].filter(
    (line) => !/^using \S+ from \$PATH/.test(line),
  );
}
