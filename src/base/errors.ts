/** Something the user can put right. The message says what is wrong, where, and how to mend it; no stack is shown. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** A failure that a later try may not meet (timeouts, refused connections, SERVFAIL). Callers retry with back-off and jitter. */
export class TransientError extends Error {
  override readonly name = "TransientError";
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
