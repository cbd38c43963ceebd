import { expect } from "chai";
import { encodeMessage } from "../../../src/dns/message";
import { recordKey } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import { updateMessage, type Prerequisite, type ZoneUpdate } from "../../../src/dns/update";
import type { RrsetChange } from "../../../src/records/plan";
import { batchesOf, halvesOf } from "../../../src/records/updates";

const name = "www.example";
const a = (address: string, ttl = 300): ResourceRecord => ({ name, class: "IN", ttl, type: "A", address });

/** A records, from a number on. */
const addresses = (count: number, from = 0, ttl = 300): readonly ResourceRecord[] =>
  Array.from({ length: count }, (_, i) => a(`10.0.${(from + i) >> 8}.${(from + i) & 255}`, ttl));
const quads = (count: number, from = 0): readonly ResourceRecord[] =>
  Array.from({ length: count }, (_, i) => {
    const address = `2001:db8::${(from + i + 1).toString(16)}`;
    return { name, class: "IN", ttl: 300, type: "AAAA", address };
  });
const alias: ResourceRecord = { name, class: "IN", ttl: 300, type: "CNAME", target: "a.example" };
const octetsOf = (update: ZoneUpdate): number => encodeMessage(updateMessage({ id: 1, ...update })).length;
const fits = (update: ZoneUpdate): boolean => {
  try {
    return octetsOf(update) <= 65_535;
  } catch {
    return false;
  }
};
const line = (record: ResourceRecord): string => `${record.ttl} ${recordKey(record)}`;

/** What one name has after an update (RFC 2136 section 3). */
function updated(there: readonly ResourceRecord[], update: ZoneUpdate): readonly ResourceRecord[] {
  const typed = (type: string) => there.filter((record) => record.type === type);
  const holds = (prerequisite: Prerequisite): boolean => {
    if (prerequisite.kind === "rrsetExists") return typed(prerequisite.type).length > 0;
    if (prerequisite.kind === "rrsetAbsent") return typed(prerequisite.type).length === 0;
    if (prerequisite.kind !== "rrsetIs") throw new Error(prerequisite.kind);
    const keys = (records: readonly ResourceRecord[]) => records.map(recordKey).sort();
    expect(keys(typed(prerequisite.records[0]?.type ?? ""))).to.deep.equal(keys(prerequisite.records));
    return true;
  };
  expect(update.prerequisites?.every(holds)).to.equal(true);
  const records = new Map(there.map((record) => [recordKey(record), record]));
  for (const change of update.changes)
    if (change.kind === "add") records.set(recordKey(change.record), change.record);
    else if (change.kind === "deleteRecord") records.delete(recordKey(change.record));
    else if (change.kind === "deleteRrset")
      for (const [key, { type }] of records) if (type === change.type) records.delete(key);
  return [...records.values()];
}

/** Sends the changes of one name: messages that a server takes, and after them what was planned. Returns the messages. */
function sent(changes: readonly RrsetChange[]): readonly ZoneUpdate[] {
  const updates = batchesOf("example", [changes]).map(({ update }) => update);
  let there: readonly ResourceRecord[] = changes.flatMap(({ before }) => before);
  for (const update of updates) {
    expect(octetsOf(update)).to.be.at.most(65_535);
    there = updated(there, update);
  }
  expect(there.map(line).sort()).to.deep.equal(
    changes
      .flatMap(({ after }) => after)
      .map(line)
      .sort(),
  );
  return updates;
}

const kindsOf = ({ prerequisites = [], changes }: ZoneUpdate) => [
  [...new Set(prerequisites.map(({ kind }) => kind))],
  [...new Set(changes.map(({ kind }) => kind))],
];
const of = (before: readonly ResourceRecord[], after: readonly ResourceRecord[]): RrsetChange => {
  return { name, type: (before[0] ?? after[0])!.type, before, after };
};

describe("messages for changes", () => {
  const change = (i: number) => {
    const record: ResourceRecord = { ...a("192.0.2.1"), name: `h${i}.example` };
    return [{ name: record.name, type: "A", before: [], after: [record] }];
  };

  it("hold no more than a server takes, and all of it together", () => {
    const names = Array.from({ length: 3000 }, (_, i) => {
      // Names that share nothing, as long as they can be, of which every other one is there already.
      const long = ["a", "b", "c", "d"].map((letter) => `${i}`.padStart(60, letter)).join(".");
      const after: ResourceRecord = { ...a("192.0.2.1"), name: `${long}.example` };
      return [{ name: after.name, type: "A", before: i % 2 === 0 ? [] : [{ ...after, ttl: 1 }], after: [after] }];
    });
    const batches = batchesOf("example", names);
    expect(batches.length).to.be.within(5, 60);
    for (const { update } of batches)
      expect(encodeMessage(updateMessage({ id: 1, ...update })).length).to.be.below(64_000);
    expect(batches.flatMap(({ names: each }) => each)).to.deep.equal(names);
  });

  it("are halved down to one name", () => {
    const [batch] = batchesOf("example", [change(1), change(2), change(3)]);
    const halves = halvesOf(batch!);
    expect(halves.map(({ names }) => names.length)).to.deep.equal([2, 1]);
    expect(halvesOf(halves[1]!)).to.deep.equal([]);
  });

  it("say under which condition: the RRset is still what it was", () => {
    const [fresh] = batchesOf("example", [change(1)]);
    expect(fresh?.update.prerequisites).to.deep.equal([{ kind: "rrsetAbsent", name: "h1.example", type: "A" }]);
    const before = [a("192.0.2.1")];
    const [changed] = batchesOf("example", [[{ name, type: "A", before, after: [a("192.0.2.2")] }]]);
    expect(changed?.update.prerequisites).to.deep.equal([{ kind: "rrsetIs", records: before }]);
    expect(changed?.update.changes.map(({ kind }) => kind)).to.deep.equal(["deleteRrset", "add"]);
  });
});

describe("messages for the changes of one name", function () {
  this.timeout(60_000);

  it("name just what differs where that is less, and the RRset is still checked as a whole", () => {
    const [update, ...more] = sent([of(addresses(10), [...addresses(9), a("192.0.2.1")])]);
    expect(more).to.deep.equal([]);
    expect(update!.prerequisites).to.deep.equal([{ kind: "rrsetIs", records: addresses(10) }]);
    expect(update!.changes).to.deep.equal([
      { kind: "deleteRecord", record: addresses(1, 9)[0] },
      { kind: "add", record: a("192.0.2.1") },
    ]);
  });

  it("replace the RRset when its TTL changes", () => {
    const [update] = sent([of(addresses(10), addresses(11, 0, 60))]);
    expect(kindsOf(update!)).to.deep.equal([["rrsetIs"], ["deleteRrset", "add"]]);
  });

  for (const [what, before, after, form] of [
    ["are made", [], addresses(4000), [["rrsetAbsent"], ["add"]]],
    ["go", addresses(4000), [], [["rrsetIs"], ["deleteRrset"]]],
    ["get one more", addresses(4000), addresses(4001), [["rrsetIs"], ["add"]]],
    ["lose one", addresses(4000), addresses(3999), [["rrsetIs"], ["deleteRecord"]]],
    ["double", addresses(2000), addresses(4000), [["rrsetIs"], ["add"]]],
    ["become half of them", addresses(4000), addresses(2000, 1000), [["rrsetExists"], ["deleteRecord"]]],
    ["become others in part", addresses(4000), addresses(4000, 1000), [["rrsetExists"], ["deleteRecord", "add"]]],
    ["become others", addresses(4000), addresses(4000, 5000), [[], ["deleteRrset", "add"]]],
    ["get another TTL", addresses(4000), addresses(4000, 0, 60), [[], ["deleteRrset", "add"]]],
  ] as const)
    it(`hold 4,000 records that ${what}, in one step`, () => {
      const updates = sent([of(before, after)]);
      expect(updates.map(kindsOf)).to.deep.equal([form]);
    });

  it("change and delete every RRset that can be made, up to the last octet", () => {
    const room = 65_535 - octetsOf({ zone: "example", prerequisites: [], changes: [] });
    for (let count = Math.floor(room / 16) - 4; count <= Math.ceil(room / 16); count++) {
      const [made] = batchesOf("example", [[of([], addresses(count))]]);
      if (!fits(made!.update)) continue;
      for (const after of [addresses(count, 1), addresses(count, 9000), addresses(count, 0, 60), addresses(1), []])
        expect(sent([of(addresses(count), after)])).to.have.length(1);
    }
  });

  it("make no RRset larger than an answer holds", () => {
    const grown = batchesOf("example", [[of(addresses(4000), addresses(4200))]]);
    expect(grown.map(({ update }) => fits(update))).to.deep.equal([false]);
  });

  it("are parted between RRsets when they are too many together, in their order", () => {
    expect(sent([of([], addresses(4000)), of([], quads(2200))])).to.have.length(2);
    expect(sent([of(addresses(4000), []), of(quads(2200), [])])).to.have.length(2);
    const [first, second] = sent([of([alias], []), of([], addresses(4000)), of([], quads(2200))]);
    // The CNAME goes in the message in which its first successor comes.
    expect(kindsOf(first!)).to.deep.equal([
      ["rrsetIs", "rrsetAbsent"],
      ["deleteRrset", "add"],
    ]);
    expect(kindsOf(second!)).to.deep.equal([["rrsetAbsent"], ["add"]]);
  });

  it("stand alone when they are many, and leave other names together", () => {
    const other = (i: number) => [{ ...of([], [{ ...a("192.0.2.1"), name: `h${i}.example` }]), name: `h${i}.example` }];
    const batches = batchesOf("example", [other(1), [of(addresses(4000), addresses(4001))], other(2)]);
    expect(batches.map(({ names }) => names.map(([change]) => change!.name)).sort()).to.deep.equal([
      ["h1.example", "h2.example"],
      [name],
    ]);
    for (const batch of batches) expect(fits(batch.update)).to.equal(true);
  });
});
