import type { Json, Properties } from "../wire";

/** One property that goes to Vault under another name and comes back: its name in Pulumi, in Vault, and what stands there when Vault has nothing. */
export type Field = readonly [name: string, vaultName: string, absent: Json];

/** Settings of issued tokens, which every role has. */
export const tokenFields: readonly Field[] = [
  ["tokenBoundCidrs", "token_bound_cidrs", null],
  ["tokenExplicitMaxTtl", "token_explicit_max_ttl", 0],
  ["tokenMaxTtl", "token_max_ttl", 0],
  ["tokenNoDefaultPolicy", "token_no_default_policy", false],
  ["tokenNumUses", "token_num_uses", 0],
  ["tokenPeriod", "token_period", 0],
  ["tokenPolicies", "token_policies", null],
  ["tokenTtl", "token_ttl", 0],
  ["tokenType", "token_type", "default"],
  ["aliasMetadata", "alias_metadata", null],
];

/** What is sent to Vault for the inputs that were given. */
export function toVault(fields: readonly Field[], inputs: Properties): Properties {
  const sent: Properties = {};
  for (const [name, vaultName] of fields) {
    const value = inputs[name];
    if (value !== undefined && value !== null) sent[vaultName] = value;
  }
  return sent;
}

/** What stands in the state for what Vault answered; empty lists and maps count as absent. */
export function fromVault(fields: readonly Field[], data: Properties): Properties {
  const outputs: Properties = {};
  for (const [name, vaultName, absent] of fields) {
    const value = data[vaultName];
    const empty =
      value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);
    outputs[name] = empty ? absent : value;
  }
  return outputs;
}
