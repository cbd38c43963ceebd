import { expect } from "chai";
import fc from "fast-check";

import type { ZoneChange } from "../../../src/dns/incremental";
import type { ResourceRecord } from "../../../src/dns/record";
import { ZoneCopy } from "../../../src/dns/zone-copy";
import { failureOf } from "./failure";
import { host, soa } from "../../../harness/dns/zone-builders";

const copyOf = (records: readonly ResourceRecord[], skips?: ReadonlySet<string>): ZoneCopy => {
  const copy = new ZoneCopy(skips);
  copy.load(records);
  return copy;
};

describe("a zone that is followed by its changes", () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 });

  it("is led from any version to any other, and says which names changed", () => {
    fc.assert(
      fc.property(fc.array(ids, { minLength: 2, maxLength: 5 }), (versions) => {
        const changes = versions.slice(1).map((next, i): ZoneChange => {
          const before = versions[i]!;
          const deleted = before.filter((id) => !next.includes(id)).map(host);
          const added = next.filter((id) => !before.includes(id)).map(host);
          return { from: soa(i), to: soa(i + 1), deleted, added };
        });
        const copy = copyOf([soa(0), ...versions[0]!.map(host)]);
        const changed = copy.apply(changes);
        expect(copy.soa).to.deep.equal(soa(versions.length - 1));
        const names = (records: readonly ResourceRecord[]) => records.map((each) => each.name).sort();
        expect(names(copy.records().slice(1))).to.deep.equal(names(versions.at(-1)!.map(host)));
        const touched = changes.flatMap(({ deleted, added }) => [...deleted, ...added]).map(({ name }) => name);
        expect([...changed].sort()).to.deep.equal([...new Set(touched)].sort());
        for (let id = 0; id <= 30; id++)
          expect(copy.at(host(id).name).get("A")).to.deep.equal(versions.at(-1)!.includes(id) ? [host(id)] : undefined);
      }),
    );
  });

  it("may change a TTL alone", () => {
    const longer = { ...host(1), ttl: 999 };
    const copy = copyOf([soa(1), host(1)]);
    copy.apply([{ from: soa(1), to: soa(2), deleted: [host(1)], added: [longer] }]);
    expect(copy.records()).to.deep.equal([soa(2), longer]);
  });

  it("is empty behind changes that belong to another state of it", () => {
    const change = { from: soa(1), to: soa(2), deleted: [] as ResourceRecord[], added: [] as ResourceRecord[] };
    const bad: [ResourceRecord[], ZoneChange][] = [
      [[soa(3)], change],
      [[], change],
      [[soa(1)], { ...change, deleted: [host(1)] }],
      [[soa(1), host(1)], { ...change, added: [host(1)] }],
    ];
    for (const [records, each] of bad) {
      const copy = copyOf(records);
      expect(failureOf(() => copy.apply([each])).kind).to.equal("notApplicable");
      expect(copy.records()).to.deep.equal([]);
    }
  });

  it("knows nothing of types that it skips, not even whether their changes fit", () => {
    const copy = copyOf([soa(1), host(1), host(2)], new Set(["A"]));
    const changed = copy.apply([{ from: soa(1), to: soa(2), deleted: [host(3)], added: [host(2)] }]);
    expect(changed).to.be.empty;
    expect(copy.records()).to.deep.equal([soa(2)]);
  });
});
