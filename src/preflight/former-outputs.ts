import * as pulumi from "@pulumi/pulumi";

/** Outputs of a stack by name. What another release wrote may have any shape. */
export type FormerOutputs = Readonly<Record<string, unknown>>;

/** What this stack said when it was brought up last; undefined before the first time. */
export function formerOutputs(): Promise<FormerOutputs | undefined> {
  return outputsOfStack(pulumi.getStack());
}

/** What a stack of this project said when it was brought up last; undefined where there is none. Unlike a StackReference, it does not end the run then. */
export async function outputsOfStack(stack: string): Promise<FormerOutputs | undefined> {
  const name = [pulumi.getOrganization(), pulumi.getProject(), stack].join("/");
  try {
    const result: unknown = await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name });
    return (result as { outputs?: FormerOutputs }).outputs;
  } catch {
    return undefined;
  }
}
