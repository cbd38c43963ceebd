import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";

import { eventually } from "../../../harness/eventually";
import { type KnotServer, startKnot } from "../../../harness/knot";
import { messageOf } from "../../../src/base/errors";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { isUnreachable } from "../../../src/dns/errors";

const [large, small, member] = ["large.example", "small.example", "member.example"];
const apex = "@ 60 SOA a. b. 7 600 600 3600 5\n@ 60 NS a.\n";
const hosts = Array.from({ length: 50_000 }, (_, i) => `h${i} 60 A 192.0.2.1\n`).join("");

/** ADR 0038 takes a Knot that answers, and has no content of a zone, for one that has none on its disk either. */
describe("a Knot that starts", function () {
  this.timeout(120_000);
  let owner: KnotServer;
  let server: KnotServer;
  const dns = new DnsClient({ timeoutMs: 500 });

  before(async () => {
    owner = await startKnot({
      zones: { [large]: apex + hosts, [small]: apex, [member]: apex + hosts },
      readySeconds: 30,
    });
    const catalog = [
      "@ 60 SOA invalid. invalid. 1 3600 600 2147483646 0",
      "@ 60 NS invalid.",
      `version 60 TXT "2"`,
      `m1.zones 60 PTR ${member}.`,
      "",
    ].join("\n");
    server = await startKnot({
      files: { "zones/catalog.invalid.zone": catalog },
      config: ({ storage, rundir, address, port }) => `
server:
    rundir: ${rundir}
    listen: ${address}@${port}
    background-workers: 1
database:
    storage: ${storage}/db
remote:
  - id: owner
    address: ${owner.address}@${owner.port}
template:
  - id: default
    storage: ${storage}/zones
    journal-content: all
    zonefile-load: none
    zonefile-sync: -1
    master: owner
  - id: catalog
    storage: ${storage}/zones
    file: "%s.zone"
zone:
  - domain: ${small}
  - domain: ${large}
  - domain: catalog.invalid
    template: catalog
    catalog-role: interpret
    catalog-template: default
`,
    });
    for (const zone of [large, small, member])
      await eventually(30, async () => {
        expect((await dns.querySoa(server.server, zone)).serial).to.equal(7);
      });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`after ${signal} answers nothing before it has loaded what it has, large zones and a catalog's members too`, async () => {
      await server.stop(signal);
      await owner.stop();
      const said = new Map([large, small, member].map((zone) => [zone, new Set<string>()]));
      let isDone = false;
      const ask = async (zone: string): Promise<void> => {
        while (!isDone) {
          try {
            said.get(zone)?.add(String((await dns.querySoa(server.server, zone)).serial));
          } catch (error) {
            if (!isUnreachable(error)) said.get(zone)?.add(messageOf(error));
          }
          await delay(2);
        }
      };
      const asking = [...said.keys()].map(ask);
      try {
        await server.start();
        await eventually(30, () => {
          for (const answers of said.values()) expect(answers).to.not.be.empty;
        });
      } finally {
        isDone = true;
        await Promise.all(asking);
        await owner.start();
      }
      for (const [zone, answers] of said) expect([...answers], zone).to.deep.equal(["7"]);
    });
});
