import * as z from "zod/mini";

import type { Clock } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { fingerprint, isThere, readText, writeAtomically } from "../../base/files";
import { inParallel } from "../../base/in-parallel";
import { readJsonText } from "../../base/json-file";
import type { Logger } from "../../base/log";
import { listOf, plainText, readShape } from "../../base/shape";
import type { OptionsOf, resolverEnvironment } from "../../contract/environments";
import { resolverFiles } from "../../contract/resolver";
import { splitServer } from "../../dns/address";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import { isUnreachable } from "../../dns/errors";
import type { TsigKey } from "../../dns/tsig-key";
import { rcodes } from "../../dns/types";
import { isRetired } from "../../mesh/limits";
import type { SiteView, ZoneView } from "../../mesh/view";
import type { Inputs, LiveInputs } from "../operator/inputs";
import { MeshFollower } from "../operator/mesh-follower";
import type { AgentClient } from "../sidecar/http/agent-client";
import { configurationText, type ResolvedZone, type ZoneKeys } from "./configuration";
import { restartWorkers } from "./workers";
import { anchorsOf } from "./zone-keys";

/** What the resolver's agent is set to. */
export type ResolverOptions = OptionsOf<typeof resolverEnvironment>;

/** What {@link Resolver} works with. */
export interface ResolverParts {
  readonly options: ResolverOptions;
  readonly inputs: Pick<LiveInputs, "current" | "look">;
  readonly key: TsigKey;
  readonly dns: Pick<DnsClient, "query" | "querySoa" | "transfer">;
  /** For this pod's own resolver. */
  readonly recursive: Pick<DnsClient, "query">;
  readonly agents: Pick<AgentClient, "status">;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Zones whose keys are asked for at a time. */
const askWidth = 8;
/** Zones that are asked for again in one look, so that many do not come all at once. */
const mostAgain = 50;
/** Servers of one zone at the most: what answers from near is enough. */
const mostServers = 16;
const patienceMs = 10_000;
const keysShape = z.record(z.string(), listOf(plainText));

/**
 * The agent beside Knot Resolver. It follows directory and catalog as the record operator does, asks the site's Knot for the keys of every
 * zone, signed with the site's own key, and restarts the resolver's processes when that comes to another configuration. While
 * the site's Knot is away everything stays as it is.
 */
export class Resolver {
  readonly #follower: MeshFollower;
  /** By zone. */
  readonly #keys = new Map<string, ZoneKeys>();
  /** When each zone is to be asked again. */
  readonly #dueAt = new Map<string, number>();
  /** Zones of whose keys nothing is known, as it was logged. */
  readonly #unknown = new Set<string>();
  /** Which of the site's pods is asked. */
  #pod = 0;
  /** What the processes run with, as far as this one knows. */
  #running = "";
  #trouble = "";

  constructor(private readonly parts: ResolverParts) {
    const { inputs, dns, key, log, clock, agents } = parts;
    this.#follower = new MeshFollower({
      packet: () => inputs.current.packet,
      dns,
      writer: () => this.#server,
      agent: () => agents.status({ address: this.#server.address, port: inputs.current.agent.port }),
      key,
      log,
      now: clock.now,
    });
  }

  /** Takes up what an earlier process left, which may have been ended while the site's Knot was away. */
  async open(): Promise<void> {
    const files = resolverFiles(this.parts.options.folder);
    this.#running = (await readText(files.configuration)) ?? "";
    const text = await readText(files.zoneKeys);
    if (text === undefined) return;
    try {
      const known = readJsonText({ text, from: files.zoneKeys }, (json) => readShape(keysShape, json, "keys:"));
      for (const [zone, keys] of Object.entries(known)) this.#keys.set(zone, keys);
    } catch (error) {
      this.parts.log.warn("the zones' keys are asked for anew", { reason: messageOf(error) });
    }
  }

  /** What there must be for clients to be sent here, and is not. Never throws. */
  async missing(): Promise<readonly string[]> {
    const { options } = this.parts;
    if (!(await isThere(resolverFiles(options.folder).configuration))) return ["directory and catalog"];
    return this.silent();
  }

  /** Whether Knot Resolver has what it needs and does not answer all the same. Never throws. */
  async silent(): Promise<readonly string[]> {
    const { options, recursive } = this.parts;
    if (!(await isThere(resolverFiles(options.folder).configuration))) return [];
    const { address, port } = splitServer(options.listen[0] ?? "");
    const near = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
    const { rcode } = await recursive
      .query({ address: near, port }, "localhost", "A")
      .catch(() => ({ rcode: undefined }));
    return rcode === rcodes.NOERROR ? [] : ["Knot Resolver"];
  }

  /** Brings the resolver to what the mesh is now. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { inputs, log } = this.parts;
    try {
      await inputs.look();
      await this.#follower.follow();
      await this.#askForKeys();
      if (this.#trouble !== "") log.info("the mesh is followed again");
      this.#trouble = "";
    } catch (error) {
      if (signal.aborted) return;
      this.#pod++;
      const trouble = messageOf(error);
      if (this.#trouble === "") log.warn("the site's Knot cannot be asked; what was known stays", { reason: trouble });
      this.#trouble = trouble;
    }
    await this.#apply(signal).catch((error: unknown) => {
      log.error(messageOf(error));
    });
  }

  get #server(): DnsServer {
    const { pods, writer } = this.parts.inputs.current;
    return pods[this.#pod % Math.max(1, pods.length)] ?? writer;
  }

  /** Asks for the keys of zones that are due. @throws Error when the server does not answer. */
  async #askForKeys(): Promise<void> {
    const { clock, options } = this.parts;
    const zones = new Set(this.#names());
    if (zones.size === 0) return;
    for (const known of [this.#keys, this.#dueAt])
      for (const zone of known.keys()) if (!zones.has(zone)) known.delete(zone);
    const now = clock.now();
    const dueAt = (zone: string): number => this.#dueAt.get(zone) ?? 0;
    const due = [...zones].filter((zone) => now >= dueAt(zone)).sort((a, b) => dueAt(a) - dueAt(b));
    const first = due.filter((zone) => dueAt(zone) === 0);
    let isAway = false;
    await inParallel(askWidth, due.slice(0, first.length + mostAgain), async (zone) => {
      if (isAway) return;
      try {
        this.#keys.set(zone, await this.#keysOf(zone));
        this.#dueAt.set(zone, now + options.keysMs);
      } catch (error) {
        isAway = isUnreachable(error);
        if (isAway) throw error;
        this.#complain(zone, messageOf(error));
      }
    });
  }

  /** @throws Error where the server does not have the zone yet: what was known stays, and it is asked again with the next look. */
  async #keysOf(zone: string): Promise<ZoneKeys> {
    const { dns, key, log } = this.parts;
    const ask = (type: string) => dns.query(this.#server, zone, type, key);
    const before = this.#keys.get(zone);
    const keys = anchorsOf({ dnskey: await ask("DNSKEY"), cds: await ask("CDS") }, before);
    if (JSON.stringify(keys) !== JSON.stringify(before ?? []))
      log.info("the keys of a zone are others", { zone, keys: keys.length });
    this.#unknown.delete(zone);
    return keys;
  }

  /** Logs once that a zone is not answered, as long as nothing is known of its keys. */
  #complain(zone: string, reason: string): void {
    if (this.#keys.has(zone) || this.#unknown.has(zone)) return;
    this.#unknown.add(zone);
    this.parts.log.warn("the keys of a zone are not known yet, so that it is not answered", { zone, reason });
  }

  /** The directory, whose names NS records have, and every zone of the mesh; nothing as long as it is not known. */
  #names(): readonly string[] {
    const { packet } = this.parts.inputs.current;
    const zones = this.#follower.zones;
    return zones ? [packet.directoryZone, ...zones.map(({ name }) => name)] : [];
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const { options, clock, log, inputs } = this.parts;
    const [sites, zones] = [this.#follower.sites, this.#follower.zones];
    if (sites === undefined || zones === undefined) return;
    const files = resolverFiles(options.folder);
    const { upstreams, unvalidatedUpstreams, tlsListen, tlsFolder } = options;
    const text = configurationText({
      listen: options.listen,
      ...(tlsListen && tlsFolder !== undefined && { tls: await tlsOf(tlsListen, tlsFolder) }),
      cache: files.cache,
      cacheMiB: options.cacheMiB,
      upstreams: [...upstreams, ...unvalidatedUpstreams],
      validatesUpstreams: unvalidatedUpstreams.length === 0,
      zones: this.#resolved({
        sites,
        zones,
        inputs: inputs.current,
        today: new Date(clock.now()).toISOString().slice(0, 10),
      }),
    });
    if (text === this.#running) return;
    await writeAtomically(files.zoneKeys, JSON.stringify(Object.fromEntries(this.#keys)));
    await writeAtomically(files.configuration, text);
    if (!(await restartWorkers({ folder: options.folder, clock, log, patienceMs }, signal))) return;
    this.#running = text;
    log.info("Knot Resolver has another configuration", { zones: zones.length, sites: sites.length });
  }

  #resolved(known: {
    readonly sites: readonly SiteView[];
    readonly zones: readonly ZoneView[];
    readonly inputs: Inputs;
    readonly today: string;
  }): readonly ResolvedZone[] {
    const { sites, zones, inputs, today } = known;
    const { packet, pods } = inputs;
    const others = sites.filter((site) => site.name !== packet.site.name && !isRetired(site, today));
    const near = pods.map(({ address }) => address);
    const serversOf = (owner: string | undefined): readonly string[] => {
      const rank = (site: SiteView): number => (site.name === owner ? 0 : site.role === "standard" ? 2 : 1);
      const far = [...others].sort((a, b) => rank(a) - rank(b)).flatMap(({ addresses }) => addresses);
      return [...new Set([...near, ...far])].slice(0, mostServers);
    };
    const all = [{ name: packet.directoryZone, owner: undefined }, ...zones];
    return all.map(({ name, owner }) => ({ name, servers: serversOf(owner), keys: this.#keys.get(name) }));
  }
}

async function tlsOf(listen: readonly string[], folder: string) {
  return { listen, folder, fingerprint: await fingerprint([`${folder}/tls.crt`, `${folder}/tls.key`]) };
}
