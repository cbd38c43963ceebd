import { expect } from "chai";

import type { Condition, DnsRecordSpec, DnsRecordStatus } from "../../src/records/model";
import { eventually } from "../eventually";
import type { KubernetesApi } from "../plugins/kubernetes-api";
import type { Properties } from "../plugins/wire";
import { namespace } from "./operator-process";

/** A DnsRecord as the API server has it. */
export interface LiveRecord {
  readonly metadata: { readonly finalizers?: string[]; readonly generation: number; readonly resourceVersion: string };
  readonly status?: DnsRecordStatus;
}

/** The DnsRecords of a namespace, as an administrator makes and looks at them. */
export class RecordObjects {
  readonly path: string;

  /** @param zone - of specs that name none */
  constructor(
    private readonly api: KubernetesApi,
    private readonly zone: string,
    space = namespace,
  ) {
    this.path = `/apis/dns.mesh.io/v1alpha1/namespaces/${space}/dnsrecords`;
  }

  async make(name: string, spec: Partial<DnsRecordSpec>, annotations: Record<string, string> = {}): Promise<void> {
    const body = {
      apiVersion: "dns.mesh.io/v1alpha1",
      kind: "DnsRecord",
      metadata: { name, annotations },
      spec: { zone: this.zone, ttl: 60, type: "A", ...spec },
    };
    await this.api.send({ method: "POST", path: this.path, body: JSON.parse(JSON.stringify(body)) as Properties });
  }

  async patch(name: string, body: Properties): Promise<void> {
    const path = `${this.path}/${name}`;
    await this.api.send({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
  }

  async remove(name: string): Promise<void> {
    await this.api.send({ method: "DELETE", path: `${this.path}/${name}` });
  }

  async find(name: string): Promise<LiveRecord | undefined> {
    const { items } = await this.api.send({
      method: "GET",
      path: `${this.path}?fieldSelector=metadata.name%3D${name}`,
    });
    return (items as unknown as LiveRecord[])[0];
  }

  /** Waits until an object is gone. */
  async gone(name: string): Promise<void> {
    await eventually(20, async () => expect(await this.find(name)).to.equal(undefined), 50);
  }

  /** Waits until a condition of the object's present generation has a reason. */
  told(name: string, type: string, reason: string): Promise<Condition> {
    const look = async (): Promise<Condition> => {
      const live = await this.find(name);
      const found = conditionOf(live, type);
      if (found?.reason !== reason || found.observedGeneration !== live?.metadata.generation)
        throw new Error(`${name} is not ${type} ${reason}: ${JSON.stringify(live?.status)}`);
      return found;
    };
    return eventually(30, look, 50);
  }

  /** Waits until every site answers the object's data, by its status. */
  async programmed(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.told(name, "Programmed", "AllSites")));
  }
}

/** A condition of an object, when it has it. */
export function conditionOf(live: LiveRecord | undefined, type: string): Condition | undefined {
  return live?.status?.conditions?.find((each) => each.type === type);
}
