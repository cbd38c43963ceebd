import { expect } from "chai";
import { ZoneMirror } from "../../../../src/agents/operator/zone-mirror";
import type { IncrementalTransfer } from "../../../../src/dns/incremental";
import type { ResourceRecord } from "../../../../src/dns/record";
import { host, key, soa, zone } from "../../../../harness/dns/zone-builders";

const signature: ResourceRecord = {
  ...{ name: "h1.example", class: "IN", ttl: 60, type: "OTHER", typeName: "RRSIG" },
  rdata: new Uint8Array(18),
};

/** A writer that gives these answers one after the other, and notes what it was asked for. */
function writer(answers: readonly (readonly ResourceRecord[] | IncrementalTransfer)[], serials: number[] = []) {
  const asked: string[] = [];
  const left = [...answers];
  const dns = {
    querySoa: () => Promise.resolve(soa(serials.shift() ?? 4_000_000)),
    transfer: () => (asked.push("AXFR"), Promise.resolve([...(left.shift() as readonly ResourceRecord[])])),
    transferIncremental: (_: unknown, { serial }: { serial: number }) => {
      asked.push(`IXFR ${serial}`);
      return Promise.resolve(left.shift() as IncrementalTransfer);
    },
  };
  const mirror = new ZoneMirror({ zone, dns, writer: () => ({ address: "192.0.2.1", port: 53 }), key });
  return { mirror, asked };
}

const change = (
  from: number,
  records: { deleted?: ResourceRecord[]; added?: ResourceRecord[] },
): IncrementalTransfer => ({
  kind: "incremental",
  changes: [{ from: soa(from), to: soa(from + 1), deleted: [], added: [], ...records }],
});

describe("the operator's copy of a zone", () => {
  it("follows what changed, and says at which names; what a signer makes is nothing of it", async () => {
    const { mirror, asked } = writer([
      [soa(1), host(1), signature],
      { kind: "upToDate", soa: soa(1) },
      change(1, { deleted: [host(1), signature], added: [host(2), signature] }),
    ]);
    expect(await mirror.follow()).to.equal(undefined);
    expect([...mirror.at("h1.example").keys()]).to.deep.equal(["A"]);
    expect(await mirror.follow()).to.deep.equal(new Set());
    expect(await mirror.follow()).to.deep.equal(new Set(["h1.example", "h2.example"]));
    expect([mirror.serial, mirror.at("h1.example").size, mirror.at("h2.example").size]).to.deep.equal([2, 0, 1]);
    expect(asked).to.deep.equal(["AXFR", "IXFR 1", "IXFR 1"]);
  });

  it("is not transferred when the serial is the same, unless we have changed it ourselves", async () => {
    const { mirror, asked } = writer([[soa(1), host(1)], change(1, { added: [host(2)] })], [1, 1]);
    await mirror.follow();
    expect([await mirror.follow(), await mirror.follow()]).to.deep.equal([new Set(), new Set()]);
    expect(asked).to.deep.equal(["AXFR"]);
    expect(await mirror.follow(true)).to.deep.equal(new Set(["h2.example"]));
    expect(asked).to.deep.equal(["AXFR", "IXFR 1"]);
  });

  const strays: Record<string, IncrementalTransfer> = {
    "delete what it does not have": change(1, { deleted: [host(7)] }),
    "add what it has": change(1, { added: [host(1)] }),
    "start elsewhere": { ...change(3, {}) },
  };
  for (const [what, answer] of Object.entries(strays))
    it(`is transferred anew when the changes ${what}`, async () => {
      const { mirror, asked } = writer([[soa(1), host(1)], answer, [soa(2), host(3)]]);
      await mirror.follow();
      expect(await mirror.follow()).to.equal(undefined);
      expect([mirror.serial, mirror.at("h1.example").size, mirror.at("h3.example").size]).to.deep.equal([2, 0, 1]);
      expect(asked).to.deep.equal(["AXFR", "IXFR 1", "AXFR"]);
    });

  it("is transferred anew when the zone went back, and takes a whole zone for an answer", async () => {
    const { mirror } = writer([
      [soa(5), host(1)],
      { kind: "upToDate", soa: soa(2) },
      [soa(2), host(2)],
      { kind: "full", records: [soa(9), host(3)] },
    ]);
    await mirror.follow();
    expect(await mirror.follow()).to.equal(undefined);
    expect([mirror.serial, mirror.at("h2.example").size]).to.deep.equal([2, 1]);
    expect(await mirror.follow()).to.equal(undefined);
    expect([mirror.serial, mirror.at("h2.example").size, mirror.at("h3.example").size]).to.deep.equal([9, 0, 1]);
  });
});
