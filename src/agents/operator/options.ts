import type { Environment } from "../../contract/environment";
import { operatorEnvironment, type OptionsOf } from "../../contract/environments";

/** What the record operator is set to. Read once, at the start; its namespaces are all that it serves, or `*` alone. */
export type OperatorOptions = OptionsOf<typeof operatorEnvironment>;

/**
 * Reads the operator's environment.
 *
 * @throws UserError that names the variable.
 */
export function readOperatorOptions(env: Environment): OperatorOptions {
  const options = operatorEnvironment.fromEnvironment(env);
  const { namespace, namespaces } = options;
  return { ...options, namespaces: namespaces.includes("*") ? ["*"] : [...new Set([namespace, ...namespaces])] };
}
