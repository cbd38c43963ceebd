/** A resource: with its inputs where a rule is about one, with what is known of its outputs where it is about a stack. */
export interface Planned {
  /** Pulumi's type, such as `kubernetes:apps/v1:StatefulSet`. */
  readonly type: string;
  /** Pulumi's name. */
  readonly name: string;
  readonly urn: string;
  /** A preview does not know all of it. Reading what is not known throws, and Pulumi says so and asks again in the `up`. */
  readonly props: Readonly<Record<string, unknown>>;
  readonly isProtected: boolean;
}

/** Settings of a rule, by the pack's configuration. */
export type RuleConfig = Readonly<Record<string, unknown>>;

/** What is wrong, at which resource. */
export interface Finding {
  readonly message: string;
  readonly urn: string;
}

interface RuleBase {
  /** In the pack's configuration, and in what Pulumi prints. */
  readonly name: string;
  /** One sentence: what must hold. */
  readonly description: string;
  /** JSON schemas of its settings, with their defaults. */
  readonly settings?: Readonly<Record<string, { readonly type: "integer" | "array"; readonly default: unknown }>>;
}

/** Judges each resource by itself, before it is made or changed. */
export interface ResourceRule extends RuleBase {
  readonly about: "resource";
  readonly check: (resource: Planned, config: RuleConfig) => readonly string[];
}

/** Judges a stack as a whole: in a preview when all of it was planned, in an `up` only when all of it was changed. */
export interface StackRule extends RuleBase {
  readonly about: "stack";
  readonly check: (resources: readonly Planned[], config: RuleConfig) => readonly Finding[];
}

export type Rule = ResourceRule | StackRule;
