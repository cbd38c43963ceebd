import { setTimeout as delay } from "node:timers/promises";

import { type ControlCommand, encodeRequest, exchange, item, type Unit } from "./wire";

/** One zone of Knot's `zone-status`. */
export interface ZoneStatus {
  /** Absolute, lower-case, without the trailing dot. */
  readonly zone: string;
  /** `master` or `slave`; Knot's word for primary and secondary. */
  readonly role: string;
  /** Undefined as long as the zone has no content. */
  readonly serial: number | undefined;
  /** Set for a member of a catalog that Knot interprets; `group` as there (RFC 9432 section 4.3.2). */
  readonly member?: { readonly catalog: string; readonly group: string };
}

/** How long a copy of another server's zone is still good, at the moment. */
export interface ZoneExpiry {
  readonly zone: string;
  /** Until Knot takes the zone for expired unless one of its primaries answers; undefined for a zone without content. */
  readonly seconds: number | undefined;
}

/** A record of a change that waits. */
export interface WaitingRecord {
  /** As Knot writes it. */
  readonly owner: string;
  readonly type: string;
}

/** One record as Knot has it in a zone. */
export interface StoredRecord {
  /** Absolute, lower-case, without the trailing dot. */
  readonly owner: string;
  readonly type: string;
  readonly ttl: number;
  /** As a zone file has it. */
  readonly data: string;
}

/** An RRset's place. */
export interface RrsetPlace {
  readonly owner: string;
  readonly type: string;
}

/** Changes of a zone that are made together. */
export interface ZoneEdit {
  readonly add: readonly StoredRecord[];
  readonly remove: readonly (RrsetPlace & { readonly data: string })[];
  /** An RRset that must have a record when all is done, or nothing is. */
  readonly keep: RrsetPlace;
}

/** Knot refused a command; the message has its words. */
export class KnotControlError extends Error {
  override readonly name = "KnotControlError";
}

/** How to speak to a Knot. */
export interface KnotControlOptions {
  /** @default 30,000 */
  readonly timeoutMs?: number;
  /** Done before each reload of the configuration. */
  readonly beforeReload?: () => Promise<void>;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** From 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

/**
 * Speaks to a running Knot over its control socket, as `knotc` does. Each call has a connection of its own.
 *
 * Errors: {@link KnotControlError} with Knot's words when it refuses, TransientError when it does not answer.
 */
export class KnotControl {
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #beforeReload: () => Promise<void>;
  readonly #now: () => number;
  readonly #random: () => number;

  constructor(path: string, options: KnotControlOptions = {}) {
    this.#path = path;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#beforeReload = options.beforeReload ?? (() => Promise.resolve());
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Reads the configuration anew, and zone files that changed. A refused configuration leaves the old one in force. Knot
   * refuses while a transaction of the control socket is open, which most often is for milliseconds: that is waited for.
   */
  async reload(): Promise<void> {
    const end = this.#now() + openTransactionMs;
    for (let wait = 20; ; wait = Math.min(wait * 1.5, 200)) {
      try {
        await this.#beforeReload();
        await this.#call({ command: "reload" });
        return;
      } catch (error) {
        if (!(error instanceof KnotControlError) || !error.message.includes(openTransaction) || this.#now() > end)
          throw error;
      }
      await delay(wait * (0.5 + this.#random()));
    }
  }

  /** Reads a zone's file anew and waits until it is loaded. */
  async zoneReload(zone: string): Promise<void> {
    await this.#call({ command: "zone-reload", flags: "B" }, { zones: [zone] });
  }

  /** Writes a zone's file from what is served, and waits until it stands. */
  async zoneFlush(zone: string): Promise<void> {
    await this.#call({ command: "zone-flush", flags: "B" }, { zones: [zone] });
  }

  /** Sends NOTIFY for a zone to all that its configuration names. */
  async zoneNotify(zone: string): Promise<void> {
    await this.#call({ command: "zone-notify" }, { zones: [zone] });
  }

  /**
   * Writes all zones with their journals, timers, DNSSEC keys and catalogs into a folder that is not there yet; resolved
   * once it is complete. A zone without content is left out.
   */
  async zoneBackup(folder: string): Promise<void> {
    await this.#call({ command: "zone-backup", flags: "B", filters: backupFilters, data: folder });
  }

  /** Reads zone files and DNSSEC keys back from such a folder, for all zones that Knot has; resolved once they are served. */
  async zoneRestore(folder: string): Promise<void> {
    await this.#call({ command: "zone-restore", flags: "B", filters: restoreFilters, data: folder });
  }

  /** Ends the server. */
  async stop(): Promise<void> {
    await this.#call({ command: "stop" });
  }

  /** Asks the primaries of secondary zones for newer serials, now. */
  async zoneRefresh(zones: readonly string[]): Promise<void> {
    if (zones.length > 0) await this.#call({ command: "zone-refresh" }, { zones });
  }

  /** Takes whole zones from their first primary that answers, now, whatever its serial. */
  async zoneRetransfer(zones: readonly string[]): Promise<void> {
    if (zones.length > 0) await this.#call({ command: "zone-retransfer" }, { zones });
  }

  /** State of the named zones, or of all. A zone that Knot does not have is left out. */
  async zoneStatus(zones?: readonly string[]): Promise<ZoneStatus[]> {
    if (zones?.length === 0) return [];
    const statuses = new Map<string, Writable<ZoneStatus>>();
    let current: Writable<ZoneStatus> | undefined;
    const take = (unit: Unit): void => {
      const name = unit.get(item.zone);
      if (name !== undefined) {
        const zone = plainName(name);
        current = statuses.get(zone) ?? { zone, role: "", serial: undefined };
        statuses.set(zone, current);
      }
      if (current !== undefined) takeField(current, unit);
    };
    await this.#call({ command: "zone-status", filters: "rsc" }, { zones, take, absent: "ignore" });
    return [...statuses.values()];
  }

  /** All zones that are taken from others, with the time that is left to them. */
  async zoneExpiries(): Promise<readonly ZoneExpiry[]> {
    const found = new Map<string, { role: string; serial: number | undefined; seconds: number | undefined }>();
    let current: { role: string; serial: number | undefined; seconds: number | undefined } | undefined;
    const take = (unit: Unit): void => {
      const name = unit.get(item.zone);
      if (name !== undefined) {
        const zone = plainName(name);
        current = found.get(zone) ?? { role: "", serial: undefined, seconds: undefined };
        found.set(zone, current);
      }
      const [type, value = ""] = [unit.get(item.type), unit.get(item.data)];
      if (current === undefined) return;
      if (type === "role") current.role = value;
      else if (type === "serial") current.serial = serialOf(value);
      else if (type === "expiration") current.seconds = eventSeconds(value);
    };
    await this.#call({ command: "zone-status", filters: "rse" }, { take, absent: "ignore" });
    return [...found].flatMap(([zone, { role, serial, seconds }]) =>
      role === "slave" ? [{ zone, seconds: serial === undefined ? undefined : (seconds ?? Infinity) }] : [],
    );
  }

  /** Those of these zones whose files Knot is loading, or about to load. */
  async loadingZones(zones: readonly string[]): Promise<readonly string[]> {
    const loading = new Set<string>();
    let current = "";
    const take = (unit: Unit): void => {
      const name = unit.get(item.zone);
      if (name !== undefined) current = plainName(name);
      if (unit.get(item.type) === "load" && isDue(unit.get(item.data) ?? "")) loading.add(current);
    };
    if (zones.length > 0) await this.#call({ command: "zone-status", filters: "e" }, { zones, take, absent: "ignore" });
    return [...loading];
  }

  /** Which of these zones have a change that waits to be judged (`external-validation`). */
  changesWaiting(zones: readonly string[]): Promise<string[]> {
    return this.#transactions(zones, "open-external");
  }

  /**
   * Drops transactions that somebody left open on the control socket, such as a program that was killed: until then these
   * zones take no change, and the server no configuration. Returns the zones.
   */
  async dropTransactions(zones: readonly string[]): Promise<readonly string[]> {
    const open = await this.#transactions(zones, "open");
    for (const zone of open) await this.#call({ command: "zone-abort" }, { zones: [zone] });
    return open;
  }

  async #transactions(zones: readonly string[], state: "open" | "open-external"): Promise<string[]> {
    if (zones.length === 0) return [];
    const found: string[] = [];
    const take = (unit: Unit): void => {
      const zone = unit.get(item.zone);
      if (zone !== undefined && unit.get(item.data) === state) found.push(plainName(zone));
    };
    await this.#call({ command: "zone-status", filters: "t" }, { zones, take, absent: "ignore" });
    return found;
  }

  /** What the change of a zone that waits adds and takes away, record by record; nothing when the zone comes anew as a whole. */
  async changeWaiting(
    zone: string,
    take: (record: WaitingRecord & { readonly isAdded: boolean }) => void,
  ): Promise<void> {
    await this.#records("zone-diff", zone, (record, unit) => {
      take({ ...record, isAdded: unit.get(item.filters) === "+" });
    });
  }

  /** All records that a zone has when the change that waits is published. */
  async zoneWaiting(zone: string, take: (record: WaitingRecord) => void): Promise<void> {
    await this.#records("zone-get", zone, take);
  }

  async #records(command: string, zone: string, take: (record: WaitingRecord, unit: Unit) => void): Promise<void> {
    const takeUnit = (unit: Unit): void => {
      const [owner, type] = [unit.get(item.owner), unit.get(item.type)];
      if (owner !== undefined && type !== undefined) take({ owner, type }, unit);
    };
    await this.#call({ command }, { zones: [zone], take: takeUnit });
  }

  /** Has the change of a zone that waits published, or dropped. */
  async judge(zone: string, verdict: "publish" | "drop"): Promise<void> {
    await this.#call({ command: verdict === "publish" ? "zone-commit" : "zone-abort" }, { zones: [zone] });
  }

  /** Puts one record in the place of an RRset, in a transaction of its own; resolved once Knot has it in the journal and answers it. */
  async zoneReplace(zone: string, record: { owner: string; ttl: number; type: string; data: string }): Promise<void> {
    const { owner, ttl, type, data } = record;
    const at = { owner: `${owner}.`, type };
    await this.#change(zone, async (step) => {
      // What is not there cannot be unset, and need not be.
      await step({ command: "zone-unset", ...at }).catch((error: unknown) => {
        if (!(error instanceof KnotControlError)) throw error;
      });
      await step({ command: "zone-set", ...at, ttl: String(ttl), data });
    });
  }

  /** Takes whole RRsets out of a zone, all at once. */
  async zoneUnset(zone: string, sets: readonly { readonly owner: string; readonly type: string }[]): Promise<void> {
    await this.#change(zone, async (step) => {
      for (const { owner, type } of sets) await step({ command: "zone-unset", owner: `${owner}.`, type });
    });
  }

  /** The records of one name and type as they stand in the zone: no wildcard and no delegation gets between. */
  zoneRead(zone: string, place: RrsetPlace): Promise<readonly StoredRecord[]> {
    return this.#stored("zone-read", zone, place);
  }

  /**
   * Adds and removes single records, all at once; other changes of the zone wait meanwhile. Not judged by a guard
   * (`external-validation`).
   *
   * @throws KnotControlError when one is there already or no more, or when the set that is to be kept would be empty: then
   * nothing was changed.
   */
  async zoneEdit(zone: string, { add, remove, keep }: ZoneEdit): Promise<void> {
    await this.#change(zone, async (step) => {
      for (const { owner, type, ttl, data } of add)
        await step({ command: "zone-set", owner: `${owner}.`, type, ttl: String(ttl), data });
      for (const { owner, type, data } of remove) await step({ command: "zone-unset", owner: `${owner}.`, type, data });
      if ((await this.#stored("zone-get", zone, keep)).length === 0)
        throw new KnotControlError(`${keep.owner} would have no ${keep.type} record left`);
    });
  }

  async #stored(
    command: "zone-read" | "zone-get",
    zone: string,
    { owner, type }: RrsetPlace,
  ): Promise<readonly StoredRecord[]> {
    const records: StoredRecord[] = [];
    const take = (unit: Unit): void => {
      const [name, found, ttl, data] = [item.owner, item.type, item.ttl, item.data].map((each) => unit.get(each));
      if (name === undefined || found !== type || data === undefined) return;
      records.push({ owner: plainName(name), type, ttl: Number(ttl), data });
    };
    try {
      await this.#call({ command, owner: `${owner}.`, type }, { zones: [zone], take });
    } catch (error) {
      if (!(error instanceof KnotControlError) || !error.message.includes(noSuchNode)) throw error;
    }
    return records;
  }

  /** Makes changes in a transaction of their own. */
  async #change(
    zone: string,
    work: (step: (command: ControlCommand) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const step = (command: ControlCommand): Promise<void> => this.#call(command, { zones: [zone] });
    await step({ command: "zone-begin" });
    try {
      await work(step);
      await step({ command: "zone-commit" });
    } catch (error) {
      await step({ command: "zone-abort" }).catch(() => undefined);
      throw error;
    }
  }

  /** Knot's version, which also shows that it is there. */
  async status(): Promise<{ readonly version: string }> {
    let version = "";
    const take = (unit: Unit): void => {
      version = unit.get(item.data) ?? version;
    };
    await this.#call({ command: "status", type: "version" }, { take });
    return { version };
  }

  async #call(
    command: ControlCommand,
    options: {
      readonly zones?: readonly string[] | undefined;
      readonly take?: (unit: Unit) => void;
      readonly absent?: "ignore";
    } = {},
  ): Promise<void> {
    const errors: string[] = [];
    const take = (unit: Unit): void => {
      const error = unit.get(item.error);
      const zone = unit.get(item.zone);
      if (error === undefined) options.take?.(unit);
      else if (options.absent !== "ignore" || error !== noSuchZone)
        errors.push(zone === undefined ? error : `${plainName(zone)}: ${error}`);
    };
    await exchange({
      path: this.#path,
      timeoutMs: this.#timeoutMs,
      request: encodeRequest(command, options.zones),
      take,
    });
    if (errors.length > 0) throw new KnotControlError(`Knot refused ${command.command}: ${errors.join("; ")}`);
  }
}

/** Letters of `+backupdir`, `+zonefile`, `+journal`, `+timers`, `+kaspdb`, `+catalog` and `+noquic` in Knot's control protocol: the key of the certificate stays where it is. */
const backupFilters = "dzjtkcQ";
/** `+backupdir`, `+zonefile`, `+kaspdb` and the opposites of the others. */
const restoreFilters = "dzkJTC";

/** Knot's words when a transaction is in the way of a reload (KNOT_TXN_EEXISTS), and how long it is waited for. */
const openTransaction = "too many transactions";
const openTransactionMs = 3000;

/** Knot's words for a name that has nothing (KNOT_ENONODE). */
const noSuchNode = "no such node in zone found";

/** Knot's words for a zone that it does not have (KNOT_ENOZONE). */
const noSuchZone = "no such zone found";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function takeField(status: Writable<ZoneStatus>, unit: Unit): void {
  const value = unit.get(item.data) ?? "";
  switch (unit.get(item.type)) {
    case "role":
      status.role = value;
      break;
    case "serial":
      status.serial = serialOf(value);
      break;
    case "catalog":
      Object.assign(status, memberOf(value));
      break;
  }
}

function plainName(name: string): string {
  return name.replace(/\.$/, "").toLowerCase();
}

/** `catalog.name.#group` for members; `interpret`, `generate`, `@…` and `-` for other zones. */
function memberOf(text: string | undefined): Pick<ZoneStatus, "member"> {
  const match = /^([^@#]*\.)(?:#(.*))?$/.exec(text ?? "");
  return match === null ? {} : { member: { catalog: plainName(match[1] ?? ""), group: match[2] ?? "" } };
}

function serialOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Knot's units of time, in seconds: a year is 365 days, a month 30. */
const units = { Y: 31_536_000, M: 2_592_000, D: 86_400, h: 3600, m: 60, s: 1 } as const;

/** Whether an event is under way or its time has come: `running(+0s)`, `pending(-2s)`, before Knot 3.5 `running`, `pending`, `-5s`. */
function isDue(text: string): boolean {
  return /^(?:(?:pending|running)(?:\(.*\))?|-.*s)$/.test(text);
}

/** Seconds of `+1M11D23h59m53s`, none for what is due; undefined for what is not scheduled. */
export function eventSeconds(text: string): number | undefined {
  if (isDue(text)) return 0;
  if (!/^\+?(?:\d+[YMDhms])+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([YMDhms])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units], 0);
}
