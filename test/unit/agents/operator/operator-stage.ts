import { OperatorMetrics } from "../../../../src/agents/operator/metrics";
import type { Inputs, LiveInputs } from "../../../../src/agents/operator/inputs";
import type { FollowedZones } from "../../../../src/agents/operator/mesh-follower";
import { RecordOperator } from "../../../../src/agents/operator/operator";
import type { OperatorOptions } from "../../../../src/agents/operator/options";
import type { AgentStatus, HeldChange } from "../../../../src/agents/sidecar/http/status";
import type { Logger } from "../../../../src/base/log";
import type { Mesh } from "../../../../src/mesh/model";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { parseMesh } from "../../../../src/settings/parse";
import { centralRecords } from "../sidecar/fake-knot";
import { FakeApi } from "./fake-api";
import { FakeSites } from "./fake-sites";
import { FakeWriter } from "./fake-writer";
import { TestClock } from "./test-clock";

const key = { name: "local", algorithm: "hmac-sha256", secret: "" } as const;
const socket = { address: "192.0.2.250", port: 53 };

/** What a stage is made of. */
export interface StageOptions {
  /** Zones of the operator's site. @default a.example */
  readonly zones?: readonly { readonly name: string; readonly retired?: string }[];
  /** Pods of each site; `a` is the operator's. @default one each */
  readonly pods?: Readonly<Partial<Record<"a" | "b" | "c", number>>>;
  readonly namespaces?: readonly string[];
  readonly options?: Partial<OperatorOptions>;
}

/** One turn of an operator. */
export interface Turn {
  readonly operator: RecordOperator;
  /** Ends the turn, and waits until all loops have ended. */
  readonly end: () => Promise<void>;
}

/** An operator among stand-ins for all that it speaks to, and with time in a test's hand. */
export class OperatorStage {
  readonly clock = new TestClock();
  readonly api = new FakeApi();
  readonly writer = new FakeWriter(this.clock);
  readonly sites = new FakeSites((zone) => this.writer.serial(zone));
  readonly metrics = new OperatorMetrics();
  /** What was logged: level, message, and fields as JSON. */
  readonly lines: string[] = [];
  announced = 0;
  /** What the agent says to be held. */
  held: HeldChange[] = [];
  isAgentAway = false;
  mesh: Mesh;
  #meshSerial = 1;
  #mounted: Inputs;
  /** What the operator is to be told instead: that the files cannot be used. */
  unusable: Error | undefined;

  constructor(private readonly options: StageOptions = {}) {
    const { zones = [{ name: "a.example" }], pods = {} } = options;
    this.mesh = meshOf(zones);
    this.publish(this.mesh);
    const packet = welcomePacket(this.mesh, "a", "CA");
    this.#mounted = { packet, writer: socket, agent: socket, pods: [], remotePort: 53 };
    for (const { name } of zones) this.writer.serve(name);
    for (const { name, addresses } of this.mesh.sites)
      this.sites.add(name, { address: addresses[0] ?? "", pods: pods[name as "a"] ?? 1 });
  }

  get log(): Logger {
    const at =
      (level: string) =>
      (message: string, fields: unknown = {}): void => {
        this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
      };
    return { info: at("info"), warn: at("warn"), error: at("error") };
  }

  /** Lists zones with other marks, or others, in the central zones. */
  relist(zones: readonly { readonly name: string; readonly retired?: string }[]): void {
    this.publish(meshOf(zones));
  }

  /** What `up` of the site's stack changes in the operator's pod. */
  mount(changes: Partial<Inputs>): void {
    this.#mounted = { ...this.#mounted, ...changes };
  }

  /** Has `up` give the site these zones. The writer has those that are new. */
  mountZones(zones: readonly { readonly name: string; readonly retired?: string }[]): void {
    const own = new Set(this.#mounted.packet.site.zones.map(({ name }) => name));
    for (const { name } of zones) if (!own.has(name)) this.writer.serve(name);
    this.mount({ packet: welcomePacket(meshOf(zones), "a", "CA") });
  }

  #inputs(): Pick<LiveInputs, "current" | "look"> {
    let current = this.#mounted;
    const look = (): Promise<boolean> => {
      if (this.unusable !== undefined) return Promise.reject(this.unusable);
      const isOther = current !== this.#mounted;
      current = this.#mounted;
      return Promise.resolve(isOther);
    };
    return {
      look,
      get current() {
        return current;
      },
    };
  }

  /** What the agent beside the writer says of the central zones: that it follows them as the writer has them. */
  readonly followed = (): FollowedZones => {
    const [directorySerial, catalogSerial] = [this.mesh.directoryZone, this.mesh.catalogZone].map((zone) =>
      this.writer.serial(zone),
    ) as [number, number];
    return { applied: { directorySerial, catalogSerial }, held: [] };
  };

  publish(mesh: Mesh): void {
    this.mesh = mesh;
    for (const [zone, records] of centralRecords(mesh, this.#meshSerial++)) {
      const marks = new Map(
        mesh.sites.flatMap((site) => site.zones.map((each) => [`${each.name}._zone.${zone}`, each.retired])),
      );
      this.writer.load(
        zone,
        records.map((record) => {
          const retired = marks.get(record.name);
          return record.type === "TXT" && retired !== undefined
            ? { ...record, strings: [...record.strings, `retired=${retired}`] }
            : record;
        }),
      );
    }
  }

  /** Starts a turn. A deposed replica that does not know it is one whose clients have no end. */
  turn(pod = "operator-0", client: { isUnending?: boolean } = {}): Turn {
    const ending = new AbortController();
    const signal = client.isUnending === true ? undefined : ending.signal;
    const { namespaces = ["dns-system"], options } = this.options;
    const operator = new RecordOperator({
      options: {
        ...{ packetFile: "", localKeyFile: "", recordsKeyFile: "", namespace: "dns-system", namespaces, pod },
        http: socket,
        ...{ lookMs: 5000, awayMs: 30_000, leaseSeconds: 15, probes: [], probesPerSecond: 500 },
        ...options,
      },
      inputs: this.#inputs(),
      keys: { local: key, records: key },
      kube: this.api.client(pod, signal),
      dns: this.writer.client(signal),
      ask: this.sites.ask,
      pools: () => ({ madeOf: () => [], named: () => undefined, sources: () => [], isListed: () => true }),
      agents: {
        announce: () => {
          this.announced++;
          return Promise.resolve();
        },
        status: () =>
          this.isAgentAway
            ? Promise.reject(new Error("the agent does not answer"))
            : Promise.resolve({ guard: this.held, ...this.followed() } as unknown as AgentStatus),
      },
      watch: this.api.watch,
      ...{ metrics: this.metrics, log: this.log, clock: this.clock, random: () => 0 },
    });
    const over = operator.run(ending.signal);
    return {
      operator,
      end: () => {
        ending.abort();
        return over;
      },
    };
  }

  /** Lets time go by until all these objects are answered everywhere. */
  programmed(...names: readonly string[]): Promise<void> {
    return this.clock.until(`${names.join()} programmed`, () => this.api.isProgrammed(...names));
  }

  /** Lets time go by until a condition of an object has a reason. */
  says(name: string, type: string, reason: string): Promise<void> {
    return this.clock.until(`${name} is ${type} ${reason}`, () => this.api.says(name, type, reason));
  }

  /** Lets time go by until an object is gone. */
  gone(...names: readonly string[]): Promise<void> {
    return this.clock.until(`${names.join()} gone`, () => names.every((name) => this.api.find(name) === undefined));
  }
}

function meshOf(zones: readonly { readonly name: string; readonly retired?: string }[]): Mesh {
  const site = (name: string, n: number, own: readonly unknown[]) => ({
    ...{ name, role: n === 1 ? "primary-catalog" : "standard", addresses: [`192.0.2.${n}`], zones: own },
  });
  return parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: [site("a", 1, zones), site("b", 2, [{ name: "b.example" }]), site("c", 3, [{ name: "c.example" }])],
  });
}
