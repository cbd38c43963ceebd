import { eventSeconds, KnotControlError } from "./knot-control";
import { encodeRequest, exchange, item, type Unit } from "./wire";

/** One figure of Knot's, by its names for the section (`server`, or a module), the item and, where it has several, the kind. */
export interface Statistic {
  readonly section: string;
  readonly item: string;
  readonly kind: string;
  readonly value: number;
}

/** What Knot says of one zone, under its name with the dot at its end. Missing where there is none of it. */
export interface ZoneFigures {
  readonly zone: string;
  serial?: number;
  /** Until it expires, and until its primaries are asked. */
  expirationSeconds?: number;
  refreshSeconds?: number;
  /** Octets, and seconds. */
  size?: number;
  maxTtl?: number;
}

/** Reads a Knot's figures over its control socket. Each call has a connection of its own; errors are those of `KnotControl`. */
export class KnotStatistics {
  constructor(private readonly path: string) {}

  /** Knot's version. @param timeoutMs - a server that is busy must not keep whoever fetches metrics waiting */
  async version(timeoutMs: number): Promise<string> {
    let version = "";
    const take = (unit: Unit): void => {
      version = unit.get(item.data) ?? version;
    };
    await this.#call({ command: "status", type: "version" }, { timeoutMs, take });
    return version;
  }

  /** All figures of the server and of the modules of all zones, those that are 0 too: a counter begins before it counts. */
  async server(timeoutMs: number): Promise<readonly Statistic[]> {
    const found: Statistic[] = [];
    const take = (unit: Unit): void => {
      const [section, name] = [unit.get(item.section), unit.get(item.item)];
      if (section === undefined || name === undefined) return;
      found.push({ section, item: name, kind: unit.get(item.id) ?? "", value: Number(unit.get(item.data)) });
    };
    await this.#call({ command: "stats", flags: "F" }, { timeoutMs, take });
    return found;
  }

  /** Serials, times and sizes of the named zones, or of all. A zone that Knot does not have is left out. @param timeoutMs - for all of it */
  async zones(zones: readonly string[] | undefined, timeoutMs: number): Promise<readonly ZoneFigures[]> {
    if (zones?.length === 0) return [];
    const began = performance.now();
    const found = new Map<string, ZoneFigures>();
    let current: ZoneFigures | undefined;
    const of = (unit: Unit): ZoneFigures | undefined => {
      const zone = unit.get(item.zone);
      if (zone === undefined) return current;
      current = found.get(zone) ?? { zone };
      found.set(zone, current);
      return current;
    };
    const takeZone = (unit: Unit): void => {
      takeStatus(of(unit), unit);
    };
    await this.#call(
      { command: "zone-status", filters: "rse" },
      { ...(zones && { zones }), timeoutMs, take: takeZone },
    );
    current = undefined;
    const takeSizes = (unit: Unit): void => {
      if (unit.get(item.section) === "zone") takeStatistic(of(unit), unit);
    };
    const left = Math.max(1, Math.round(timeoutMs - (performance.now() - began)));
    await this.#call(
      { command: "zone-stats", flags: "F" },
      { ...(zones && { zones }), timeoutMs: left, take: takeSizes },
    );
    return [...found.values()];
  }

  async #call(
    command: Parameters<typeof encodeRequest>[0],
    call: { readonly zones?: readonly string[]; readonly timeoutMs: number; readonly take: (unit: Unit) => void },
  ): Promise<void> {
    const { zones, timeoutMs, take } = call;
    let failure: string | undefined;
    const takeOrNote = (unit: Unit): void => {
      const error = unit.get(item.error);
      if (error === undefined) take(unit);
      else if (unit.get(item.zone) === undefined) failure ??= error;
    };
    const request = encodeRequest(command, zones);
    await exchange({ path: this.path, timeoutMs, request, take: takeOrNote });
    if (failure !== undefined) throw new KnotControlError(`Knot refused ${command.command}: ${failure}`);
  }
}

function takeStatus(figures: ZoneFigures | undefined, unit: Unit): void {
  const value = unit.get(item.data) ?? "";
  if (figures === undefined) return;
  switch (unit.get(item.type)) {
    case "serial":
      if (/^\d+$/.test(value)) figures.serial = Number(value);
      break;
    case "expiration":
      Object.assign(figures, withSeconds("expirationSeconds", value));
      break;
    case "refresh":
      Object.assign(figures, withSeconds("refreshSeconds", value));
      break;
  }
}

function withSeconds(field: "expirationSeconds" | "refreshSeconds", text: string): Partial<ZoneFigures> {
  const seconds = eventSeconds(text);
  return seconds === undefined ? {} : { [field]: seconds };
}

function takeStatistic(figures: ZoneFigures | undefined, unit: Unit): void {
  const value = Number(unit.get(item.data));
  if (figures === undefined) return;
  if (unit.get(item.item) === "size") figures.size = value;
  else if (unit.get(item.item) === "max-ttl") figures.maxTtl = value;
}
