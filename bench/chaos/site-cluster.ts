import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { eventually } from "../../harness/eventually";
import { administrator, type ControlPlane, startControlPlane } from "../../harness/plugins/control-plane";
import type { Properties } from "../../harness/plugins/wire";
import { FaultyApi } from "../../harness/records/faulty-api";
import { createAccount, namespace, OperatorProcess } from "../../harness/records/operator-process";
import type { Lab, LabSite } from "../../lab";
import { listenInside } from "../../lab/inside";
import { agentEnvironment } from "../../src/contract/environments";
import { objects } from "../../src/contract/names";
import { poolDefinition } from "../../src/pools/crd";
import { recordDefinition } from "../../src/records/crd";
import { ReconcilerLoop } from "./reconciler-loop";

/** Where operator and reconciler reach the API server, in their site's network. */
const apiPort = 6443;
const operatorHttpPort = 8080;
/** A site is away after a few seconds without an answer. The lease is as by default: on a busy machine a shorter one is lost all the time. */
const settings = { lookSeconds: 1, awaySeconds: 5 };

/** Programs in the place of those that are bundled for pods. */
export interface ClusterPrograms {
  readonly operator?: string;
  readonly reconciler?: string;
}

/**
 * What one site's cluster is to the mesh: a real API server with the objects that the site's stack makes, and beside the
 * site's pods, in their network, the record operator and the reconciler, which reach it by a proxy that can be hurt.
 */
export class SiteCluster implements AsyncDisposable {
  readonly site: string;
  readonly plane: ControlPlane;
  readonly api: FaultyApi;
  readonly operator: OperatorProcess;
  readonly reconciler: ReconcilerLoop;
  /** Of the operator's account. */
  readonly token: string;

  private constructor(
    parts: Pick<SiteCluster, "site" | "plane" | "api" | "operator" | "reconciler" | "token">,
    private readonly started: AsyncDisposableStack,
  ) {
    this.site = parts.site;
    this.plane = parts.plane;
    this.api = parts.api;
    this.operator = parts.operator;
    this.reconciler = parts.reconciler;
    this.token = parts.token;
  }

  /** Starts it at a site that runs. Takes half a minute. */
  static async start(lab: Lab, name: string, programs: ClusterPrograms = {}): Promise<SiteCluster> {
    await using starting = new AsyncDisposableStack();
    const plane = starting.use(await startControlPlane({ controllers: false }));
    const site = lab.site(name);
    const enter = lab.network.enter(name);
    const token = await makeObjects(plane);
    const api = starting.use(new FaultyApi(await listenInside(enter, apiPort), plane));
    const folder = join(lab.folder, `${name}-cluster`);
    mkdirSync(folder, { recursive: true });
    const place = {
      site,
      plane,
      token,
      folder,
      pod: "operator-0",
      httpPort: operatorHttpPort,
      apiPort,
      enter,
      restarts: true,
    };
    const program = programs.operator !== undefined && { program: programs.operator };
    const operator = starting.use(new OperatorProcess({ ...place, authority: api.authority, ...program }, settings));
    operator.start();
    const reconciler = starting.use(reconcilerOf({ site, folder, enter, api, ...programs }));
    reconciler.start();
    return new SiteCluster({ site: name, plane, api, operator, reconciler, token }, starting.move());
  }

  /** Addresses that the policy for peers lets in. @throws Error when there is no policy. */
  async admitted(): Promise<ReadonlySet<string>> {
    const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/${objects.peerPolicy}`;
    const { spec } = await this.plane.api.send({ method: "GET", path });
    const { ingress } = spec as { readonly ingress?: unknown };
    const found = JSON.stringify(ingress ?? []).matchAll(/"cidr":"([^"/]+)\/32"/g);
    return new Set([...found].map(([, address = ""]) => address));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.started.disposeAsync();
  }
}

function reconcilerOf(options: {
  readonly site: LabSite;
  readonly folder: string;
  readonly enter: readonly string[];
  readonly api: FaultyApi;
  readonly reconciler?: string;
}): ReconcilerLoop {
  const { site, folder, enter, api, reconciler } = options;
  const account = join(folder, "reconciler-account");
  mkdirSync(account, { recursive: true });
  writeFileSync(join(account, "ca.crt"), api.authority);
  writeFileSync(join(account, "token"), administrator, { mode: 0o600 });
  const { packetFile, localKeyFile } = agentEnvironment.fromEnvironment(site.environment());
  return new ReconcilerLoop({
    file: join(folder, "reconciler.js"),
    environment: { packetFile, localKeyFile, namespace, pod: "reconciler-0", account },
    apiPort,
    enter,
    ...(reconciler !== undefined && { program: reconciler }),
  });
}

/** What the site's stack makes. Returns a token of the operator's account. */
async function makeObjects(plane: ControlPlane): Promise<string> {
  const post = (path: string, body: Properties): Promise<Properties> => plane.api.send({ method: "POST", path, body });
  for (const definition of [recordDefinition(), poolDefinition()])
    await post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition as unknown as Properties);
  await eventually(30, () => plane.api.send({ method: "GET", path: "/apis/dns.mesh.io/v1alpha1" }));
  const token = await createAccount(plane);
  const spec = { podSelector: {}, policyTypes: ["Ingress"] };
  const policy = { metadata: { name: objects.peerPolicy }, spec };
  await post(`/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`, policy);
  await post(`/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: objects.status } });
  await post(`/api/v1/namespaces/${namespace}/secrets`, { metadata: { name: objects.zoneKeys } });
  return token;
}
