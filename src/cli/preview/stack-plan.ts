import { messageOf } from "../../base/errors";
import type { Engine, EngineResult } from "../stacks/engine";
import type { ResourceStep } from "../stacks/engine-events";

/** What is planned of one stack's resources, or why that is not known. */
export type StackPlan = {
  readonly stack: string;
  /** In the place of the reason where strangers read: the engine's words have addresses, paths and names of contexts. */
  readonly brief?: string;
} & (
  | { readonly kind: "planned"; readonly steps: readonly ResourceStep[]; readonly warnings: readonly string[] }
  /** The cluster cannot be reached, or nobody was to look. */
  | { readonly kind: "unseen"; readonly reason: string }
  /** It begins with what another stack has yet to say. */
  | { readonly kind: "waits"; readonly reason: string }
  /** `up` would refuse it. */
  | { readonly kind: "refused"; readonly reason: string }
);

/** Plans a stack by the engine. Nothing is written. */
export async function planStack(engine: Engine, stack: string): Promise<StackPlan> {
  try {
    const { steps, warnings }: EngineResult = await engine.preview(stack);
    return { stack, kind: "planned", steps: steps.filter(({ type }) => type !== "pulumi:pulumi:Stack"), warnings };
  } catch (error) {
    const reason = messageOf(error);
    if (/no stack named|unknown stack/.test(reason))
      return { stack, kind: "waits", reason: "there is no such stack yet: its first up makes all of it" };
    return { stack, reason, ...judged(reason) };
  }
}

type Judged = { readonly kind: "unseen" | "waits" | "refused"; readonly brief: string };

const expected: readonly (Judged & { readonly pattern: RegExp })[] = [
  { pattern: /has no context|there is no kubeconfig/, kind: "unseen", brief: "no such context in the kubeconfig" },
  { pattern: /cluster is unreachable|cannot be reached/, kind: "unseen", brief: "its cluster could not be reached" },
  {
    pattern: /knows no site|was never brought up|does not exist, or you may not see it/,
    kind: "waits",
    brief: "it begins with what another stack has yet to say",
  },
];

/** Each error by itself: one that is not expected makes the whole a refusal, whatever else was reported. */
function judged(reason: string): Judged {
  const errors = errorsOf(reason);
  const found = errors.map((error) => expected.find(({ pattern }) => pattern.test(error)));
  const kinds = found.flatMap((each) => (each === undefined ? [] : [each]));
  const [first] = kinds;
  if (first === undefined || kinds.length < errors.length) return { kind: "refused", brief: refusalInBrief(errors) };
  const { kind, brief } = kinds.find((each) => each.kind === "unseen") ?? first;
  return { kind, brief };
}

/** Lines of what was reported; one that is indented belongs to the one before. */
function errorsOf(reason: string): readonly string[] {
  return reason.trim().split(/\n(?=\S)/);
}

/** The program's own words about settings are for everybody, but not those about a kubeconfig of somebody's. */
function refusalInBrief(errors: readonly string[]): string {
  const isOurs = (error: string): boolean =>
    /^(dns-mesh:(?!kubeconfig|context)[A-Za-z]+|mesh\.[A-Za-z]+|policy dns-mesh\/[a-z-]+:)/.test(error);
  return errors.every(isOurs) ? errors.join("\n") : "refused; mesh preview prints why";
}

/** How many resources are planned to be made, changed, replaced and deleted. */
export function countsOf(
  steps: readonly ResourceStep[],
): Readonly<Record<"create" | "update" | "replace" | "delete", number>> {
  const count = (...ops: readonly string[]): number => steps.filter(({ op }) => ops.includes(op)).length;
  return {
    create: count("create", "import"),
    update: count("update"),
    // A replacement is three steps of the engine, of which one has this name.
    replace: count("replace"),
    delete: count("delete"),
  };
}

/** Whether a step changes nothing but the way to a cluster: by which kubeconfig, or which context in it. */
export function isAccess({ op, type, paths }: ResourceStep): boolean {
  const isOfAccess = (path: string): boolean => path === "kubeconfig" || path === "context";
  return op === "update" && type === "pulumi:providers:kubernetes" && paths.length > 0 && paths.every(isOfAccess);
}

/** Workloads whose pods are replaced, since their template changes. */
export function restartsIn(steps: readonly ResourceStep[]): readonly string[] {
  const workloads = steps.filter(({ type }) => /:(StatefulSet|Deployment|DaemonSet)$/.test(type));
  return workloads
    .filter(({ op, paths }) => op.includes("replace") || (op === "update" && paths.some(isOfPods)))
    .map(({ name }) => name)
    .filter((name, i, all) => all.indexOf(name) === i);
}

function isOfPods(path: string): boolean {
  return path === "spec" || path.startsWith("spec.template");
}

/** What holds data or keys, and is not what it was once it was deleted or replaced. */
const lasting: readonly (readonly [RegExp, string])[] = [
  [/:PersistentVolumeClaim$/, "the volume goes with it"],
  [/:Namespace$/, "everything in it goes with it, volumes included"],
  [/:StatefulSet$/, "the pods go until the new ones are ready"],
  [/^tls:/, "the key or certificate is made anew"],
  [/^random:/, "the secret is made anew"],
  [/:Mount$|:SecretBackend$/, "what lies in it goes with it"],
];

/** Steps that an undo does not bring back, with the reason. */
export function irreversibleIn(steps: readonly ResourceStep[]): readonly string[] {
  return steps.flatMap(({ op, type, name }) => {
    if (op !== "delete" && op !== "replace") return [];
    const reason = lasting.find(([pattern]) => pattern.test(type))?.[1];
    return reason === undefined ? [] : [`${op} ${type} ${name}: ${reason}`];
  });
}
