import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../../src/errors";
import type { Mesh } from "../../src/mesh/model";
import { signedBefore, unwithdrawn } from "../../src/mesh/withdrawal";

/**
 * Makes sure that no zone stops being signed at once, by what this stack said when it was brought up last.
 *
 * @throws UserError that names each such zone and what to write instead.
 */
export async function requireWithdrawn(mesh: Mesh): Promise<void> {
  const found = unwithdrawn(signedBefore(await formerPackets()), mesh);
  if (found.length > 0) throw new UserError(found.join("\n"));
}

/** The stack's own output of the last time; undefined before the first. */
async function formerPackets(): Promise<unknown> {
  const name = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
  try {
    const result: unknown = await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name });
    return (result as { outputs?: { sites?: unknown } }).outputs?.sites;
  } catch {
    return undefined;
  }
}
