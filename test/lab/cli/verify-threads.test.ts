import { expect } from "chai";

import { type KnotServer, startKnot } from "../../../harness/knot";
import type { VerifyParts } from "../../../src/cli/verify";
import { verifyZones } from "../../../src/cli/verify";
import { threadsFor, verifyInThreads } from "../../../src/cli/verify-threads";
import { randomKey } from "../../../src/keyring/fresh-key";

const names = Array.from({ length: 9 }, (_, i) => `zone-${i}.example`);
const key = randomKey("reader");

/** The zones, of which two have another record than they should. */
function zoneTexts(changed: readonly string[]): Record<string, string> {
  const text = (zone: string): string =>
    `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns h 1 3600 60 86400 60\n@ NS ns\nns A 192.0.2.${changed.includes(zone) ? 9 : 1}\n`;
  return Object.fromEntries(names.map((zone) => [zone, text(zone)]));
}

describe("a comparison in several threads", function () {
  this.timeout(60_000);
  let one: KnotServer;
  let other: KnotServer;

  before(async () => {
    one = await startKnot({ zones: zoneTexts([]), keys: [key] });
    other = await startKnot({ zones: zoneTexts(["zone-1.example", "zone-5.example"]), keys: [key] });
  });
  after(async () => {
    await one[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  it("finds what one thread finds, in the same order, and says how far it is", async () => {
    const told: number[] = [];
    const points = [one, other].map(({ server }, i) => ({
      name: `site-${i}`,
      site: `site-${i}`,
      servers: [server],
      key,
    }));
    const parts: VerifyParts = {
      zones: names.map((name) => ({ name, owner: "site-0" })),
      ...{ points, notAsked: ["site-9"], timeoutMs: 15_000, pause: () => Promise.resolve() },
    };
    const found = await verifyInThreads({ ...parts, progress: (done) => told.push(done) }, 3);
    expect(found).to.deep.equal(await verifyZones(parts));
    expect(found.copies).to.equal(18);
    const differing = found.zones.filter((zone) => zone.differing.length > 0).map(({ zone }) => zone);
    expect(differing).to.deep.equal(["zone-1.example", "zone-5.example"]);
    expect(told.length).to.be.above(0);
  });

  it("takes a thread for each hundred thousand copies, as far as there are cores", () => {
    expect([1, 99_999, 250_000, 900_600].map((copies) => threadsFor(copies, 2))).to.deep.equal([1, 1, 2, 2]);
    expect([threadsFor(5_000_000, 64), threadsFor(900_600, 1)]).to.deep.equal([8, 1]);
  });
});
