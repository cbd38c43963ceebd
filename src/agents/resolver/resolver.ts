import * as z from "zod/mini";

import type { Clock } from "../../base/clock";
import { messageOf } from "../../base/errors";
import { fingerprint, readText, writeAtomically } from "../../base/files";
import { inParallel } from "../../base/in-parallel";
import { readJsonText } from "../../base/json-file";
import type { Logger } from "../../base/log";
import { listOf, plainText, readShape } from "../../base/shape";
import type { OptionsOf, resolverEnvironment } from "../../contract/environments";
import { resolverFiles } from "../../contract/resolver";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import { DnsError, type DnsFailure } from "../../dns/errors";
import type { TsigKey } from "../../dns/tsig-key";
import { isRetired } from "../../mesh/limits";
import type { SiteView, ZoneView } from "../../mesh/view";
import type { Inputs, LiveInputs } from "../operator/inputs";
import { MeshFollower } from "../operator/mesh-follower";
import type { AgentClient } from "../sidecar/http/agent-client";
import {
  configurationText,
  isUrgent,
  type ResolvedZone,
  type ResolverConfiguration,
  versionOf,
  type ZoneKeys,
} from "./configuration";
import type { ZoneCounts } from "./metrics";
import type { Workers } from "./workers";
import { anchorsOf } from "./zone-keys";

/** What the resolver's agent is set to. */
export type ResolverOptions = OptionsOf<typeof resolverEnvironment>;

/** What {@link Resolver} works with. */
export interface ResolverParts {
  readonly options: ResolverOptions;
  readonly inputs: Pick<LiveInputs, "current" | "look">;
  /** The site's own key, which may be another one at each look. */
  readonly readKey: () => Promise<TsigKey>;
  readonly dns: Pick<DnsClient, "query" | "querySoa" | "transfer">;
  readonly agents: Pick<AgentClient, "status">;
  readonly workers: Pick<Workers, "bring">;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Zones whose keys are asked for at a time. */
const askWidth = 8;
/** Zones that are asked for again in one look, so that many do not come all at once. */
const mostAgain = 50;
/** Milliseconds until a zone whose keys are known is asked for again when nobody answered. */
const failedMs = 10_000;
/** Servers of one zone at the most: what answers from near is enough. */
const mostServers = 16;
/** Milliseconds between restarts at the least, but for what is urgent: changes come in flocks. */
const gatherMs = 20_000;
const keysShape = z.record(z.string(), listOf(plainText));

/** What a server that does not know our key says to every question alike. */
const ofOurKey: ReadonlySet<string> = new Set<DnsFailure["kind"]>([
  "badKey",
  "badSignature",
  "badTime",
  "badTruncation",
]);

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
  /** Zones of whose keys nobody could tell at the last question, as it was logged. */
  readonly #failing = new Set<string>();
  /** Which of the site's pods is asked. */
  #pod = 0;
  #key: TsigKey | undefined;
  /** The file's text, and by what it came about, as far as this one wrote it. */
  #written = "";
  #by: ResolverConfiguration | undefined;
  #writtenAt = -Infinity;
  /** Version that all processes run, as it was logged, by this agent or the one before. */
  #running: string | undefined;
  #trouble = "";

  constructor(private readonly parts: ResolverParts) {
    const { inputs, dns, log, clock, agents } = parts;
    const currentKey = (): TsigKey => {
      if (this.#key === undefined) throw new Error("followed without a key");
      return this.#key;
    };
    this.#follower = new MeshFollower({
      packet: () => inputs.current.packet,
      dns,
      writer: () => this.#server,
      agent: () => agents.status({ address: this.#server.address, port: inputs.current.agent.port }),
      get key() {
        return currentKey();
      },
      log,
      now: clock.now,
    });
  }

  /** Takes up what an earlier process left, which may have been ended while the site's Knot was away. */
  async open(): Promise<void> {
    const files = resolverFiles(this.parts.options.folder);
    this.#written = (await readText(files.configuration)) ?? "";
    this.#running = versionOf(this.#written);
    const text = await readText(files.zoneKeys);
    if (text === undefined) return;
    try {
      const known = readJsonText({ text, from: files.zoneKeys }, (json) => readShape(keysShape, json, "keys:"));
      for (const [zone, keys] of Object.entries(known)) this.#keys.set(zone, keys);
    } catch (error) {
      this.parts.log.warn("the zones' keys are asked for anew", { reason: messageOf(error) });
    }
  }

  /** Why the mesh is not followed; undefined when it is. */
  get waitsFor(): string | undefined {
    return this.#trouble === "" ? (this.#follower.waitsFor ?? this.#follower.refusal) : this.#trouble;
  }

  /** The site that it is of. */
  get site(): string {
    return this.parts.inputs.current.packet.site.name;
  }

  get zones(): ZoneCounts {
    const zones = this.#by?.zones ?? [];
    return { known: zones.length, withoutKeys: zones.filter(({ keys }) => keys === undefined).length };
  }

  /** Brings the resolver to what the mesh is now. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { inputs, log, readKey } = this.parts;
    try {
      await inputs.look();
      this.#key = await readKey();
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
    for (const step of [() => this.#write(), () => this.#apply(signal)])
      await step().catch((error: unknown) => {
        log.error(messageOf(error));
      });
  }

  /** The site's pods, from the one on that is asked. */
  get #servers(): readonly DnsServer[] {
    const { pods, writer } = this.parts.inputs.current;
    const from = this.#pod % Math.max(1, pods.length);
    return pods.length > 0 ? [...pods.slice(from), ...pods.slice(0, from)] : [writer];
  }

  get #server(): DnsServer {
    return this.#servers[0] ?? this.parts.inputs.current.writer;
  }

  /** Asks for the keys of zones that are due. @throws Error when the server does not answer, or does not know our key. */
  async #askForKeys(): Promise<void> {
    const { clock, options } = this.parts;
    const zones = new Set(this.#names());
    if (zones.size === 0) return;
    for (const known of [this.#keys, this.#dueAt, this.#failing])
      for (const zone of known.keys()) if (!zones.has(zone)) known.delete(zone);
    const now = clock.now();
    const dueAt = (zone: string): number => this.#dueAt.get(zone) ?? 0;
    const due = [...zones].filter((zone) => now >= dueAt(zone)).sort((a, b) => dueAt(a) - dueAt(b));
    const first = due.filter((zone) => dueAt(zone) === 0);
    const failures = new Map<string, string>();
    const away = new Set<DnsServer>();
    let isOver = false;
    await inParallel(askWidth, due.slice(0, first.length + mostAgain), async (zone) => {
      if (isOver) return;
      try {
        this.#keys.set(zone, await this.#keysOf(zone, away));
        this.#dueAt.set(zone, now + options.keysMs);
        this.#failing.delete(zone);
      } catch (error) {
        if (isOfTheServer(error)) {
          isOver = true;
          throw error;
        }
        if (this.#keys.has(zone)) this.#dueAt.set(zone, now + Math.min(failedMs, options.keysMs));
        failures.set(zone, messageOf(error));
      }
    }).finally(() => {
      this.#complain(failures);
    });
  }

  /**
   * What the first of the site's pods says that has the zone.
   *
   * @param away - Pods beside the first that were found not to answer.
   * @throws Error where none has it: what was known stays, and it is asked again.
   */
  async #keysOf(zone: string, away: Set<DnsServer>): Promise<ZoneKeys> {
    const [server = this.#server, ...others] = this.#servers;
    try {
      return await this.#keysAt(server, zone);
    } catch (error) {
      if (isOfTheServer(error)) throw error;
      for (const other of others) {
        if (away.has(other)) continue;
        try {
          return await this.#keysAt(other, zone);
        } catch (otherError) {
          if (isOfTheServer(otherError)) away.add(other);
        }
      }
      throw error;
    }
  }

  async #keysAt(server: DnsServer, zone: string): Promise<ZoneKeys> {
    const { dns, log } = this.parts;
    const ask = (type: string) => dns.query(server, zone, type, this.#key);
    const before = this.#keys.get(zone);
    const keys = anchorsOf({ dnskey: await ask("DNSKEY"), cds: await ask("CDS") }, before);
    if (JSON.stringify(keys) !== JSON.stringify(before ?? []))
      log.info("the keys of a zone are others", { zone, keys: keys.length });
    return keys;
  }

  /** Logs zones whose keys nobody tells, as they begin to be: each that is not answered, and in one line those that are all the same. */
  #complain(failures: ReadonlyMap<string, string>): void {
    const { log } = this.parts;
    const fresh = [...failures].filter(([zone]) => !this.#failing.has(zone));
    for (const [zone] of fresh) this.#failing.add(zone);
    for (const [zone, reason] of fresh.filter(([name]) => !this.#keys.has(name)))
      log.warn("the keys of a zone are not known yet, so that it is not answered", { zone, reason });
    const known = fresh.filter(([name]) => this.#keys.has(name));
    for (const [zone, reason] of known.slice(0, 1))
      log.warn("the keys of zones cannot be asked for; those that were known stay", {
        zone,
        reason,
        zones: known.length,
      });
  }

  /** The directory, whose names NS records have, and every zone of the mesh; nothing as long as it is not known. */
  #names(): readonly string[] {
    const { packet } = this.parts.inputs.current;
    const zones = this.#follower.zones;
    return zones ? [packet.directoryZone, ...zones.map(({ name }) => name)] : [];
  }

  /** Writes what the mesh comes to, when it is another configuration, and others are not waited for. */
  async #write(): Promise<void> {
    const { options, clock, inputs } = this.parts;
    const [sites, zones] = [this.#follower.sites, this.#follower.zones];
    if (sites === undefined || zones === undefined) return;
    const files = resolverFiles(options.folder);
    const { upstreams, unvalidatedUpstreams, tlsListen, tlsFolder } = options;
    const now = clock.now();
    const wanted: ResolverConfiguration = {
      listen: options.listen,
      ...(tlsListen && tlsFolder !== undefined && { tls: await tlsOf(tlsListen, tlsFolder) }),
      cache: files.cache,
      cacheMiB: options.cacheMiB,
      upstreams: [...upstreams, ...unvalidatedUpstreams],
      validatesUpstreams: unvalidatedUpstreams.length === 0,
      zones: this.#resolved({ sites, zones, inputs: inputs.current, today: new Date(now).toISOString().slice(0, 10) }),
    };
    const text = configurationText(wanted);
    if (text !== this.#written) {
      if (now - this.#writtenAt < gatherMs && !isUrgent(this.#by, wanted)) return;
      await writeAtomically(files.zoneKeys, JSON.stringify(Object.fromEntries(this.#keys)));
      await writeAtomically(files.configuration, text);
      [this.#written, this.#writtenAt] = [text, now];
    }
    this.#by = wanted;
  }

  /** Sees that all processes run what is written, whoever wrote it. */
  async #apply(signal: AbortSignal): Promise<void> {
    const version = versionOf(this.#written);
    if (version === undefined || !(await this.parts.workers.bring(version, signal)) || version === this.#running)
      return;
    this.#running = version;
    const [zones, sites] = [this.#follower.zones, this.#follower.sites];
    const known = zones && sites ? { zones: zones.length, sites: sites.length } : {};
    this.parts.log.info("Knot Resolver has another configuration", known);
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

function isOfTheServer(error: unknown): boolean {
  return error instanceof DnsError && (error.isUnreachable || ofOurKey.has(error.failure.kind));
}
