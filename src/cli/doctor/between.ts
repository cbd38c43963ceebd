import { messageOf } from "../../base/errors";
import type { DnsClient } from "../../dns/client/dns-client";
import { isNewerSerial } from "../../dns/serial";
import type { Mesh, Site } from "../../mesh/model";
import { catalogSites } from "../../mesh/welcome";
import { type Check, type Verdict, wrong } from "./check";

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
  const port = (number: number, cure: string): Check => ({
    ...{ check: `tcp-${number}`, where: `${site.name} (${address})`, fine: `port ${number} is open over TCP` },
    look: () =>
      connect(address, number).then(
        () => undefined,
        (error: unknown) => wrong(`port ${number} over TCP is not reached: ${messageOf(error)}`, cure),
      ),
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
    port(dnsPort, "open port 53 over TCP; a balancer that does not mix protocols needs dns-mesh:service split"),
    ...(mesh.transport === "tcp" ? [] : [port(securePort, "open port 853 over TCP: zones travel there")]),
  ];
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
