import { messageOf, UserError } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import { DnsError } from "../../dns/errors";
import type { TsigKey } from "../../dns/tsig-key";
import type { KeyAnswers } from "../../keyring/rotation";
import { parsePodId, type PodId } from "../../mesh/pod-id";
import { type CentralNames, readMesh } from "../../mesh/read-view";
import type { SiteView } from "../../mesh/view";
import { askEveryPod } from "../pods";

/** Sites that are asked at a time. */
const width = 16;
/** A site may have several servers behind one address, and a balancer gives each question to one of them. */
const questionsEach = 3;

/**
 * The sites of the mesh, as a pod of this site knows them.
 *
 * @throws UserError when no pod does.
 */
export async function readSites(sources: {
  readonly dns: Pick<DnsClient, "transfer">;
  readonly pods: readonly DnsServer[];
  readonly zones: CentralNames;
  readonly key: TsigKey;
}): Promise<readonly SiteView[]> {
  const failures: string[] = [];
  for (const pod of sources.pods) {
    try {
      const found = await readMesh(sources.zones, (zone) => sources.dns.transfer(pod, zone, sources.key));
      if (found.kind === "view") return found.view.sites;
      failures.push(found.refusal.reason);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new UserError(`the sites of the mesh cannot be read from this site's pods: ${failures.join("; ")}`);
}

/**
 * Asks every site a question that is signed with a key, at each of its addresses. A site has the key when each of its pods
 * answers with it, as far as they name themselves, and none says that it does not know it.
 */
export async function askSites(question: {
  readonly dns: Pick<DnsClient, "querySoaWithNsid">;
  readonly sites: readonly SiteView[];
  readonly serversOf: (site: SiteView) => readonly DnsServer[];
  readonly zone: string;
  readonly key: TsigKey;
}): Promise<KeyAnswers> {
  const having = new Set<string>();
  await inParallel(width, question.sites, async (site) => {
    if (await hasKey(question, question.serversOf(site))) having.add(site.name);
  });
  const names = question.sites.map(({ name }) => name);
  return {
    key: question.key.name,
    answered: names.filter((name) => having.has(name)),
    silent: names.filter((name) => !having.has(name)),
  };
}

interface KeyQuestion {
  readonly dns: Pick<DnsClient, "querySoaWithNsid">;
  readonly zone: string;
  readonly key: TsigKey;
}

async function hasKey(question: KeyQuestion, servers: readonly DnsServer[]): Promise<boolean> {
  let [turn, isLacking] = [0, false];
  const ask = async (): Promise<{ readonly pod?: PodId }> => {
    const server = servers[turn++ % servers.length];
    const answer = server === undefined ? "away" : await askFor(question, server);
    if (answer === "away") throw new Error("no answer");
    isLacking ||= answer === "lacks";
    return answer === "lacks" ? {} : answer;
  };
  const { answers, missing } = await askEveryPod(ask, questionsEach * servers.length);
  return answers.size > 0 && missing.length === 0 && !isLacking;
}

/** Any answer that is signed with the key shows that the server has it, whatever it says. */
async function askFor(
  { dns, zone, key }: KeyQuestion,
  server: DnsServer,
): Promise<{ readonly pod?: PodId } | "lacks" | "away"> {
  try {
    const { nsid } = await dns.querySoaWithNsid(server, zone, key);
    const pod = nsid && parsePodId(nsid);
    return pod === undefined ? {} : { pod };
  } catch (error) {
    if (!(error instanceof DnsError)) return "lacks";
    if (error.isUnreachable) return "away";
    return error.isNegative ? {} : "lacks";
  }
}
