import type { Environment } from "../../contract/environment";
import { operatorEnvironment, type OptionsOf } from "../../contract/environments";
import { type AllowedTargets, parseAllowed } from "../../pools/allow-list";

/** What the record operator is set to. Read once, at the start; its namespaces are all that it serves, or `*` alone. */
export interface OperatorOptions extends Omit<OptionsOf<typeof operatorEnvironment>, "probes"> {
  readonly probes: readonly AllowedTargets[];
}

/**
 * Reads the operator's environment.
 *
 * @throws UserError that names the variable.
 */
export function readOperatorOptions(env: Environment): OperatorOptions {
  const options = operatorEnvironment.fromEnvironment(env);
  const { namespace, namespaces, probes } = options;
  return {
    ...options,
    probes: probes.map(parseAllowed),
    namespaces: namespaces.includes("*") ? ["*"] : [...new Set([namespace, ...namespaces])],
  };
}
