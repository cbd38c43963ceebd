import * as pulumi from "@pulumi/pulumi";
import { createPrivateKey, createPublicKey } from "node:crypto";

import { dropPromiseStacks, dropResourceStacks } from "../../../components/dropped-stacks";

dropPromiseStacks();
dropResourceStacks();

/** A resource that a program registered, with the options that Pulumi's mocks do not hand over. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests reach deep into objects of many shapes
  readonly inputs: any;
  /** The inputs as they go to the engine: secrets and unknowns are still wrapped. */
  readonly wire: string;
  readonly protect: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly retainOnDelete: boolean;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly dependencies: readonly string[];
  /** How long the engine waits, as durations such as `10m`; empty where the provider decides. */
  readonly timeouts: { readonly create: string; readonly update: string; readonly delete: string };
  /** URN and id of the provider that makes it. */
  readonly provider: string;
}

/** What a program did under mocks. */
export interface Run {
  readonly resources: readonly Registered[];
  readonly outputs: Record<string, { value: unknown; secret: boolean }>;
  /** What was told to the user; an error makes `up` fail. */
  readonly log: readonly { severity: "warn" | "error"; message: string }[];
  /** The one resource of that type (what follows a colon is enough) and Kubernetes or Pulumi name. */
  one(type: string, name?: string): Registered;
  all(type: string): readonly Registered[];
}

/** What Vault answers to the letter, in the place of a value that is written as JSON. */
export class RawText {
  constructor(readonly text: string) {}
}

/** How to run a program. */
export interface RunOptions {
  readonly program: () => Promise<Record<string, unknown>>;
  readonly stack?: string;
  readonly preview?: boolean;
  /** Outputs by stack, of which those named in `secret` are secret. */
  readonly stacks?: Readonly<Record<string, { outputs: Record<string, unknown>; secret?: readonly string[] }>>;
  /** Stacks that are there and cannot be read: why, by name. */
  readonly unreadable?: Readonly<Record<string, string>>;
  /** What Vault holds, by `mount/name`. */
  readonly vault?: Readonly<Record<string, unknown>>;
  /** Addresses that load balancers get. */
  readonly loadBalancer?: readonly string[];
  /** What the ConfigMap `mesh-status` holds when it is read. */
  readonly status?: Readonly<Record<string, string>>;
  /** Pods that the StatefulSet has already, as in a preview of a later run. @default 0 in a preview, all otherwise */
  readonly runningPods?: number;
}

type State = Record<string, unknown>;

/** A key that signs, always the same: what is planned would differ each time otherwise. */
const signingKey = ((): State => {
  const seed = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 7)]);
  const key = createPrivateKey({ key: seed, format: "der", type: "pkcs8" });
  return {
    privateKeyPemPkcs8: pulumi.secret(key.export({ type: "pkcs8", format: "pem" })),
    publicKeyPem: createPublicKey(key).export({ type: "spki", format: "pem" }),
  };
})();

/** Says how a mocked resource answers. A type that is not here is an error: nobody should mock it unseen. */
const answers: Readonly<Record<string, (args: pulumi.runtime.MockResourceArgs, options: RunOptions) => State>> = {
  "random:index/randomPassword:RandomPassword": () => ({ result: pulumi.secret("p".repeat(64)) }),
  "tls:index/privateKey:PrivateKey": ({ name, inputs }) =>
    (inputs as State)["algorithm"] === "ED25519"
      ? signingKey
      : {
          privateKeyPem: pulumi.secret(`PRIVATE sec1 ${name}`),
          privateKeyPemPkcs8: pulumi.secret(`PRIVATE pkcs8 ${name}`),
        },
  "tls:index/certRequest:CertRequest": ({ name }) => ({ certRequestPem: `request ${name}` }),
  "tls:index/selfSignedCert:SelfSignedCert": ({ name }) => ({ certPem: `root ${name}` }),
  "tls:index/locallySignedCert:LocallySignedCert": ({ name }) => ({ certPem: `certificate ${name}` }),
  "vault:kv/secretV2:SecretV2": () => ({}),
  ...Object.fromEntries(
    [
      "index/policy:Policy",
      "index/mount:Mount",
      "index/authBackend:AuthBackend",
      "jwt/authBackend:AuthBackend",
      "jwt/authBackendRole:AuthBackendRole",
      "appRole/authBackendRole:AuthBackendRole",
      "pkiSecret/secretBackendConfigIssuers:SecretBackendConfigIssuers",
      "pkiSecret/secretBackendRole:SecretBackendRole",
    ].map((kind) => [`vault:${kind}`, (): State => ({})]),
  ),
  "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": ({ name }) => ({
    secretId: pulumi.secret(`SECRET id of ${name}`),
  }),
  "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert": ({ name }) => ({
    certificate: `root ${name}`,
    issuerId: `issuer ${name}`,
  }),
  "pulumi:providers:vault": () => ({}),
  "pulumi:providers:kubernetes": () => ({}),
  "pulumi:pulumi:StackReference": ({ inputs }, options) => {
    const found = options.stacks?.[String((inputs as State)["name"])];
    return { outputs: found?.outputs ?? {}, secretOutputNames: found?.secret ?? [] };
  },
  "kubernetes:core/v1:ConfigMap": ({ id }, options) => (id ? { data: options.status } : {}),
  "kubernetes:core/v1:Service": (args, options) => serviceState(args.inputs as State, options),
  "kubernetes:apps/v1:StatefulSet": ({ inputs }, options) => {
    const spec = (inputs as { spec: { replicas: number } }).spec;
    return { status: { replicas: options.runningPods ?? (options.preview === true ? 0 : spec.replicas) } };
  },
  ...Object.fromEntries(
    [
      "core/v1:Namespace",
      "core/v1:Secret",
      "core/v1:ServiceAccount",
      "core/v1:PodPatch",
      "core/v1:PersistentVolumeClaimPatch",
      "rbac.authorization.k8s.io/v1:Role",
      "rbac.authorization.k8s.io/v1:RoleBinding",
      "rbac.authorization.k8s.io/v1:ClusterRole",
      "rbac.authorization.k8s.io/v1:ClusterRoleBinding",
      "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
      "admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding",
      "apiextensions.k8s.io/v1:CustomResourceDefinition",
      "apps/v1:Deployment",
      "networking.k8s.io/v1:NetworkPolicy",
      "policy/v1:PodDisruptionBudget",
      "batch/v1:CronJob",
      "cert-manager.io/v1:Issuer",
      "cert-manager.io/v1:Certificate",
      "monitoring.coreos.com/v1:PodMonitor",
      "monitoring.coreos.com/v1:PrometheusRule",
      "monitoring.coreos.com/v1:Probe",
    ].map((kind) => [`kubernetes:${kind}`, (): State => ({})]),
  ),
};

function serviceState(inputs: State, options: RunOptions): State {
  const spec = inputs["spec"] as State;
  const name = String((inputs["metadata"] as State)["name"]);
  const clusterIP = spec["clusterIP"] ?? `10.96.0.${name.replace(/\D/g, "") || "99"}`;
  const ingress = spec["type"] === "LoadBalancer" ? (options.loadBalancer ?? []).map((ip) => ({ ip })) : [];
  return { spec: { ...spec, clusterIP, clusterIPs: [clusterIP] }, status: { loadBalancer: { ingress } } };
}

class RecordingMocks implements pulumi.runtime.Mocks {
  constructor(private readonly options: RunOptions) {}

  newResource(args: pulumi.runtime.MockResourceArgs): { id: string; state: State } {
    const isComponent = args.type.startsWith("dnsmesh:") || args.type === "pulumi:pulumi:Stack";
    const answer = isComponent ? (): State => ({}) : answers[args.type];
    if (answer === undefined) throw new Error(`no mock for ${args.type}`);
    return { id: `${args.name}-id`, state: { ...(args.inputs as State), ...answer(args, this.options) } };
  }

  call({ token, inputs }: pulumi.runtime.MockCallArgs): State {
    const wanted = inputs as State;
    if (token === "pulumi:pulumi:readStackOutputs") {
      const name = String(wanted["name"]);
      const found = this.options.stacks?.[name];
      const refusal = this.options.unreadable?.[name];
      // As gRPC errors carry it.
      if (refusal !== undefined) throw Object.assign(new Error(), { details: refusal });
      if (!found) throw Object.assign(new Error(), { details: `unknown stack "${name}"` });
      return { name, outputs: found.outputs };
    }
    if (token === "vault:kv/getSecretV2:getSecretV2") {
      const path = `${String(wanted["mount"])}/${String(wanted["name"])}`;
      const found = this.options.vault?.[path];
      return { ...wanted, dataJson: found instanceof RawText ? found.text : JSON.stringify(found) };
    }
    if (token === "vault:appRole/getAuthBackendRoleId:getAuthBackendRoleId")
      return { ...wanted, roleId: `role id of ${String(wanted["roleName"])}` };
    throw new Error(`no mock for ${token}`);
  }
}

interface RegisterRequest {
  getType(): string;
  getName(): string;
  getCustom(): boolean;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getProtect(): boolean;
  getDeletebeforereplace(): boolean;
  getRetainondelete(): boolean;
  getIgnorechangesList(): string[];
  getReplaceonchangesList(): string[];
  getDependenciesList(): string[];
  getCustomtimeouts(): Record<"getCreate" | "getUpdate" | "getDelete", () => string> | undefined;
  getProvider(): string;
}

interface Monitor {
  registerResource(request: RegisterRequest, callback: unknown): Promise<void>;
}

/** Records what goes to the engine. Pulumi's mocks see inputs only, and options matter as much here. */
function record(into: Registered[]): void {
  const monitor = pulumi.runtime.getMonitor() as Monitor | undefined;
  if (!monitor) throw new Error("mocks are not set");
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    const object = request.getObject()?.toJavaScript() ?? {};
    into.push({
      type: request.getType(),
      name: request.getName(),
      inputs: unwrapped(object),
      wire: JSON.stringify(object),
      protect: request.getProtect(),
      deleteBeforeReplace: request.getDeletebeforereplace(),
      retainOnDelete: request.getRetainondelete(),
      ignoreChanges: request.getIgnorechangesList(),
      replaceOnChanges: request.getReplaceonchangesList(),
      dependencies: request.getDependenciesList(),
      timeouts: {
        create: request.getCustomtimeouts()?.getCreate() ?? "",
        update: request.getCustomtimeouts()?.getUpdate() ?? "",
        delete: request.getCustomtimeouts()?.getDelete() ?? "",
      },
      provider: request.getProvider(),
    });
    return register(request, callback);
  };
}

/** Keeps what is told to the user, until it is ended. Without an engine Pulumi would print it. */
function catchLog(into: Run["log"][number][]): Disposable {
  const log = pulumi.log as Record<"warn" | "error", typeof pulumi.log.error>;
  const before = { ...log };
  for (const severity of ["warn", "error"] as const) {
    log[severity] = (message) => {
      into.push({ severity, message });
      return Promise.resolve();
    };
  }
  return {
    [Symbol.dispose]: () => {
      log.warn = before.warn;
      log.error = before.error;
    },
  };
}

/** Secrets in the clear, all the way down. */
function unwrapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapped);
  if (typeof value !== "object" || value === null) return value;
  if (pulumi.runtime.isRpcSecret(value)) return unwrapped(pulumi.runtime.unwrapRpcSecret(value) as unknown);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrapped(inner)]));
}

/** Runs a program as the engine would, with every provider mocked, and waits until everything is registered. */
export async function runStack(options: RunOptions): Promise<Run> {
  const stack = options.stack ?? "test";
  await pulumi.runtime.setMocks(
    new RecordingMocks(options),
    "dns-mesh",
    stack,
    options.preview ?? false,
    "organization",
  );
  const resources: Registered[] = [];
  const log: Run["log"][number][] = [];
  record(resources);
  using caught = new DisposableStack();
  caught.use(catchLog(log));
  const outputs: Record<string, { value: unknown; secret: boolean }> = {};
  await pulumi.runtime.runInPulumiStack(async () => {
    const produced = await options.program();
    for (const [key, produces] of Object.entries(produced)) {
      const output = pulumi.output(produces as string);
      outputs[key] = { value: await promised(output), secret: await pulumi.isSecret(output) };
    }
    return produced;
  });
  await pulumi.runtime.disconnect(false);
  return { resources, outputs, log, ...finders(resources) };
}

function promised(output: pulumi.Output<unknown>): Promise<unknown> {
  return (output as pulumi.Output<unknown> & { promise(): Promise<unknown> }).promise();
}

function finders(resources: readonly Registered[]): Pick<Run, "one" | "all"> {
  const all = (type: string): readonly Registered[] =>
    resources.filter((resource) => resource.type === type || resource.type.endsWith(`:${type}`));
  const one = (type: string, name?: string): Registered => {
    const found = all(type).filter((resource) => name === undefined || nameOf(resource) === name);
    if (found.length !== 1 || !found[0])
      throw new Error(`${found.length} resources of type ${type} named ${name ?? "anything"}`);
    return found[0];
  };
  return { all, one };
}

/** A Kubernetes object's own name; Pulumi's for anything else. */
export function nameOf(resource: Registered): string {
  const inputs = resource.inputs as { metadata?: { name?: string } };
  return inputs.metadata?.name ?? resource.name;
}

/** A Kubernetes object's annotations. */
export function annotationsOf(resource: Registered): Record<string, string> {
  return (resource.inputs as { metadata: { annotations?: Record<string, string> } }).metadata.annotations ?? {};
}
