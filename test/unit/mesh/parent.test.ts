import { expect } from "chai";

import type { Delegated, ParentLook } from "../../../src/dns/client/parent-reader";
import { compareParent, parentSentence } from "../../../src/mesh/parent";

const zone = "corp.example";
const [ns1, ns2, glue1, ds] = [`ns1.${zone}`, "ns2.example.net", `ns1.${zone} 192.0.2.1`, "7 13 2 AB"];
const wanted = { servers: [ns1, ns2], glue: [glue1], ds: [ds] };
const fine: Delegated = { servers: [ns2, ns1], glue: [glue1], ds: [ds] };
const read = (...delegated: readonly (Delegated | undefined)[]): ParentLook => ({
  kind: "read",
  parent: "example",
  answers: delegated.map((each, i) => ({ server: `p${i + 1}.example`, ...(each && { delegated: each }) })),
});
const said = (look: ParentLook, records: Parameters<typeof compareParent>[1] = wanted) =>
  parentSentence(zone, compareParent(zone, records, look));

describe("what a parent outside the mesh has", () => {
  it("is what it should have, in whatever order, and with addresses of servers elsewhere", () => {
    expect(said(read(fine, { ...fine, glue: [glue1, `${ns2} 198.51.100.7`] }))).to.equal(
      "example has of corp.example what it should",
    );
  });

  it("differs, with what is to be changed", () => {
    const other = {
      servers: [ns1, `ns3.${zone}`],
      glue: [`${ns1} 192.0.2.9`, `ns3.${zone} 192.0.2.3`],
      ds: ["8 13 2 CD"],
    };
    expect(said(read(other))).to.equal(
      "example has of corp.example what it should not: add NS ns2.example.net., take out NS ns3.corp.example., " +
        "add ns1.corp.example. A 192.0.2.1, take out ns1.corp.example. A 192.0.2.9, add DS 7 13 2 AB, take out DS 8 13 2 CD",
    );
  });

  it("differs when it differs at one of its servers alone, which is named", () => {
    const state = compareParent(zone, wanted, read(fine, { ...fine, servers: [ns1] }));
    expect([state.kind, state.changes]).to.deep.equal(["differs", ["add NS ns2.example.net. (at p2.example)"]]);
  });

  it("is not judged by the kind of digest of the same key, and is by another key", () => {
    expect(compareParent(zone, wanted, read({ ...fine, ds: ["7 13 4 EF"] })).kind).to.equal("same");
    expect(compareParent(zone, wanted, read({ ...fine, ds: [ds, "7 13 2 EF"] })).changes).to.deep.equal([
      "take out DS 7 13 2 EF",
    ]);
  });

  it("has DS records of a zone that says nothing of keys", () => {
    const silent = { servers: wanted.servers, glue: wanted.glue };
    expect(compareParent(zone, silent, read(fine)).changes).to.deep.equal([
      `take out DS ${ds}, unless the zone is signed with that key`,
    ]);
    expect(compareParent(zone, { ...wanted, ds: [] }, read(fine)).changes).to.deep.equal([`take out DS ${ds}`]);
    expect(compareParent(zone, silent, read({ ...fine, ds: [] })).kind).to.equal("same");
  });

  it("may be nothing, or somebody else's servers, as for a private zone", () => {
    expect(said(read(undefined))).to.equal(
      "example does not delegate corp.example; if resolvers are to find it from there: add NS ns1.corp.example., " +
        "add NS ns2.example.net., add ns1.corp.example. A 192.0.2.1, add DS 7 13 2 AB",
    );
    expect(said(read({ servers: ["ns.provider.example"], glue: [], ds: [] }))).to.match(
      /^example sends whoever asks for corp\.example to other servers; .*take out NS ns\.provider\.example\./,
    );
    expect(said({ ...read(undefined), parent: "" } as ParentLook)).to.match(/^the root does not delegate/);
  });

  it("is not known when nobody says it, which is not nothing", () => {
    const state = compareParent(zone, wanted, { kind: "unread", reason: "p1.example answers SERVFAIL" });
    expect(state).to.deep.equal({ kind: "unread", changes: [], reason: "p1.example answers SERVFAIL" });
    expect(parentSentence(zone, state)).to.equal(
      "what the parent of corp.example has is not known: p1.example answers SERVFAIL",
    );
  });
});
