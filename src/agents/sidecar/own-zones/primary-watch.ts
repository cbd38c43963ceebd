import { messageOf } from "../../../base/errors";
import { inParallel } from "../../../base/in-parallel";
import { splitServer } from "../../../dns/address";
import type { DnsClient } from "../../../dns/client/dns-client";
import { isNewerSerial } from "../../../dns/serial";
import type { KnotControl } from "../../../knot/control/knot-control";
import type { Primary } from "../../../mesh/model";
import type { HeldChange, Problems } from "../http/status";
import type { Inputs } from "../inputs/inputs";

/** What a {@link PrimaryWatch} works with. */
export interface PrimaryWatchParts {
  readonly dns: Pick<DnsClient, "querySoa">;
  readonly control: Pick<KnotControl, "zoneStatus" | "zoneRefresh">;
  /** Own zones that are taken from outside; none at pods beside the writer. */
  readonly zones: () => readonly string[];
  readonly inputs: () => Pick<Inputs, "packet" | "readers" | "runtime"> | undefined;
  /** Zones of which a change is held. */
  readonly held: () => readonly Pick<HeldChange, "zone">[];
  readonly problems: Pick<Problems, "set">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Between looks. A NOTIFY that came to another pod, or to none, is made up for by then. */
const everyMs = 5000;
/** Zones that are asked for at a time. */
const width = 16;
/** For so long a newer version may be on its way here. */
const takenWithinMs = 30_000;

/** What a primary said of a zone. */
type Said = { readonly address: string } & ({ readonly serial: number } | { readonly failure: string });

/** A version of a zone that was seen at a primary and is not here. */
interface Newer {
  readonly serial: number;
  readonly since: number;
}

/**
 * Asks the servers outside the mesh that own zones are taken from which version they have: has Knot take a newer one, and
 * reports servers that do not answer, versions that are older than ours, and those that do not come here.
 */
export class PrimaryWatch {
  #dueAt = 0;
  readonly #newer = new Map<string, Newer>();

  constructor(private readonly parts: PrimaryWatchParts) {}

  /** Looks when it is time. Throws what the control socket throws. */
  async round(): Promise<void> {
    const { inputs, zones, control, problems, now } = this.parts;
    if (now() < this.#dueAt) return;
    this.#dueAt = now() + everyMs;
    const names = new Set(zones());
    const listed = inputs()?.packet.site.zones.filter(({ name }) => names.has(name)) ?? [];
    if (listed.length === 0) {
      this.#newer.clear();
      problems.set("primary", []);
      return;
    }
    const serials = new Map((await control.zoneStatus([...names])).map(({ zone, serial }) => [zone, serial]));
    const [sentences, refresh]: [string[], string[]] = [[], []];
    await inParallel(width, listed, async ({ name, primaries = [] }) => {
      const found = await this.#look(name, primaries, serials.get(name));
      if (found === "newer") refresh.push(name);
      else if (found !== undefined) sentences.push(`zone ${name}: ${found}`);
    });
    problems.set("primary", sentences.sort());
    if (refresh.length > 0) await control.zoneRefresh(refresh);
  }

  /** What is wrong, as the end of a sentence; or that there is a newer version. */
  async #look(zone: string, primaries: readonly Primary[], ours: number | undefined): Promise<string | undefined> {
    if (primaries.length === 0) return undefined;
    if ((this.parts.inputs()?.runtime.guard ?? false) === false)
      return "zoneGuard is off, and without it nothing is taken from outside the mesh";
    const said = await Promise.all(primaries.map((primary) => this.#ask(zone, primary)));
    const serials = said.flatMap((each) => ("serial" in each ? [each.serial] : []));
    const [first, ...others] = serials;
    if (first === undefined) {
      const why = said.map((each) => ("failure" in each ? each.failure : "")).join("; ");
      const stands =
        ours === undefined ? "there is no content yet" : `it is served as it was taken last, with serial ${ours}`;
      return `none of its primaries gives an answer, and ${stands}: ${why}`;
    }
    const newest = others.reduce((best, each) => (isNewerSerial(each, best) ? each : best), first);
    if (ours !== undefined && isNewerSerial(ours, newest)) {
      this.#newer.delete(zone);
      return `its primary has serial ${newest}, older than serial ${ours} here, and is not followed: raise the serial there above ${ours}`;
    }
    if (newest === ours) {
      this.#newer.delete(zone);
      return undefined;
    }
    return this.#awaited(zone, newest);
  }

  /** A newer version that does not come is reported; the guard does so itself for one that it holds. */
  #awaited(zone: string, serial: number): string | undefined {
    const now = this.parts.now();
    const since = this.#newer.get(zone)?.since ?? now;
    this.#newer.set(zone, { serial, since });
    if (this.parts.held().some((held) => held.zone === zone)) return undefined;
    if (now - since < takenWithinMs) return "newer";
    return `its primary has serial ${serial}, which does not come here: let the key transfer the zone there, or see what Knot logs of it`;
  }

  async #ask(zone: string, { address, key: name }: Primary): Promise<Said> {
    const key = this.parts.inputs()?.readers.find((reader) => reader.name === name);
    if (key === undefined) return { address, failure: `${address}: its key ${name} is not among the site's readers` };
    try {
      return { address, serial: (await this.parts.dns.querySoa(splitServer(address), zone, key)).serial };
    } catch (error) {
      return { address, failure: messageOf(error) };
    }
  }
}
