import { join } from "node:path";

import { expect } from "chai";

import { Lab } from "../../lab";
import type { LabListed } from "../../lab/plan";
import { freeEverywhere } from "../../lab/ports";
import { defaultStorage } from "../../lab/preflight";
import type { TsigKey } from "../../src/dns/tsig-key";
import { rcodes } from "../../src/dns/types";
import type { Change } from "../../src/dns/update";
import { randomKey } from "../../src/keyring/fresh-key";
import { poolDefinition } from "../../src/pools/crd";
import { recordDefinition } from "../../src/records/crd";
import { eventually } from "../eventually";
import { Line } from "../line";
import { type ControlPlane, startControlPlane } from "../plugins/control-plane";
import type { Properties } from "../plugins/wire";
import { apiUrl, createAccount, OperatorProcess, type OperatorSettings } from "./operator-process";
import { RecordObjects } from "./record-objects";

/** What a {@link RecordMesh} is made of. */
export interface RecordMeshOptions extends OperatorSettings {
  /** Further zones of the first site, beside its own. */
  readonly zones?: LabListed["zones"];
  /** Pods of each site. @default 1 */
  readonly replicas?: number;
  /** Whether each site has a zone in which it tells of pools. @default false */
  readonly hasPools?: boolean;
}

interface Parts {
  readonly plane: ControlPlane;
  readonly lab: Lab;
  readonly line: Line;
  readonly token: string;
  readonly started: AsyncDisposableStack;
  readonly settings: OperatorSettings;
  readonly key: TsigKey;
}

/** A mesh of three real sites, a real API server with the definition of DnsRecord, and the operator's program beside the first site. */
export class RecordMesh implements AsyncDisposable {
  /** The operator that runs from the start. */
  readonly operator: OperatorProcess;

  private constructor(
    private readonly parts: Parts,
    httpPort: number,
  ) {
    this.operator = this.#process("operator-0", httpPort);
  }

  static async start({
    zones = [],
    replicas = 1,
    hasPools = false,
    ...settings
  }: RecordMeshOptions = {}): Promise<RecordMesh> {
    const started = new AsyncDisposableStack();
    try {
      const key = randomKey("records");
      const plane = started.use(await startControlPlane());
      const lab = started.use(await Lab.create({ sites: 3, replicas, recordsKey: key, storage: defaultStorage(3) }));
      lab.list[0]?.zones.push(...zones);
      if (hasPools) for (const site of lab.list) site.zones.push(`_pools.${site.name}.internal`);
      await lab.upAll();
      await lab.converged(60);
      for (const definition of [recordDefinition(), poolDefinition()]) {
        const body = definition as unknown as Properties;
        await plane.api.send({ method: "POST", path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body });
      }
      await eventually(30, () => plane.api.send({ method: "GET", path: "/apis/dns.mesh.io/v1alpha1" }));
      const token = await createAccount(plane, settings.namespaces, settings);
      const line = started.use(await Line.to(Number(apiUrl(plane.kubeconfig).port)));
      const parts = { plane, lab, line, token, started, settings, key };
      const mesh = new RecordMesh(parts, await freeEverywhere());
      mesh.operator.start();
      await mesh.#warmUp();
      return mesh;
    } catch (error) {
      await started.disposeAsync();
      throw error;
    }
  }

  get lab(): Lab {
    return this.parts.lab;
  }

  get plane(): ControlPlane {
    return this.parts.plane;
  }

  /** The operator's way to the API server. */
  get line(): Line {
    return this.parts.line;
  }

  /** The operator's site, whose zones can be changed. */
  get owner(): string {
    return this.parts.lab.plan.primary;
  }

  /** The zone that the operator's site has in any case. */
  get zone(): string {
    return `${this.owner}.example`;
  }

  /** A namespace's DnsRecords, those of the operator's when it is left out. */
  objects(zone = this.zone, space?: string): RecordObjects {
    return new RecordObjects(this.parts.plane.api, zone, space);
  }

  /** Another replica of the operator, which does not run yet. It ends with the mesh at the latest. */
  async replica(pod: string, settings: OperatorSettings = {}): Promise<OperatorProcess> {
    return this.#process(pod, await freeEverywhere(), settings);
  }

  /**
   * The operator of another site, which does not run yet, with a namespace of its own: it sees no object of the first site's. It
   * ends with the mesh at the latest.
   */
  async operatorOf(name: string, settings: OperatorSettings = {}): Promise<OperatorProcess> {
    const { plane, lab, line, started } = this.parts;
    const own = `dns-${name}`;
    const token = await createAccount(plane, [], { own });
    const place = { site: lab.site(name), plane, token, pod: `operator-${name}`, namespace: own, apiPort: line.port };
    const folder = join(lab.folder, `operator-${name}`);
    return started.use(new OperatorProcess({ ...place, folder, httpPort: await freeEverywhere() }, settings));
  }

  /** What a site answers, sorted; addresses as such. */
  async answer(site: string, name: string, type = "A"): Promise<string[]> {
    const { server, dns } = this.lab.site(site);
    const { answers, rcode } = await dns.query(server, name, type);
    if (rcode === rcodes.NXDOMAIN) return [];
    return answers.map((record) => ("address" in record ? record.address : JSON.stringify(record))).sort();
  }

  /** Checks what every site answers now. */
  async everywhere(name: string, expected: readonly string[], type?: string): Promise<void> {
    for (const site of this.lab.sites.keys())
      expect(await this.answer(site, name, type), `${name} at ${site}`).to.deep.equal(expected);
  }

  /** Changes a zone as somebody's nsupdate does. */
  async update(zone: string, changes: readonly Change[]): Promise<void> {
    const { server, dns } = this.lab.site(this.owner);
    await dns.update(server, { zone, changes }, this.parts.key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts.started.disposeAsync();
  }

  /** An API server lets the first requests of a new kind wait for seconds. */
  async #warmUp(): Promise<void> {
    const objects = this.objects();
    await objects.make("first", { name: "first", value: "192.0.2.1" });
    await objects.programmed("first");
    await objects.remove("first");
    await objects.gone("first");
  }

  #process(pod: string, httpPort: number, more: OperatorSettings = {}): OperatorProcess {
    const { plane, token, lab, line, settings } = this.parts;
    const site = lab.site(this.owner);
    const folder = join(lab.folder, pod);
    const place = { site, plane, token, folder, pod, httpPort, apiPort: line.port };
    return this.parts.started.use(new OperatorProcess(place, { ...settings, ...more }));
  }
}
