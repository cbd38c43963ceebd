import { messageOf } from "../../../base/errors";
import type { DnsClient } from "../../../dns/client/dns-client";
import { isUnreachable } from "../../../dns/errors";
import { isNewerSerial } from "../../../dns/serial";
import type { NameServer } from "../../../mesh/name-servers";

/** What an address says when it is asked for a zone: it has it, it does not answer, or what it answers is not the zone. */
export type Answer = { readonly kind: "has" } | { readonly kind: "silent" | "wrong"; readonly reason: string };

/** What is asked for: a zone that must be answered with authority, with this serial or a newer one (RFC 1982). */
export interface Wanted {
  readonly zone: string;
  readonly serial: number;
  readonly port: number;
}

/** Asks one address. Never throws. */
export async function askAddress(
  dns: Pick<DnsClient, "querySoa">,
  address: string,
  { zone, serial, port }: Wanted,
): Promise<Answer> {
  try {
    const theirs = (await dns.querySoa({ address, port }, zone)).serial;
    if (!isNewerSerial(serial, theirs)) return { kind: "has" };
    return { kind: "wrong", reason: `${address} has the older serial ${theirs} of it` };
  } catch (error) {
    return { kind: isUnreachable(error) ? "silent" : "wrong", reason: messageOf(error) };
  }
}

/**
 * Why a server may not be named yet; undefined when it may. One of its addresses has the zone, and none answers something
 * else: what resolvers would be sent to is asked, not what is believed of it.
 */
export function whyNot(answers: readonly Answer[]): string | undefined {
  const wrong = answers.find((answer) => answer.kind === "wrong");
  if (wrong?.kind === "wrong") return wrong.reason;
  if (answers.some(({ kind }) => kind === "has")) return undefined;
  const [first] = answers;
  return first === undefined || first.kind === "has" ? "it has no address" : first.reason;
}

/** Asks servers for one zone, each address once, however many questions there are about it. */
export class Survey {
  readonly #answers = new Map<string, Promise<Answer>>();

  constructor(
    private readonly dns: Pick<DnsClient, "querySoa">,
    private readonly wanted: Wanted,
    private readonly around: {
      /** This site, which has its zones itself. */
      readonly self: string;
      /** Addresses that gave no answer a moment ago, about another zone; more are noted. */
      readonly silent: Map<string, Answer>;
    },
  ) {}

  /** All addresses of a server, in order. */
  async of({ site, addresses }: NameServer): Promise<ReadonlyMap<string, Answer>> {
    const answers = await Promise.all(
      addresses.map(async (address): Promise<[string, Answer]> => [
        address,
        site === this.around.self ? { kind: "has" } : await this.#ask(address),
      ]),
    );
    return new Map(answers);
  }

  async #ask(address: string): Promise<Answer> {
    const { silent } = this.around;
    const known = silent.get(address);
    if (known !== undefined) return known;
    const asked = this.#answers.get(address) ?? askAddress(this.dns, address, this.wanted);
    this.#answers.set(address, asked);
    const answer = await asked;
    if (answer.kind === "silent") silent.set(address, answer);
    return answer;
  }
}
