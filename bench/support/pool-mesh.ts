import { join } from "node:path";

import { eventually } from "../../harness/eventually";
import { Line } from "../../harness/line";
import { type ControlPlane, startControlPlane } from "../../harness/plugins/control-plane";
import type { Properties } from "../../harness/plugins/wire";
import { HttpTarget } from "../../harness/pools/targets";
import { apiUrl, createAccount, namespace, OperatorProcess } from "../../harness/records/operator-process";
import { run } from "../../harness/tools/run";
import { Lab } from "../../lab";
import { listenInside } from "../../lab/inside";
import type { TsigKey } from "../../src/dns/tsig-key";
import { randomKey } from "../../src/keyring/fresh-key";
import { poolDefinition } from "../../src/pools/crd";
import { poolLabel, type PoolSpec, type PoolStatus } from "../../src/pools/model";
import { recordDefinition } from "../../src/records/crd";
import type { Watched } from "./watch";

/** Where operators reach the API server, and where they answer, each in its site's network. */
const [apiPort, httpPort] = [6443, 8080];
/** Network and port of targets. */
const [targetNetwork, targetPort] = ["10.77.200", 8000];
/** Order of rules that keep a site from a target, before all others of the lab's router. */
const apartPreference = 4;

const group = `/apis/dns.mesh.io/v1alpha1/namespaces/${namespace}`;
const [pools, records] = [`${group}/dnspools`, `${group}/dnsrecords`];

/** What went over a site's link. */
export interface Carried {
  readonly packets: number;
  readonly octets: number;
}

/**
 * A mesh of real sites with real web servers as targets, each in a network of its own; a real API server; and the operator's
 * program beside each site, in its network. Needs root and a private network.
 */
export class PoolMesh implements AsyncDisposable {
  private constructor(
    private readonly parts: {
      readonly lab: Lab;
      readonly targets: readonly HttpTarget[];
      readonly operators: ReadonlyMap<string, OperatorProcess>;
      readonly plane: ControlPlane;
      readonly key: TsigKey;
    },
    private readonly started: AsyncDisposableStack,
  ) {}

  static async start(shape: { readonly sites: number; readonly targets: number }): Promise<PoolMesh> {
    await using starting = new AsyncDisposableStack();
    const recordsKey = randomKey("records");
    const storage = "/dev/shm";
    const lab = starting.use(await Lab.create({ sites: shape.sites, recordsKey, network: "namespaces", storage }));
    for (const site of lab.list) site.zones.push(`_pools.${site.name}.internal`);
    await lab.upAll();
    await lab.converged(60);
    const targets: HttpTarget[] = [];
    for (let i = 1; i <= shape.targets; i++) {
      const address = `${targetNetwork}.${i}`;
      await lab.network.attach(linkOf(address), { pods: [address] });
      const target = starting.use(new HttpTarget(address, targetPort, lab.network.enter(linkOf(address))));
      await target.start();
      targets.push(target);
    }
    const plane = starting.use(await startControlPlane({ controllers: false }));
    for (const definition of [recordDefinition(), poolDefinition()]) {
      const body = definition as unknown as Properties;
      await plane.api.send({ method: "POST", path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body });
    }
    await eventually(30, () => plane.api.send({ method: "GET", path: "/apis/dns.mesh.io/v1alpha1" }));
    const line = starting.use(await Line.to(Number(apiUrl(plane.kubeconfig).port)));
    const operators = new Map<string, OperatorProcess>();
    for (const name of lab.plan.names()) {
      const operator = starting.use(await operatorAt(name, { lab, plane, line }));
      operator.start();
      operators.set(name, operator);
    }
    return new PoolMesh({ lab, targets, operators, plane, key: recordsKey }, starting.move());
  }

  get lab(): Lab {
    return this.parts.lab;
  }

  get targets(): readonly HttpTarget[] {
    return this.parts.targets;
  }

  /** The operators by their sites. */
  get operators(): ReadonlyMap<string, OperatorProcess> {
    return this.parts.operators;
  }

  /** May change the owner's zones by DNS UPDATE. */
  get key(): TsigKey {
    return this.parts.key;
  }

  /** The site whose zone the pools are in. */
  get owner(): string {
    return this.lab.plan.primary;
  }

  /** The zone of the pools. */
  get zone(): string {
    return `${this.owner}.example`;
  }

  /** What is asked: every site. */
  get sites(): readonly Watched[] {
    return [...this.lab.sites.values()].map(({ name, server }) => ({ name, server }));
  }

  /** Makes a pool. */
  async make(name: string, spec: Omit<PoolSpec, "zone" | "name" | "type">): Promise<void> {
    const body = {
      apiVersion: "dns.mesh.io/v1alpha1",
      kind: "DnsPool",
      metadata: { name },
      spec: { zone: this.zone, name, type: "A", ...spec },
    };
    await this.parts.plane.api.send({ method: "POST", path: pools, body: body as unknown as Properties });
  }

  /** The statuses of all pools by their names. */
  async statuses(): Promise<ReadonlyMap<string, PoolStatus>> {
    const { items } = await this.parts.plane.api.send({ method: "GET", path: pools });
    const found = items as unknown as readonly { metadata: { name: string }; status?: PoolStatus }[];
    return new Map(found.map(({ metadata, status }) => [metadata.name, status ?? {}]));
  }

  async remove(name: string): Promise<void> {
    await this.parts.plane.api.send({ method: "DELETE", path: `${pools}/${name}` });
  }

  /** Generations of the DnsRecords that pools' answers are, by name: each change of an answer is one more. */
  async generations(): Promise<ReadonlyMap<string, number>> {
    const path = `${records}?${new URLSearchParams({ labelSelector: poolLabel }).toString()}`;
    const { items } = await this.parts.plane.api.send({ method: "GET", path });
    const found = items as unknown as readonly { metadata: { name: string; generation: number } }[];
    return new Map(found.map(({ metadata }) => [metadata.name, metadata.generation]));
  }

  /** Makes a record beside the pools, or takes it away. */
  async makeRecord(name: string, value: string): Promise<void> {
    const spec = { zone: this.zone, name, type: "A", ttl: 60, value };
    const body = { apiVersion: "dns.mesh.io/v1alpha1", kind: "DnsRecord", metadata: { name }, spec };
    await this.parts.plane.api.send({ method: "POST", path: records, body });
  }
  async removeRecord(name: string): Promise<void> {
    await this.parts.plane.api.send({ method: "DELETE", path: `${records}/${name}` });
  }

  /** What a rollout of a site's pods does: each ends as it is asked to, and starts again. */
  async rollOut(site: string): Promise<void> {
    const server = this.lab.site(site);
    await server.stop();
    await server.start();
    await server.ready(60);
    const operator = this.operators.get(site);
    await operator?.stop();
    operator?.start();
  }

  /** One more site, without an operator. Returns its name as soon as it answers. */
  async join(): Promise<string> {
    const { name } = this.lab.add();
    await this.lab.upSite(name);
    await this.lab.up();
    await this.lab.converged(60);
    return name;
  }

  /** From now on packets to a target, or from it, are lost without a word. */
  async blackhole({ address }: HttpTarget): Promise<void> {
    await this.lab.network.cut(linkOf(address));
  }

  async unblackhole({ address }: HttpTarget): Promise<void> {
    await this.lab.network.heal(linkOf(address));
  }

  /** From now on what a site sends to a target is lost without a word, or arrives again. */
  async apart(site: string, { address }: HttpTarget, isApart: boolean): Promise<void> {
    const [from = ""] = this.lab.list.find(({ name }) => name === site)?.addresses ?? [];
    const rule = `pref ${apartPreference} from ${from} to ${address} blackhole`;
    await run("ip", ["rule", isApart ? "add" : "del", ...rule.split(" ")]);
  }

  /** What a site sent and received over its link since it is there. */
  async carried(site: string): Promise<Carried> {
    const [program = "cat", ...args]: readonly string[] = [...this.lab.network.enter(site), "cat", "/proc/net/dev"];
    const [, fields = ""] = /^ *eth0:(.*)$/m.exec(await run(program, args)) ?? [];
    const [received = 0, packetsIn = 0, , , , , , , sent = 0, packetsOut = 0] = fields.trim().split(/\s+/).map(Number);
    return { packets: packetsIn + packetsOut, octets: received + sent };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.started.disposeAsync();
  }
}

function linkOf(address: string): string {
  return `target ${address}`;
}

async function operatorAt(
  name: string,
  { lab, plane, line }: { readonly lab: Lab; readonly plane: ControlPlane; readonly line: Line },
): Promise<OperatorProcess> {
  const isFirst = name === lab.plan.primary;
  const own = isFirst ? namespace : `dns-${name}`;
  const enter = lab.network.enter(name);
  line.serve(await listenInside(enter, apiPort));
  const token = await createAccount(plane, [], { own });
  const folder = join(lab.folder, `operator-${name}`);
  const place = {
    site: lab.site(name),
    plane,
    token,
    folder,
    pod: "operator-0",
    namespace: own,
    httpPort,
    apiPort,
    enter,
  };
  return new OperatorProcess(place, {
    probes: [`${targetNetwork}.0/24@${targetPort}`],
    lookSeconds: 5,
    awaySeconds: 30,
  });
}
