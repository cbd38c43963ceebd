import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { operatorEnvironment } from "../../src/contract/environments";
import { commonLabels, objects, operatorLabels, paths, podPorts } from "../../src/contract/names";
import { operatorFlags } from "../../src/contract/node-flags";
import { gatewayRules, operatorRules, recordRules, sourceRules } from "../../src/contract/operator-rules";
import { isRoute } from "../../src/records/sources/kinds";
import { judgesAny, tenantPolicySpec } from "../../src/records/tenant-policy";
import { tenantQuotaName, tenantQuotas } from "../../src/records/tenant-quotas";
import type { RecordsConfig } from "../../src/settings/record-settings";
import type { SiteConfig } from "../../src/settings/site-settings";
import { objectOptions, patiently, writable } from "../object-options";
import { annotationsOfOthers, restartLabel } from "./pod-restart";
import { commonFiles, configMapFiles, programPod, secretFiles, variables } from "./program-pod";
import { allow, createAccount, type RoleArgs, subjectOf } from "./role";
import { agentSockets } from "./runtime";

/** What {@link RecordOperator} needs. */
export interface RecordOperatorArgs {
  readonly namespace: pulumi.Output<string>;
  readonly config: SiteConfig;
  /** Whose DnsRecords are served, what they may claim, and what else they are made of. */
  readonly records: RecordsConfig;
  /** The site's zones. */
  readonly zones: readonly string[];
  /** Changes with what the operator reads only when it starts. */
  readonly restartHash: pulumi.Output<string>;
}

const account = "record-operator";

/**
 * Puts the site's DnsRecords on its Knot and tells how far they have come. Two replicas, one of which leads. Its role
 * lets it see and mark DnsRecords where it serves them, make those of DnsPools' answers, tell Events, hold its Lease and read what the
 * stack says, and nothing else.
 */
export class RecordOperator extends pulumi.ComponentResource {
  constructor(name: string, args: RecordOperatorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("dnsmesh:site:RecordOperator", name, {}, opts);
    this.createAdmission(name, args);
    const access = [
      createAccount(this, name, { account, namespace: args.namespace }),
      allow(this, name, {
        account,
        namespace: args.namespace,
        rules: [...writable(operatorRules), ...sourceRights(args)],
      }),
      ...this.allowElsewhere(name, args),
      ...this.allowGateways(name, args),
    ];
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        metadata: { name: account, namespace: args.namespace, labels: commonLabels },
        spec: {
          replicas: 2,
          selector: { matchLabels: operatorLabels },
          template: {
            metadata: { labels: { ...operatorLabels, [restartLabel]: args.restartHash } },
            spec: podSpec(args),
          },
        },
      },
      objectOptions(this, { dependsOn: access, ignoreChanges: [annotationsOfOthers], customTimeouts: patiently }),
    );
    // Controllers look for new definitions each half a minute, and count what they do not know yet five minutes later.
    this.createQuotas(name, args, deployment);
    this.registerOutputs({});
  }

  /** Refuses at the API server what the operator would refuse, so that who applies it reads it there. */
  private createAdmission(name: string, { namespace, config, records, zones }: RecordOperatorArgs): void {
    const { namespaces, tenants, admissionPolicy } = records;
    const input = { own: config.namespace, namespaces, zones, tenants: tenants ?? [] };
    if (tenants === undefined || !admissionPolicy || !judgesAny(input)) return;
    // Another site in the same cluster has one of its own.
    const metadata = { name: pulumi.interpolate`dns-mesh-tenants-${namespace}`, labels: commonLabels };
    const spec = writable(tenantPolicySpec(input));
    const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
      `${name}-tenants`,
      { metadata, spec },
      objectOptions(this),
    );
    new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
      `${name}-tenants-binding`,
      { metadata, spec: { policyName: policy.metadata.name, validationActions: ["Deny"] } },
      objectOptions(this),
    );
  }

  /** Has the API server count, so that two that make objects at once get no more than one that makes them in turn. */
  private createQuotas(name: string, { namespace, config, records }: RecordOperatorArgs, after: pulumi.Resource): void {
    const { namespaces, tenants, resourceQuotas } = records;
    if (tenants === undefined || !resourceQuotas) return;
    for (const quota of tenantQuotas({ own: config.namespace, namespaces, tenants }))
      new k8s.core.v1.ResourceQuota(
        `${name}-quota-${quota.namespace}`,
        {
          metadata: {
            name: pulumi.output(namespace).apply(tenantQuotaName),
            namespace: quota.namespace === config.namespace ? namespace : quota.namespace,
            labels: commonLabels,
          },
          spec: { hard: writable(quota.hard) },
        },
        objectOptions(this, { dependsOn: after }),
      );
  }

  private allowElsewhere(name: string, args: RecordOperatorArgs): pulumi.Resource[] {
    const { namespace } = args;
    const { namespaces } = args.records;
    const everywhere = namespaces.includes("*");
    const rules = [...writable(recordRules), ...sourceRights(args, everywhere)];
    if (everywhere) return [this.allowEverywhere(name, { namespace, rules })];
    return namespaces.map((served) => allow(this, `${name}-${served}`, { account, namespace, served, rules }));
  }

  /** Lets it see Gateways in namespaces that it does not serve, where it may see nothing else. */
  private allowGateways(name: string, { namespace, config, records }: RecordOperatorArgs): pulumi.Resource[] {
    const { kinds = [], gatewayNamespaces = [] } = records.sources ?? {};
    const served = [config.namespace, ...records.namespaces];
    if (!kinds.some(isRoute) || served.includes("*")) return [];
    const rules = writable(gatewayRules);
    const title = `${name}-gateways`;
    if (gatewayNamespaces.includes("*"))
      return [this.allowEverywhere(title, { namespace, rules, of: `${account}-gateways` })];
    return gatewayNamespaces
      .filter((each) => !served.includes(each))
      .map((each) => allow(this, `${title}-${each}`, { account, namespace, served: each, rules }));
  }

  private allowEverywhere(
    name: string,
    {
      namespace,
      rules,
      of = account,
    }: Pick<RecordOperatorArgs, "namespace"> & Pick<RoleArgs, "rules"> & { readonly of?: string },
  ): pulumi.Resource {
    // Another site in the same cluster has one of its own.
    const metadata = { name: pulumi.interpolate`dns-mesh-${of}-${namespace}`, labels: commonLabels };
    const role = new k8s.rbac.v1.ClusterRole(`${name}-cluster-role`, { metadata, rules }, objectOptions(this));
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name };
    return new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-cluster-binding`,
      { metadata, roleRef, subjects: [subjectOf({ account, namespace })] },
      objectOptions(this),
    );
  }
}

function sourceRights({ records: { sources } }: RecordOperatorArgs, everywhere = false): RoleArgs["rules"] {
  return sources === undefined ? [] : writable(sourceRules(sources.kinds, { everywhere }));
}

function podSpec(args: RecordOperatorArgs): k8s.types.input.core.v1.PodSpec {
  const { config } = args;
  const probe = (path: string) => ({ httpGet: { path, port: podPorts.http } });
  return programPod({
    name: account,
    config,
    args: [...operatorFlags, `${paths.bundle}/operator.js`],
    env: variables(operatorEnvironment, {
      ...commonFiles,
      recordsKeyFile: `${paths.recordsKey}/key.json`,
      http: agentSockets(config).http,
      namespaces: args.records.namespaces,
      probes: args.records.probes,
      probesPerSecond: args.records.probesPerSecond,
    }),
    resources: config.resources.operator,
    hasToken: true,
    files: [secretFiles(objects.recordsKey, paths.recordsKey), configMapFiles(objects.operatorBundle, paths.bundle)],
    pod: { terminationGracePeriodSeconds: 10, affinity: apart() },
    container: {
      ports: [{ name: "http", containerPort: podPorts.http, protocol: "TCP" }],
      startupProbe: { ...probe("/live"), periodSeconds: 1, failureThreshold: 120 },
      livenessProbe: { ...probe("/live"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
      readinessProbe: { ...probe("/ready"), periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 3 },
    },
  });
}

/** Replicas keep apart where they can: one node must not take both. */
function apart(): k8s.types.input.core.v1.Affinity {
  const podAffinityTerm = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: operatorLabels } };
  return {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
  };
}
