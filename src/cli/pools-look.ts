import { messageOf } from "../base/errors";
import { inParallel } from "../base/in-parallel";
import { compareText } from "../base/text";
import type { DnsClient, DnsServer } from "../dns/client/dns-client";
import { rcodes } from "../dns/types";
import type { Check, Seen } from "../pools/model";
import { decodeIndex, decodePublished, indexNames, publishedName, type PublishedPool } from "../pools/published";
import { type Beat, beatName, checkId, checksName, decodeTelling, isPoolZone, seenName } from "../pools/wire";
import { type MeshAccess, serversOf } from "./mesh-access";

/** A site that has a zone of pools, and its sign of life as it stands there. */
export interface ProbingSite {
  readonly site: string;
  readonly zone: string;
  /** Missing for one that probes nothing. */
  readonly beat?: Beat;
}

/** A pool as its site publishes it, and what each site sees of it. */
export interface SeenPool {
  readonly id: string;
  readonly owner: string;
  readonly pool: PublishedPool;
  /** Its checks by their ids. */
  readonly checks: ReadonlyMap<string, Check>;
  /** What sites see, by the site and the check. */
  readonly seen: ReadonlyMap<string, ReadonlyMap<string, Seen>>;
}

/** What zones of pools say. */
export interface PoolsLook {
  readonly sites: readonly ProbingSite[];
  readonly pools: readonly SeenPool[];
  /** Pools that were not asked for, since there are so many. */
  readonly left: number;
  /** What could not be read: nothing is known of it. */
  readonly failures: readonly { readonly site: string; readonly message: string }[];
}

/** Pools that are asked for; each takes two questions, and one for each site. */
const mostPools = 500;
const width = 64;
/** Sites that are asked for one pool at the same time. */
const widthOfPool = 8;
/** Other sites that are asked for the zone of one that is silent. */
const mostOthers = 2;

/** Reads all zones of pools by questions that anybody may ask: each at its own site, at any other one where that is silent. */
export async function lookAtPools(
  access: MeshAccess,
  { dns, most = mostPools }: { readonly dns: Pick<DnsClient, "query">; readonly most?: number },
): Promise<PoolsLook> {
  const zones = access.mesh.sites.flatMap((site) => {
    const zone = site.zones.map(({ name }) => name).find(isPoolZone);
    return zone === undefined ? [] : [new PoolZone({ access, dns, site: site.name, zone })];
  });
  const failures: { site: string; message: string }[] = [];
  const tried = async <T>({ site, zone }: PoolZone, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!failures.some((failure) => failure.site === site))
        failures.push({ site, message: `${zone}: ${messageOf(error)}` });
      return undefined;
    }
  };
  const sites: ProbingSite[] = [];
  const found: { readonly at: PoolZone; readonly id: string }[] = [];
  await inParallel(width, zones, (at) =>
    tried(at, async () => {
      const beat = await at.beat();
      sites.push({ site: at.site, zone: at.zone, ...(beat && { beat }) });
      for (const name of indexNames(at.zone))
        found.push(...decodeIndex(await at.texts(name)).map((id) => ({ at, id })));
    }),
  );
  const byId = found.toSorted((a, b) => compareText(a.id, b.id));
  const pools: SeenPool[] = [];
  await inParallel(width, byId.slice(0, most), async ({ at, id }) => {
    const pool = await tried(at, () => at.pool(id));
    if (pool === undefined) return;
    const checks = (await tried(at, () => at.checks(id))) ?? new Map<string, Check>();
    const sights = new Map<string, ReadonlyMap<string, Seen>>();
    await inParallel(widthOfPool, zones, async (other) => {
      const sight = await tried(other, () => other.seen(id));
      if (sight !== undefined && sight.size > 0) sights.set(other.site, sight);
    });
    const seen = new Map([...sights].sort(([a], [b]) => compareText(a, b)));
    pools.push({ id, owner: at.site, pool, checks, seen });
  });
  const nameOf = ({ pool }: SeenPool): string => `${pool.name} ${pool.type}`;
  return {
    sites: sites.toSorted((a, b) => compareText(a.site, b.site)),
    pools: pools.toSorted((a, b) => compareText(nameOf(a), nameOf(b))),
    left: Math.max(0, byId.length - most),
    failures,
  };
}

/** A site's zone of pools, that is asked. */
class PoolZone {
  readonly site: string;
  readonly zone: string;
  readonly #servers: DnsServer[];

  constructor(
    private readonly parts: {
      readonly access: MeshAccess;
      readonly dns: Pick<DnsClient, "query">;
      readonly site: string;
      readonly zone: string;
    },
  ) {
    const { access, site, zone } = parts;
    this.site = site;
    this.zone = zone;
    const { sites } = access.mesh;
    const own = sites.filter(({ name }) => name === site).flatMap((each) => serversOf(access, each));
    const others = sites.filter(({ name }) => name !== site).flatMap((each) => serversOf(access, each).slice(0, 1));
    this.#servers = [...own, ...others.slice(0, mostOthers)];
  }

  /** Strings at a name; none where there is no such name. The server that answers is asked first from then on. */
  async texts(name: string): Promise<readonly string[]> {
    let failure: unknown;
    for (const server of [...this.#servers]) {
      try {
        const { rcode, answers } = await this.parts.dns.query(server, name, "TXT");
        if (rcode !== rcodes.NOERROR && rcode !== rcodes.NXDOMAIN) throw new Error(`answered with RCODE ${rcode}`);
        const [record] = answers;
        return record?.type === "TXT" ? record.strings : [];
      } catch (error) {
        failure ??= error;
        this.#servers.push(...this.#servers.splice(this.#servers.indexOf(server), 1));
      }
    }
    throw failure instanceof Error ? failure : new Error(String(failure));
  }

  async beat(): Promise<Beat | undefined> {
    const telling = await this.#telling(beatName(this.zone));
    return telling?.kind === "beat" ? telling.beat : undefined;
  }

  /** What is published of a pool; undefined where it went away meanwhile. */
  async pool(id: string): Promise<PublishedPool | undefined> {
    const strings = await this.texts(publishedName(id, this.zone));
    return strings.length === 0 ? undefined : decodePublished(strings);
  }

  async checks(id: string): Promise<ReadonlyMap<string, Check>> {
    const telling = await this.#telling(checksName(id, this.zone));
    return new Map(telling?.kind === "checks" ? telling.checks.map((check) => [checkId(check), check]) : []);
  }

  async seen(id: string): Promise<ReadonlyMap<string, Seen>> {
    const telling = await this.#telling(seenName(id, this.zone));
    return telling?.kind === "seen" ? telling.seen : new Map();
  }

  async #telling(name: string) {
    const strings = await this.texts(name);
    return strings.length === 0 ? undefined : decodeTelling(name, strings, this.zone);
  }
}
