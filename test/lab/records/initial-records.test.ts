import { expect } from "chai";
import { parse } from "yaml";
import { blocksOf } from "../../../harness/docs/blocks";
import { recordKey } from "../../../src/dns/rdata";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { renderOwnZone } from "../../../src/knot/config/own-zone";
import { parseMesh } from "../../../src/settings/parse";
import { recordSetOf } from "../../../src/records/record-set";
import { startKnot } from "../../../harness/knot";
import { goodSpecs } from "../../../harness/records/good-specs";

describe("a zone that begins with records of every type", function () {
  this.timeout(20_000);
  const key = { name: "k", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 7).toString("base64") } as const;
  const name = "standard-1.internal.dns";

  it("is served by Knot with those, and SOA and NS of its own", async () => {
    const { directoryZone, sites } = parseMesh({
      ...{ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns" },
      sites: [
        { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: [{ name, records: [...goodSpecs] }] },
      ],
    });
    const site = sites[0]!;
    const text = renderOwnZone({ zone: site.zones[0]!, site, directoryZone, serial: 1 });
    await using knot = await startKnot({ zones: { [name]: text }, keys: [key] });
    const served = await new DnsClient({ timeoutMs: 2000 }).transfer(knot.server, name, key);
    const wanted = goodSpecs.flatMap((spec) => {
      const reading = recordSetOf({ zone: name, ...spec });
      return reading.kind === "set" ? reading.set.records : [];
    });
    const own = served.filter(({ type, name: owner }) => type === "SOA" || (type === "NS" && owner === name));
    expect(own).to.have.lengthOf(2);
    expect(
      served
        .filter((each) => !own.includes(each))
        .map(recordKey)
        .toSorted(),
    ).to.deep.equal(wanted.map(recordKey).toSorted());
  });

  it("begins with what docs/records.md shows", async () => {
    const [block = ""] = blocksOf("docs/records.md#what-a-zone-begins-with", "yaml");
    const { zones } = parse(block) as { zones: unknown[] };
    const { directoryZone, sites } = parseMesh({
      ...{ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns" },
      sites: [{ name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones }],
    });
    const site = sites[0]!;
    const text = renderOwnZone({ zone: site.zones[0]!, site, directoryZone, serial: 1 });
    await using knot = await startKnot({ zones: { [name]: text } });
    const { answers } = await new DnsClient({ timeoutMs: 2000 }).query(knot.server, name, "MX");
    expect(answers.map((record) => [record.ttl, "exchange" in record && record.exchange])).to.have.deep.members([
      [300, `mail.${name}`],
      [300, "mail.example.org"],
    ]);
  });
});
