import type { DiagnosticEvent, EngineEvent } from "@pulumi/pulumi/automation";

import { messageOf } from "../../src/base/errors";

/** What a user of the program has to read of an exception: an error meant for users has no stack. */
function withoutStack(message: string): string {
  const match = /^(?:Unhandled exception: )?UserError: ([\s\S]*?)(?:\n\s+at [\s\S]*)?$/.exec(message);
  return match?.[1] ?? message;
}

function lineOf(event: DiagnosticEvent): string {
  const name = event.urn?.split("::").slice(2).join(" ");
  return `${name && !name.includes("pulumi:pulumi:Stack") ? `${name}: ` : ""}${withoutStack(event.message.trim())}`;
}

function diagnosticsIn(events: readonly EngineEvent[]): string[] {
  const told = events.flatMap(({ diagnosticEvent }) => (diagnosticEvent ? [diagnosticEvent] : []));
  const failed = new Set(told.filter(({ severity }) => severity === "error").map(({ urn }) => urn));
  const lines = told.flatMap((event) => {
    const about = event.severity === "warning" && event.urn !== undefined && failed.has(event.urn);
    return event.severity === "error" || about ? [lineOf(event)] : [];
  });
  return [...new Set(lines)].filter((line) => !/^(update|preview|destroy|refresh) failed$/.test(line));
}

/** What a user reads when an operation failed: the errors that the engine told, with the warnings about the same resources, else whatever the command printed. */
export function readableFailure(error: unknown, events: readonly EngineEvent[]): Error {
  const diagnostics = diagnosticsIn(events);
  return new Error(diagnostics.length > 0 ? diagnostics.join("\n") : messageOf(error));
}
