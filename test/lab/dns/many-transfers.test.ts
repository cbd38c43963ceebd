import { expect } from "chai";
import { join } from "node:path";
import { issue, makeAuthority } from "../../../harness/certificates";
import { freePort, type KnotServer, startKnot } from "../../../harness/knot";
import { TransferConnection } from "../../../src/dns/client/transfer-connection";
import { randomKey } from "../../../src/keyring/fresh-key";

const zones = Array.from({ length: 40 }, (_, i) => `zone-${i}.example`);
const zoneText = (zone: string): string =>
  `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns h 1 3600 60 86400 60\n@ NS ns\nns A 192.0.2.1\n`;
const serverName = "site-a.dns.internal";
const ca = makeAuthority();
const key = randomKey("reader");

/** Shorter than Knot keeps a connection that is idle, after which it would read what it left. */
const timeoutMs = 5000;

describe("many transfers on one connection", function () {
  this.timeout(60_000);
  let knot: KnotServer;
  let secure: number;

  before(async () => {
    secure = await freePort();
    const { cert, key: privateKey } = issue({ ca, name: serverName });
    knot = await startKnot({
      zones: Object.fromEntries(zones.map((zone) => [zone, zoneText(zone)])),
      keys: [key],
      files: { "server.crt": cert, "server.key": privateKey },
      extraConfig: ({ storage, address }) => `
server:
  listen-tls: ${address}@${secure}
  cert-file: ${join(storage, "server.crt")}
  key-file: ${join(storage, "server.key")}
`,
    });
  });
  after(() => knot[Symbol.asyncDispose]());

  for (const transport of ["TCP", "TLS"] as const)
    it(`are all answered by Knot over ${transport} that are asked for at once, each by its own zone`, async () => {
      const server =
        transport === "TCP" ? knot.server : { address: knot.address, port: secure, tls: { ca: ca.cert, serverName } };
      using connection = new TransferConnection({ server, key, timeoutMs });
      const copies = await Promise.all(zones.map((zone) => connection.transfer(zone)));
      for (const [i, copy] of copies.entries()) {
        const names = copy === "same" ? [] : copy.records.map(({ name }) => name);
        expect(names)
          .to.include(zones[i])
          .and.include(`ns.${zones[i] ?? ""}`);
      }
      const again = await Promise.all(
        zones.map((zone, i) => {
          const like = copies[i];
          return connection.transfer(zone, like === "same" ? undefined : like);
        }),
      );
      expect(new Set(again)).to.deep.equal(new Set(["same"]));
    });
});
