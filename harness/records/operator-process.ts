import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { bundle } from "../../components/bundle";
import { LabProcess, Log } from "../../lab/process";
import type { LabSite } from "../../lab/site";
import { agentEnvironment, operatorEnvironment } from "../../src/contract/environments";
import { operatorFlags } from "../../src/contract/node-flags";
import { gatewayRules, operatorRules, recordRules, sourceRules } from "../../src/contract/operator-rules";
import type { SourceKind } from "../../src/records/sources/kinds";
import type { ControlPlane } from "../plugins/control-plane";
import type { Properties } from "../plugins/wire";

/** The namespace of the operator and its records. */
export const namespace = "dns-system";
const rbac = "rbac.authorization.k8s.io";

/** Before an operator that ended by itself is started again. */
const againMs = 500;

/** How an operator of a test is set. */
export interface OperatorSettings {
  /** Namespaces whose records it serves, `*` for all. @default its own */
  readonly namespaces?: readonly string[];
  /** Kinds of objects that it may make records of. @default none */
  readonly sources?: readonly SourceKind[];
  /** Namespaces beside in which it may see Gateways, and nothing else. @default none */
  readonly gatewayNamespaces?: readonly string[];
  /** Seconds between looks for changes of others. @default 1 */
  readonly lookSeconds?: number;
  /** Seconds of silence after which a site is away. @default 3 */
  readonly awaySeconds?: number;
  /** Seconds without a sign of life after which another one leads. @default the operator's own */
  readonly leaseSeconds?: number;
  /** What it may probe. @default nothing */
  readonly probes?: readonly string[];
}

/**
 * The operator's account with the rights that the site's stack gives it. Returns a token of it.
 *
 * @param served - further namespaces, which are made
 * @param more.sources - kinds of objects that it makes records of
 * @param more.gatewayNamespaces - namespaces in which it may see Gateways alone, which are made too
 * @param more.own - the operator's own, which is made too
 */
export async function createAccount(
  { api }: ControlPlane,
  served: readonly string[] = [],
  {
    sources = [],
    gatewayNamespaces = [],
    own = namespace,
  }: Pick<OperatorSettings, "sources" | "gatewayNamespaces"> & { readonly own?: string } = {},
): Promise<string> {
  const post = (path: string, body: Properties): Promise<Properties> => api.send({ method: "POST", path, body });
  const metadata = { name: "record-operator" };
  for (const name of new Set([own, ...served])) {
    await post("/api/v1/namespaces", { metadata: { name } });
    await allow(api, name, { sources, own });
  }
  for (const name of gatewayNamespaces) {
    await post("/api/v1/namespaces", { metadata: { name } });
    await grant(api, name, { rules: gatewayRules, own });
  }
  const accounts = `/api/v1/namespaces/${own}/serviceaccounts`;
  await post(accounts, { metadata });
  const { status } = await post(`${accounts}/record-operator/token`, { spec: { expirationSeconds: 7200 } });
  return (status as { token: string }).token;
}

/** Lets the operator's account, which is in `own`, serve a namespace, or all (`*`). */
export async function allow(
  api: ControlPlane["api"],
  served: string,
  { sources = [], own = namespace }: { readonly sources?: readonly SourceKind[]; readonly own?: string } = {},
): Promise<void> {
  const more = sources.length === 0 ? [] : sourceRules(sources, { everywhere: served === "*" });
  await grant(api, served, { rules: [...(served === own ? operatorRules : recordRules), ...more], own });
}

/** Lets the operator's account do what rules say in a namespace, or in all (`*`). */
async function grant(
  api: ControlPlane["api"],
  served: string,
  { rules, own }: { readonly rules: readonly object[]; readonly own: string },
): Promise<void> {
  const kind = served === "*" ? "ClusterRole" : "Role";
  const base = `/apis/${rbac}/v1/${served === "*" ? "" : `namespaces/${served}/`}${kind.toLowerCase()}`;
  const metadata = { name: "record-operator" };
  const roleBody = { metadata, rules: JSON.parse(JSON.stringify(rules)) as Properties[] };
  await api.send({ method: "POST", path: `${base}s`, body: roleBody });
  const subjects = [{ kind: "ServiceAccount", ...metadata, namespace: own }];
  const body = { metadata, subjects, roleRef: { apiGroup: rbac, kind, ...metadata } };
  await api.send({ method: "POST", path: `${base}bindings`, body });
}

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly "certificate-authority": string } },
  ];
}

function clusterOf(kubeconfig: string): Kubeconfig["clusters"][0]["cluster"] {
  return (JSON.parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig).clusters[0].cluster;
}

/** Where a control plane's API server is. */
export function apiUrl(kubeconfig: string): URL {
  return new URL(clusterOf(kubeconfig).server);
}

/** Where an operator of a test is. */
interface Place {
  readonly site: LabSite;
  readonly plane: ControlPlane;
  readonly token: string;
  readonly folder: string;
  readonly pod: string;
  /** Its own namespace. @default {@link namespace} */
  readonly namespace?: string;
  readonly httpPort: number;
  /** Where the API server is reached. */
  readonly apiPort: number;
  /** Root certificate of what answers there, PEM. @default the API server's own */
  readonly authority?: string;
  /** What a command must begin with to run in the site's network. @default none: the lab's own */
  readonly enter?: readonly string[];
  /** The operator's program. @default as it is bundled for pods */
  readonly program?: string;
  /** Whether it is started again when it ends by itself, as a container is. @default false */
  readonly restarts?: boolean;
}

/** The operator's program beside a site of a lab, at an API server. */
export class OperatorProcess implements AsyncDisposable {
  readonly #log = new Log();
  #process: LabProcess | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly place: Place,
    private readonly settings: OperatorSettings = {},
  ) {}

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Its metrics as it prints them. @throws Error when it does not answer. */
  async metricsText(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.place.httpPort}/metrics`)).text();
  }

  /** Where it answers over HTTP. */
  get socket(): string {
    return `127.0.0.1:${this.place.httpPort}`;
  }

  /** Its metrics, by name and labels. @throws Error when it does not answer. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await this.metricsText();
    const found = text.matchAll(/^dns_mesh_records_(\S+) ([\d.]+)$/gm);
    return new Map([...found].map(([, name = "", value]) => [name, Number(value)]));
  }

  log(): string {
    return this.#log.text;
  }

  start(): void {
    clearTimeout(this.#timer);
    const { folder, plane, token, program, enter = [] } = this.place;
    mkdirSync(join(folder, "account"), { recursive: true });
    const { server, "certificate-authority": file } = clusterOf(plane.kubeconfig);
    writeFileSync(join(folder, "account", "ca.crt"), this.place.authority ?? readFileSync(file));
    writeFileSync(join(folder, "account", "token"), token);
    writeFileSync(join(folder, "operator.js"), program ?? bundle("operator"));
    const env = { PATH: process.env["PATH"], ...this.#environment(new URL(server)) };
    const command: readonly string[] = [...enter, "node", ...operatorFlags, join(folder, "operator.js")];
    const [first = "node", ...args] = command;
    const died = (): void => {
      this.#log.add("the operator ended\n");
      this.#timer = setTimeout(() => {
        this.start();
      }, againMs);
    };
    const again = this.place.restarts === true && { died };
    this.#process = new LabProcess({ command: [first, ...args], env, log: this.#log, ...again });
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#process?.end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#process?.end("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#process?.end("SIGKILL");
  }

  #environment({ hostname }: URL): Record<string, string> {
    const { site, folder, pod, httpPort, apiPort } = this.place;
    const { lookSeconds = 1, awaySeconds = 3, leaseSeconds, namespaces = [], probes = [] } = this.settings;
    const { packetFile, localKeyFile, recordsKeyFile = "" } = agentEnvironment.fromEnvironment(site.environment());
    return {
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: String(apiPort),
      ...operatorEnvironment.toEnvironment({
        account: join(folder, "account"),
        packetFile,
        localKeyFile,
        recordsKeyFile,
        namespaces,
        probes,
        namespace: this.place.namespace ?? namespace,
        pod,
        http: { address: "127.0.0.1", port: httpPort },
        lookMs: lookSeconds * 1000,
        awayMs: awaySeconds * 1000,
        ...(leaseSeconds !== undefined && { leaseSeconds }),
      }),
    };
  }
}
