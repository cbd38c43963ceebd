import { expect } from "chai";

import { ParentWatch } from "../../../../../src/agents/sidecar/dnssec/parent-watch";
import { dsText } from "../../../../../src/dns/rdata/trust-types";
import type { Message } from "../../../../../src/dns/message";
import type { Dnssec } from "../../../../../src/mesh/model";
import type { SignedZone } from "../../../../../src/mesh/signing-state";

/** RDATA of a DS record: key tag, algorithm 13, digest type, digest of one octet again and again. */
const ds = (tag: number, digestType: number, fill: number): Uint8Array =>
  Uint8Array.of(tag >> 8, tag & 255, 13, digestType, ...new Array<number>(digestType === 2 ? 32 : 48).fill(fill));

describe("the watch on the parent's DS records", () => {
  let now: number;
  let signed: SignedZone[];
  let settings: Map<string, true | Dnssec>;
  let zones: string[];
  /** DS records by zone; a server that is not there answers nothing. */
  let found: Record<string, readonly Uint8Array[]>;
  let away: boolean;
  let asked: string[];
  let watch: ParentWatch;

  beforeEach(() => {
    [now, zones, found, away, asked] = [0, [], {}, false, []];
    settings = new Map([["z.example", { parents: ["192.0.2.1@5300", "192.0.2.2"] }]]);
    signed = [{ zone: "z.example", state: "signed", ds: [dsText(ds(7, 2, 1))], dnskeys: [] }];
    watch = new ParentWatch({
      knot: { address: "own", port: 53 },
      now: () => now,
      signed: () => signed,
      settings: () => settings,
      zones: () => zones,
      dns: {
        query: ({ address, port }, zone) => {
          asked.push(`${address}@${port}`);
          if (away) return Promise.reject(new Error("away"));
          const answers = (found[zone] ?? []).map((rdata) => ({ type: "OTHER", typeName: "DS", rdata }));
          return Promise.resolve({ rcode: 0, answers } as unknown as Message);
        },
      },
    });
  });

  const look = async () => {
    await watch.round();
    now += 300_000;
    return Object.fromEntries(watch.matches);
  };

  it("finds them to fit or not, and says nothing where the parent has none", async () => {
    expect(await look()).to.deep.equal({});
    found = { "z.example": [ds(7, 2, 1)] };
    expect(await look()).to.deep.equal({ "z.example": true });
    found = { "z.example": [ds(8, 2, 1)] };
    expect(await look()).to.deep.equal({ "z.example": false });
    found = { "z.example": [ds(8, 2, 1), ds(7, 2, 1)] };
    expect(await look()).to.deep.equal({ "z.example": true });
  });

  it("takes another kind of digest of the same key for one, and no other digest of the same kind", async () => {
    found = { "z.example": [ds(7, 4, 9)] };
    expect(await look()).to.deep.equal({ "z.example": true });
    found = { "z.example": [ds(7, 2, 9)] };
    expect(await look()).to.deep.equal({ "z.example": false });
  });

  it("asks the servers of the settings in their order, the own Knot for a zone below another, and nobody else", async () => {
    await look();
    expect(asked.splice(0)).to.deep.equal(["192.0.2.1@5300"]);
    away = true;
    await look();
    expect(asked.splice(0)).to.deep.equal(["192.0.2.1@5300", "192.0.2.2@53"]);
    [away, settings] = [false, new Map([["z.example", true]])];
    await look();
    expect(asked).to.deep.equal([]);
    zones = ["ample", "example"];
    await look();
    expect(asked).to.deep.equal(["own@53"]);
  });

  it("keeps what a parent said that does not answer, and forgets zones that are not signed", async () => {
    found = { "z.example": [ds(8, 2, 1)] };
    await look();
    away = true;
    expect(await look()).to.deep.equal({ "z.example": false });
    signed = [];
    expect(await look()).to.deep.equal({});
  });

  it("asks nothing of a zone that is to lose its DS records", async () => {
    signed = [{ ...signed[0]!, state: "withdrawing", ds: [] }];
    await look();
    expect(asked).to.deep.equal([]);
  });

  it("says nothing any more of a zone that is to lose its DS records", async () => {
    found = { "z.example": [ds(8, 2, 1)] };
    expect(await look()).to.deep.equal({ "z.example": false });
    signed = [{ ...signed[0]!, state: "withdrawing", ds: [] }];
    expect(await look()).to.deep.equal({});
  });

  it("comes to every zone, however many there are, and wastes no turn on those without a parent", async () => {
    const names = Array.from({ length: 900 }, (_, i) => `z${i}.example`);
    const alone = names.map((name) => `alone-${name}`);
    signed = [...alone, ...names].map((zone) => ({ zone, state: "signed", ds: [dsText(ds(7, 2, 1))], dnskeys: [] }));
    settings = new Map(names.map((zone) => [zone, { parents: ["192.0.2.1"] }]));
    found = Object.fromEntries(names.map((zone) => [zone, [ds(7, 2, 1)]]));
    for (let i = 0; i < names.length; i++) {
      await watch.round();
      now += 1000;
    }
    expect([...watch.matches.keys()].sort()).to.deep.equal([...names].sort());
  });
});
