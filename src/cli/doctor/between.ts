import { messageOf } from "../../base/errors";
import { objects } from "../../contract/names";
import type { DnsClient } from "../../dns/client/dns-client";
import { isNewerSerial } from "../../dns/serial";
import type { Mesh, Site } from "../../mesh/model";
import { catalogSites } from "../../mesh/welcome";
import { type Check, hint, type Verdict, wrong } from "./check";

/** How sites are asked from here. */
export interface BetweenParts {
  readonly mesh: Mesh;
  readonly dns: Pick<DnsClient, "querySoa">;
  /** Connects to a port over TCP. @throws when it cannot. */
  readonly connect: (address: string, port: number) => Promise<void>;
}

const [dnsPort, securePort] = [53, 853];

/** Whether sites answer where the list says, and agree. Asked from this machine: a path between two sites may differ. */
export function betweenChecks(parts: BetweenParts): readonly Check[] {
  const { mesh } = parts;
  return mesh.sites.flatMap((site) => [
    ...site.addresses.flatMap((address) => addressChecks(site, address, parts)),
    {
      ...{ check: "directory", where: site.name, fine: "it has the primary's directory" },
      look: () => directoryProblem(site, parts),
    },
    ...site.zones.map((zone): Check => ({
      ...{ check: "own-zone", where: site.name, fine: `it answers ${zone.name}` },
      look: () =>
        answers(parts, site, zone.name).then(
          () => undefined,
          (error: unknown) =>
            wrong(
              `it does not answer its own zone ${zone.name}: ${messageOf(error)}`,
              "docs/runbooks/transfers-fail.md, docs/runbooks/volume-damaged.md",
            ),
        ),
    })),
  ]);
}

function addressChecks(site: Site, address: string, { mesh, dns, connect }: BetweenParts): readonly Check[] {
  const port = (number: number, closed: (error: unknown) => Verdict): Check => ({
    ...{ check: `tcp-${number}`, where: `${site.name} (${address})`, fine: `port ${number} is open over TCP` },
    look: () => connect(address, number).then(() => undefined, closed),
  });
  return [
    {
      ...{ check: "udp-53", where: `${site.name} (${address})`, fine: "it answers over UDP" },
      look: () =>
        dns.querySoa({ address, port: dnsPort }, mesh.directoryZone).then(
          () => undefined,
          (error: unknown) =>
            wrong(
              `no answer over UDP: ${messageOf(error)}`,
              "open port 53 over UDP; is the site up, and is this its address?",
            ),
        ),
    },
    port(dnsPort, (error) =>
      wrong(
        `port ${dnsPort} over TCP is not reached: ${messageOf(error)}`,
        "open port 53 over TCP; a balancer that does not mix protocols needs dns-mesh:service split",
      ),
    ),
    ...(mesh.transport === "tcp" ? [] : [port(securePort, secureProblem)]),
  ];
}

/** The sites' own NetworkPolicy drops whoever is no site: from elsewhere, silence says nothing. A refusal comes from the host. */
function secureProblem(error: unknown): Verdict {
  const said = `port ${securePort} over TCP is not reached: ${messageOf(error)}`;
  if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED")
    return wrong(said, "see that Knot listens and that the Service forwards port 853: zones travel there");
  return hint(
    `${said}. The NetworkPolicy ${objects.peerPolicy} lets sites alone reach it, so that this is as it should be from a machine that is none`,
    "leave the policy as it is; mesh status says whether sites take their zones",
  );
}

function answers({ dns }: BetweenParts, { addresses }: Site, zone: string) {
  return dns.querySoa({ address: addresses[0] ?? "", port: dnsPort }, zone);
}

async function directoryProblem(site: Site, parts: BetweenParts): Promise<Verdict> {
  const { mesh } = parts;
  const [primary] = catalogSites(mesh);
  if (primary === undefined || primary.name === site.name) return undefined;
  const [ours, theirs] = await Promise.all([
    answers(parts, site, mesh.directoryZone),
    answers(parts, primary, mesh.directoryZone),
  ]);
  if (!isNewerSerial(theirs.serial, ours.serial)) return undefined;
  return wrong(
    `its directory has serial ${ours.serial}, the primary's ${theirs.serial}`,
    "it follows within seconds; if not, docs/runbooks/transfers-fail.md",
  );
}
