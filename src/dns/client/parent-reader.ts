import { getServers } from "node:dns";

import { messageOf } from "../../base/errors";
import { isWithin } from "../../base/names";
import { canonicalAddress } from "../address";
import type { Message } from "../message";
import { labelsOf } from "../name";
import { dsText } from "../rdata/trust-types";
import { rcodeName, rcodes } from "../types";
import type { DnsClient, DnsServer } from "./dns-client";

/** What a parent has of a zone that it delegates. */
export interface Delegated {
  readonly servers: readonly string[];
  /** Addresses of those that lie in the zone, as `name address`. */
  readonly glue: readonly string[];
  readonly ds: readonly string[];
}

/** What one of a parent's servers answered. */
export interface ParentAnswer {
  readonly server: string;
  /** Missing where the parent says that it does not delegate the zone. */
  readonly delegated?: Delegated;
}

/** What a zone's parent has of it. One of which nothing can be known is `unread`, and never one that has nothing. */
export type ParentLook =
  | { readonly kind: "read"; readonly parent: string; readonly answers: readonly ParentAnswer[] }
  | { readonly kind: "unread"; readonly reason: string };

/** What {@link ParentReader} asks. */
export interface ParentReaderParts {
  /** Asks servers of parents. */
  readonly dns: Pick<DnsClient, "query">;
  /** Asks resolvers, for recursion. */
  readonly recursive: Pick<DnsClient, "query">;
  /** In the order in which they are tried. */
  readonly resolvers: readonly DnsServer[];
  /** Where servers of parents answer. @default 53 */
  readonly port?: number;
}

/** Servers of a parent that are asked: they should all have the same. */
const mostServers = 4;

/** Resolvers that this machine asks. */
export function machineResolvers(): readonly DnsServer[] {
  return getServers().flatMap((text) => resolverAt(text) ?? []);
}

/** A server as Node writes it: `192.0.2.1`, `192.0.2.1:5300`, `2001:db8::1` or `[2001:db8::1]:5300`; undefined for anything else. */
export function resolverAt(text: string): DnsServer | undefined {
  const [, bracketed, v4, port = "53"] = /^(?:\[(.+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = canonicalAddress(bracketed ?? v4 ?? text);
  return address === undefined ? undefined : { address, port: Number(port) };
}

/**
 * Reads what parents have of zones, at their own servers, which a resolver names. Each parent is looked up once in the life of
 * a reader, and asked for each zone.
 */
export class ParentReader {
  /** By the name above a zone: the parent, and where its servers answer. */
  readonly #parents = new Map<string, Promise<Parent>>();

  constructor(private readonly parts: ParentReaderParts) {}

  /** Never throws. */
  async read(zone: string): Promise<ParentLook> {
    try {
      const parent = await this.#parentOf(zone);
      const looks = await Promise.all(parent.servers.map((server) => this.#askServer(server, zone, parent.name)));
      const answers = looks.filter((look) => typeof look !== "string");
      if (answers.length > 0) return { kind: "read", parent: parent.name, answers };
      return { kind: "unread", reason: looks.filter((look) => typeof look === "string").join("; ") };
    } catch (error) {
      return { kind: "unread", reason: messageOf(error) };
    }
  }

  #parentOf(zone: string): Promise<Parent> {
    const above = labelsOf(zone).slice(1).join(".");
    const known = this.#parents.get(above) ?? this.#find(above);
    this.#parents.set(above, known);
    return known;
  }

  async #find(above: string): Promise<Parent> {
    const name = await this.#apexAbove(above);
    const { answers } = await this.#resolve(name, "NS");
    const names = answers.flatMap((record) => (record.type === "NS" && record.name === name ? [record.target] : []));
    const found = await Promise.all(
      names
        .sort()
        .slice(0, mostServers)
        .map((server) => this.#addressOf(server)),
    );
    const servers = found.flatMap((server) => server ?? []);
    if (servers.length === 0) throw new Error(`no address is known of a name server of ${shown(name)}`);
    return { name, servers };
  }

  /** The zone that a name lies in: it is in the answer for its SOA, or beside the answer that there is none (RFC 2308). */
  async #apexAbove(name: string): Promise<string> {
    for (let labels = labelsOf(name); ; labels = labels.slice(1)) {
      const at = labels.join(".");
      const { answers, authorities } = await this.#resolve(at, "SOA");
      const soa = [...answers, ...authorities].find(
        (record) => record.type === "SOA" && (record.name === "" || isWithin(at, record.name)),
      );
      if (soa !== undefined) return soa.name;
      if (labels.length === 0) throw new Error("no resolver knows the zone above");
    }
  }

  async #addressOf(name: string): Promise<NamedServer | undefined> {
    for (const type of ["A", "AAAA"]) {
      const { answers } = await this.#resolve(name, type);
      const found = answers.find((record) => record.type === "A" || record.type === "AAAA");
      if (found !== undefined && (found.type === "A" || found.type === "AAAA"))
        return { name, at: { address: found.address, port: this.parts.port ?? 53 } };
    }
    return undefined;
  }

  /** Asks the first resolver that answers. @throws Error when none does, or none finds out. */
  async #resolve(name: string, type: string): Promise<Message> {
    const reasons: string[] = [];
    for (const resolver of this.parts.resolvers) {
      try {
        const answer = await this.parts.recursive.query(resolver, name, type);
        if (answer.rcode === rcodes.NOERROR || answer.rcode === rcodes.NXDOMAIN) return answer;
        reasons.push(`resolver ${resolver.address} answers ${rcodeName(answer.rcode)} for ${type} of "${name}"`);
      } catch (error) {
        reasons.push(`resolver ${resolver.address}: ${messageOf(error)}`);
      }
    }
    throw new Error(reasons.length === 0 ? "this machine has no resolver" : reasons.join("; "));
  }

  /** What a server answers, or why that says nothing. */
  async #askServer({ name, at }: NamedServer, zone: string, parent: string): Promise<ParentAnswer | string> {
    const { dns } = this.parts;
    try {
      const [ns, ds] = await Promise.all(["NS", "DS"].map((type) => dns.query(at, zone, type)));
      if (ns === undefined || ds === undefined) return `${name} does not answer`;
      const [referral, records] = [delegationIn(ns, zone, parent), dsIn(ds, zone, parent)];
      if (typeof referral === "string") return `${name} ${referral}`;
      if (typeof records === "string") return `${name} ${records}`;
      return { server: name, ...(referral && { delegated: { ...referral, ds: records } }) };
    } catch (error) {
      return `${name}: ${messageOf(error)}`;
    }
  }
}

interface NamedServer {
  readonly name: string;
  readonly at: DnsServer;
}

interface Parent {
  readonly name: string;
  readonly servers: readonly NamedServer[];
}

type Referral = Omit<Delegated, "ds">;

/** A referral (RFC 1034 section 4.3.2), nothing where the parent says so with authority, or what the answer is instead. */
function delegationIn(answer: Message, zone: string, parent: string): Referral | string | undefined {
  const targets = (records: Message["answers"]): string[] =>
    records.flatMap((record) => (record.type === "NS" && record.name === zone ? [record.target] : [])).sort();
  if (answer.flags.aa && targets(answer.answers).length > 0)
    return `serves ${zone} itself, so that what the parent has of it cannot be seen there`;
  if (isNegative(answer, parent)) return undefined;
  const servers = targets(answer.authorities);
  if (answer.flags.aa || answer.rcode !== rcodes.NOERROR || servers.length === 0) return answered(answer, "NS", zone);
  const glue = answer.additionals.flatMap((record) =>
    (record.type === "A" || record.type === "AAAA") && servers.includes(record.name) && isWithin(record.name, zone)
      ? [`${record.name} ${record.address}`]
      : [],
  );
  return { servers, glue: [...new Set(glue)].sort() };
}

/** A parent answers these with authority (RFC 4035 section 3.1.4.1). */
function dsIn(answer: Message, zone: string, parent: string): readonly string[] | string {
  if (isNegative(answer, parent)) return [];
  const records = answer.answers.flatMap((record) =>
    record.type === "OTHER" && record.typeName === "DS" && record.name === zone ? [dsText(record.rdata)] : [],
  );
  return answer.flags.aa && records.length > 0 ? records.sort() : answered(answer, "DS", zone);
}

/** That there is nothing is believed with the SOA of the parent alone (RFC 2308 section 2). */
function isNegative({ flags, rcode, answers, authorities }: Message, parent: string): boolean {
  return (
    flags.aa &&
    (rcode === rcodes.NOERROR || rcode === rcodes.NXDOMAIN) &&
    answers.length === 0 &&
    authorities.some(({ type, name }) => type === "SOA" && name === parent)
  );
}

function answered({ rcode, flags }: Message, type: string, zone: string): string {
  const what = rcode === rcodes.NOERROR ? "something else" : rcodeName(rcode);
  return `answers ${what} for ${type} of "${zone}"${flags.aa ? "" : ", without authority"}`;
}

/** A zone's name for people. */
function shown(name: string): string {
  return name === "" ? "the root" : name;
}
