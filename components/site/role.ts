import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

import { commonLabels } from "../../src/contract/names";
import { objectOptions, unawaited } from "../object-options";

/** What {@link allow} is made from. */
export interface RoleArgs {
  /** Name of the service account, of the Role and of its binding. */
  readonly account: string;
  /** Where the account is. */
  readonly namespace: pulumi.Input<string>;
  /** Where it may do what the rules say. @default the account's own namespace */
  readonly served?: pulumi.Input<string>;
  readonly rules: k8s.types.input.rbac.v1.PolicyRule[];
}

/** Lets a service account do what rules say in one namespace. Returns the binding, which comes last. */
export function allow(parent: pulumi.Resource, name: string, args: RoleArgs): k8s.rbac.v1.RoleBinding {
  const metadata = { name: args.account, namespace: args.served ?? args.namespace, labels: commonLabels };
  const role = new k8s.rbac.v1.Role(`${name}-role`, { metadata, rules: args.rules }, objectOptions(parent));
  return new k8s.rbac.v1.RoleBinding(
    `${name}-binding`,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
      subjects: [subjectOf(args)],
    },
    objectOptions(parent),
  );
}

/**
 * The service account of a program, without a mounted token. Nothing is waited for: a plugin that was cut off from the
 * cluster at its start takes it for Kubernetes 1.14, and would wait five minutes for a token that newer ones do not make.
 */
export function createAccount(
  parent: pulumi.Resource,
  name: string,
  { account, namespace }: Pick<RoleArgs, "account" | "namespace">,
): k8s.core.v1.ServiceAccount {
  const metadata = { name: account, namespace, labels: commonLabels, annotations: unawaited };
  return new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata, automountServiceAccountToken: false },
    objectOptions(parent),
  );
}

/** A service account as a binding names it. */
export function subjectOf(args: Pick<RoleArgs, "account" | "namespace">): k8s.types.input.rbac.v1.Subject {
  return { kind: "ServiceAccount", name: args.account, namespace: args.namespace };
}
