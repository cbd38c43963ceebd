import { unlisted } from "./rules/reading";
import type { Planned, Rule } from "./rules/rule";

/** What a policy pack hands over of a resource. */
export interface ResourceArgs {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly opts: { readonly protect: boolean };
}

type Report = (message: string, urn?: string) => void;
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- Pulumi's signature
type Configured = { getConfig<T extends object>(): T };

/** A rule as Pulumi's policy packs have them. */
export interface PackPolicy {
  readonly name: string;
  readonly description: string;
  readonly configSchema?: { readonly properties: Record<string, object> };
  readonly validateResource?: (args: ResourceArgs & Configured, report: Report) => void;
  readonly validateStack?: (args: { readonly resources: readonly ResourceArgs[] } & Configured, report: Report) => void;
}

/** Rules as policies. All are mandatory unless the pack's configuration says otherwise. */
export function policiesOf(rules: readonly Rule[]): PackPolicy[] {
  return rules.map((rule): PackPolicy => {
    const { name, description, settings } = rule;
    const shown = { name, description, ...(settings && { configSchema: { properties: settings } }) };
    if (rule.about === "resource")
      return {
        ...shown,
        validateResource: (args, report) => {
          const problems = unlisted(plannedOf(args)).flatMap((each) => rule.check(each, args.getConfig()));
          for (const problem of problems) report(problem);
        },
      };
    return {
      ...shown,
      validateStack: (args, report) => {
        for (const { message, urn } of rule.check(args.resources.map(plannedOf).flatMap(unlisted), args.getConfig()))
          report(message, urn);
      },
    };
  });
}

function plannedOf({ type, name, urn, props, opts }: ResourceArgs): Planned {
  return { type, name, urn, props, isProtected: opts.protect };
}
