import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../../../src/io/bundle";
import type { TsigKey } from "../../../src/mesh/model";
import { operatorRules } from "../../../src/records/operator-rules";
import type { LabSite } from "../lab/site";
import { LabProcess, Log } from "../lab/process";
import type { ControlPlane } from "../plugins/control-plane";
import type { Properties } from "../plugins/wire";

/** The namespace of the operator and its records. */
export const namespace = "dns-system";
const rbac = "rbac.authorization.k8s.io";

/** A key of the kind that the site's stack makes for the operator. */
export function recordsKey(): TsigKey {
  return { name: "records", algorithm: "hmac-sha256", secret: randomBytes(32).toString("base64") };
}

/** The operator's account with the rights that the site's stack gives it. Returns a token of it. */
export async function createAccount({ api }: ControlPlane): Promise<string> {
  const post = (path: string, body: Properties): Promise<Properties> => api.send({ method: "POST", path, body });
  const metadata = { name: "record-operator", namespace };
  await post("/api/v1/namespaces", { metadata: { name: namespace } });
  await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata });
  const base = `/apis/${rbac}/v1/namespaces/${namespace}`;
  await post(`${base}/roles`, { metadata, rules: JSON.parse(JSON.stringify(operatorRules)) as Properties[] });
  const subjects = [{ kind: "ServiceAccount", ...metadata }];
  const roleRef = { apiGroup: rbac, kind: "Role", name: metadata.name };
  await post(`${base}/rolebindings`, { metadata, subjects, roleRef });
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/record-operator/token`;
  const { status } = await post(path, { spec: { expirationSeconds: 7200 } });
  return (status as { token: string }).token;
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

/** The operator's program beside a site of a lab, at an API server. */
export class OperatorProcess implements AsyncDisposable {
  readonly #log = new Log();
  #process: LabProcess | undefined;

  constructor(
    private readonly o: {
      readonly site: LabSite;
      readonly plane: ControlPlane;
      readonly token: string;
      readonly folder: string;
      readonly pod: string;
      readonly httpPort: number;
      /** Where the API server is reached, when not directly. */
      readonly apiPort?: number;
      readonly awaySeconds?: number;
    },
  ) {}

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.o.httpPort}/metrics`;
  }

  log(): string {
    return this.#log.text;
  }

  start(): void {
    const { folder, plane, token } = this.o;
    mkdirSync(join(folder, "account"), { recursive: true });
    const { server, "certificate-authority": authority } = clusterOf(plane.kubeconfig);
    writeFileSync(join(folder, "account", "ca.crt"), readFileSync(authority));
    writeFileSync(join(folder, "account", "token"), token);
    writeFileSync(join(folder, "operator.js"), bundle("operator"));
    const env = { PATH: process.env["PATH"], ...this.#environment(new URL(server)) };
    this.#process = new LabProcess({ command: ["node", join(folder, "operator.js")], env, log: this.#log });
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.#process?.end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#process?.end("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.end("SIGKILL");
  }

  #environment({ hostname, port }: URL): Record<string, string> {
    const { site, folder, pod, httpPort, apiPort, awaySeconds } = this.o;
    const of = site.environment();
    return {
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: String(apiPort ?? port),
      DNS_MESH_ACCOUNT: join(folder, "account"),
      DNS_MESH_PACKET: of["DNS_MESH_PACKET"] ?? "",
      DNS_MESH_LOCAL_KEY: of["DNS_MESH_LOCAL_KEY"] ?? "",
      DNS_MESH_RECORDS_KEY: of["DNS_MESH_RECORDS_KEY"] ?? "",
      DNS_MESH_WRITER: of["DNS_MESH_KNOT"] ?? "",
      DNS_MESH_AGENT: of["DNS_MESH_HTTP"] ?? "",
      DNS_MESH_REMOTE_PORT: of["DNS_MESH_REMOTE_PORT"] ?? "",
      DNS_MESH_HTTP: `127.0.0.1@${httpPort}`,
      DNS_MESH_NAMESPACE: namespace,
      DNS_MESH_POD: pod,
      DNS_MESH_LOOK_SECONDS: "1",
      DNS_MESH_AWAY_SECONDS: String(awaySeconds ?? 3),
    };
  }
}
