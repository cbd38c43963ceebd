import * as pulumi from "@pulumi/pulumi";

import { messageOf, UserError } from "../src/base/errors";

/** What Pulumi shows without a stack trace when it stands for a {@link UserError}; anything else as it is. */
export function asRunError(error: unknown): unknown {
  return error instanceof UserError ? new pulumi.RunError(messageOf(error)) : error;
}
