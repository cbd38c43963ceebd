import { DnsError } from "../../dns/errors";
import { messageOf, UserError } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import { readMesh, type CentralNames } from "../../mesh/read-view";
import type { KeyAnswers } from "../../keyring/rotation";
import type { SiteView } from "../../mesh/view";

/** Sites that are asked at a time. */
const width = 16;
/** A site may have several servers behind one address, and a balancer gives each question to one of them. */
const questionsEach = 3;

/**
 * The sites of the mesh, as a pod of this site knows them.
 *
 * @throws UserError when no pod does.
 */
export async function readSites(o: {
  readonly dns: Pick<DnsClient, "transfer">;
  readonly pods: readonly DnsServer[];
  readonly zones: CentralNames;
  readonly key: TsigKey;
}): Promise<readonly SiteView[]> {
  const failures: string[] = [];
  for (const pod of o.pods) {
    try {
      const found = await readMesh(o.zones, (zone) => o.dns.transfer(pod, zone, o.key));
      if (found.kind === "view") return found.view.sites;
      failures.push(found.refusal.reason);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new UserError(`the sites of the mesh cannot be read from this site's pods: ${failures.join("; ")}`);
}

/**
 * Asks every site a question that is signed with a key, at each of its addresses. A site has the key when one address
 * answers with it, and none says that it does not know it.
 */
export async function askSites(o: {
  readonly dns: Pick<DnsClient, "query">;
  readonly sites: readonly SiteView[];
  readonly serversOf: (site: SiteView) => readonly DnsServer[];
  readonly zone: string;
  readonly key: TsigKey;
}): Promise<KeyAnswers> {
  const having = new Set<string>();
  await inParallel(width, o.sites, async (site) => {
    const servers = o.serversOf(site);
    const questions = servers.flatMap((server) => Array.from({ length: questionsEach }, () => server));
    const answers = await Promise.all(questions.map((server) => ask(o, server)));
    if (answers.includes("has") && !answers.includes("lacks")) having.add(site.name);
  });
  const names = o.sites.map(({ name }) => name);
  return {
    key: o.key.name,
    answered: names.filter((name) => having.has(name)),
    silent: names.filter((name) => !having.has(name)),
  };
}

/** Any answer that is signed with the key shows that the server has it, whatever it says. */
async function ask(
  { dns, zone, key }: { readonly dns: Pick<DnsClient, "query">; readonly zone: string; readonly key: TsigKey },
  server: DnsServer,
): Promise<"has" | "lacks" | "away"> {
  try {
    await dns.query(server, zone, "SOA", key);
    return "has";
  } catch (error) {
    const isAway = error instanceof DnsError && ["timeout", "unreachable", "aborted"].includes(error.failure.kind);
    return isAway ? "away" : "lacks";
  }
}
