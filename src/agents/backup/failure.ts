import { messageOf } from "../../base/errors";
import type { failureReasons } from "../../contract/backups";

/** Classes of failures. */
export type FailureReason = (typeof failureReasons)[number];

/** A backup, a restore or a drill failed; the message has what was said. */
export class BackupError extends Error {
  override readonly name = "BackupError";

  constructor(
    readonly reason: FailureReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Any error as one of ours. */
export function asBackupError(error: unknown): BackupError {
  if (error instanceof BackupError) return error;
  const isFull = (error as NodeJS.ErrnoException | undefined)?.code === "ENOSPC";
  return new BackupError(isFull ? "full" : "other", messageOf(error), { cause: error });
}
