import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { bundle } from "../../components/bundle";
import { LabProcess, Log } from "../../lab/process";
import type { LabSite } from "../../lab/site";
import { agentEnvironment, resolverEnvironment } from "../../src/contract/environments";
import { resolverScript } from "../../src/contract/resolver";
import type { DnsServer } from "../../src/dns/client/dns-client";
import { binDir } from "../tools/cache";

/** Where a site's resolver is, and what it asks. */
interface Place {
  /** The site beside whose Knot it is. */
  readonly site: LabSite;
  readonly folder: string;
  readonly address: string;
  readonly httpPort: number;
  /** Who answers names outside the mesh, and is not validated. */
  readonly upstreams: readonly string[];
  /** Folder of the certificate by which it answers over TLS. */
  readonly tlsFolder: string;
}

/** A pod of a site's resolver in a lab: Knot Resolver as its container starts it, and the agent's program beside it. */
export class ResolverProcess implements AsyncDisposable {
  readonly #log = new Log();
  #agent: LabProcess | undefined;
  #kresd: LabProcess | undefined;

  constructor(private readonly place: Place) {}

  get server(): DnsServer {
    return { address: this.place.address, port: 53 };
  }

  /** What the agent and Knot Resolver logged. */
  log(): string {
    return this.#log.text;
  }

  /** The pod's start. */
  start(): void {
    const { folder } = this.place;
    mkdirSync(folder, { recursive: true });
    const path = `${binDir()}:${process.env["PATH"] ?? ""}`;
    const command = ["sh", "-c", resolverScript, "resolver", folder] as const;
    this.#kresd = new LabProcess({ command, env: { PATH: path }, log: this.#log });
    this.startAgent();
  }

  /** @param changes - Variables of its environment that are others than those of its site. */
  startAgent(changes: Readonly<Record<string, string>> = {}): void {
    const { folder } = this.place;
    const program = join(folder, "resolver.js");
    writeFileSync(program, bundle("resolver"));
    const env = { PATH: process.env["PATH"], ...this.#environment(), ...changes };
    this.#agent = new LabProcess({ command: ["node", program], env, log: this.#log });
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.end("SIGKILL");
  }

  /** What its readiness probe gets. */
  readiness(): Promise<string> {
    return this.#get("/ready");
  }

  /** What a Prometheus gets. */
  metrics(): Promise<string> {
    return this.#get("/metrics");
  }

  async #get(path: string): Promise<string> {
    const { address, httpPort } = this.place;
    return (await fetch(`http://${address}:${httpPort}${path}`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgent();
    await this.#kresd?.end("SIGTERM");
  }

  #environment(): Record<string, string> {
    const { site, folder, address, httpPort, upstreams, tlsFolder } = this.place;
    const { packetFile, localKeyFile } = agentEnvironment.fromEnvironment(site.environment());
    return resolverEnvironment.toEnvironment({
      ...{ packetFile, localKeyFile, folder },
      listen: [`${address}@53`],
      tlsListen: [`${address}@853`],
      tlsFolder,
      http: { address, port: httpPort },
      unvalidatedUpstreams: upstreams,
      upstreams: [],
      cacheMiB: 16,
      lookMs: 300,
      keysMs: 500,
    });
  }
}
