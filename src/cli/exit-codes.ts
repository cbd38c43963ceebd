import { UserError } from "../base/errors";

/** With what `mesh` ends. */
export const exitCodes = { fine: 0, found: 1, usage: 2, interrupted: 130 } as const;

/** The end of each help. */
export const exitCodesHelp = `Exit codes:
  0    fine
  1    something was found to be wrong, or what was asked for failed
  2    wrong usage or input; nothing was done
  130  interrupted`;

/** Ctrl-C where something was asked. Ends with 130. */
export class InterruptedError extends UserError {}

/** What was asked for was right, and failed: in a cluster, at a server. Ends with 1, where any other UserError ends with 2. */
export class FailedError extends UserError {}
