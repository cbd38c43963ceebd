import { expect } from "chai";
import { defaultLimits } from "../../../src/mesh/limits";
import { planMesh } from "../../../src/mesh/plan-mesh";
import type { DiscoveredMesh, RefusedDiscovery } from "../../../src/mesh/read-view";
import { type MeshPlan, type MeshView, type SiteView, type ZoneView, viewHash } from "../../../src/mesh/view";

const today = "2026-11-23";
const site = (name: string, fields: Partial<SiteView> = {}): SiteView => ({
  name,
  role: name === "a" ? "primary-catalog" : "standard",
  addresses: [`addr-${name}`],
  sources: [],
  ...fields,
});
const zone = (name: string, owner: string, fields: Partial<ZoneView> = {}): ZoneView => ({
  name,
  owner,
  id: `id-${name}`,
  ...fields,
});
const view = (serial: number, sites: readonly SiteView[], zones: readonly ZoneView[]): MeshView => ({
  directorySerial: serial,
  catalogSerial: serial,
  sites,
  zones,
});
const found = (v: MeshView, uncertain: Partial<DiscoveredMesh["uncertain"]> = {}): DiscoveredMesh => ({
  kind: "view",
  view: v,
  uncertain: { sites: [], zones: [], ...uncertain },
  problems: [],
});
const plan = (known: MeshView | undefined, discovered: DiscoveredMesh | RefusedDiscovery, on = today): MeshPlan =>
  planMesh({ self: "a", known, discovered, limits: defaultLimits, today: on });

const six = ["a", "b", "c", "d", "e", "f"].map((name) => site(name));
const sixZones = six.map(({ name }) => zone(`${name}.example`, name));
const known = view(10, six, sixZones);

describe("planMesh", () => {
  it("takes what the central zones say at first, whatever it is", () => {
    const result = plan(undefined, found(known));
    expect(result).to.deep.include({ next: known, held: [] });
    expect(result.changes).to.have.length(12);
    expect(plan(view(0, [site("a"), site("b")], []), found(view(5, [site("a")], []))).next).to.deep.equal(
      view(5, [site("a")], []),
    );
  });

  it("changes nothing when nothing changed", () => {
    expect(plan(known, found(known))).to.deep.equal({ next: known, changes: [], held: [] });
  });

  it("adds, re-addresses, moves and removes, and reports each", () => {
    const sites = [...six.slice(0, 4), site("e", { addresses: ["new"] }), site("g")];
    const zones = [...sixZones.slice(0, 4), zone("e.example", "d"), zone("g.example", "g")];
    const result = plan(known, found(view(11, sites, zones)));
    expect(result.next).to.deep.equal(view(11, sites, zones));
    expect(result.changes).to.deep.equal([
      { kind: "site-changed", site: "e", fields: ["addresses"] },
      { kind: "site-removed", site: "f" },
      { kind: "site-added", site: "g" },
      { kind: "zone-moved", zone: "e.example", from: "e", to: "d" },
      { kind: "zone-removed", zone: "f.example", owner: "f" },
      { kind: "zone-added", zone: "g.example", owner: "g" },
    ]);
  });

  it("holds more than a third, keeps every one of them, and takes the rest of the change", () => {
    const result = plan(
      known,
      found(view(11, [...six.slice(0, 3), site("g")], [...sixZones.slice(0, 5), zone("g.example", "g")])),
    );
    expect(result.next.sites.map((s) => s.name).join("")).to.equal("abcdefg");
    const names = result.next.zones.map((z) => z.name);
    expect(names).to.include("g.example");
    expect(names, "one zone might go, but its site is held").to.include("f.example");
    expect(result.held).to.have.length(2);
    expect(result.held[0]).to.deep.include({ kind: "sites", names: ["d", "e", "f"] });
    expect(result.held[1]).to.deep.include({ kind: "zones", names: ["f.example"] });
    expect(result.held[0]!.reason).to.match(/3 of 7 sites are gone.*retired date/);
  });

  it("lets one go, however small the mesh is, and not two of five", () => {
    expect(plan(view(1, six.slice(0, 2), []), found(view(2, six.slice(0, 1), []))).held).to.deep.equal([]);
    expect(plan(view(1, six.slice(0, 5), []), found(view(2, six.slice(0, 3), []))).held).to.have.length(1);
    expect(plan(view(1, six, []), found(view(2, six.slice(0, 4), []))).held).to.deep.equal([]);
  });

  it("goes on holding in later passes, also when the mesh has grown since", () => {
    const grown = [...six.slice(0, 3), ...Array.from({ length: 20 }, (_, i) => site(`n${i}`))];
    const first = plan(known, found(view(11, six.slice(0, 3), sixZones.slice(0, 3))));
    const second = plan(first.next, found(view(12, grown, sixZones.slice(0, 3))));
    expect(second.held.map((held) => held.names)).to.deep.equal([
      ["d", "e", "f"],
      ["d.example", "e.example", "f.example"],
    ]);
    expect(plan(second.next, found(known)).held, "serial 10 is older").to.have.length(2);
    const restored = plan(second.next, found({ ...known, directorySerial: 13, catalogSerial: 13 }));
    expect(restored.next.held, "n0 … n19 are more than a third").to.have.property("sites").with.length(20);
    expect(restored.held.flatMap((held) => held.names)).to.not.include("d");
  });

  it("drops at once what was marked retired before, and only when the day has come", () => {
    const retire = (on: string) =>
      view(
        10,
        six.map((s, i) => (i < 2 ? s : { ...s, retired: on })),
        sixZones,
      );
    const left = found(view(11, six.slice(0, 2), sixZones.slice(0, 2)));
    expect(plan(retire("2026-11-23"), left)).to.deep.include({ next: left.view, held: [] });
    const early = plan(retire("2026-11-24"), left);
    expect(early.held).to.have.length(2);
    expect(plan(early.next, left, "2026-11-24").next, "the next day").to.deep.equal(left.view);
  });

  it("does not take a mark that comes with the removal", () => {
    const result = plan(
      known,
      found(
        view(
          11,
          six.slice(0, 2).map((s) => ({ ...s, retired: today })),
          sixZones,
        ),
      ),
    );
    expect(result.held[0]?.names).to.deep.equal(["c", "d", "e", "f"]);
  });

  it("keeps the owner of zones that are held, although the site alone might go", () => {
    const owned = view(
      10,
      six,
      ["1", "2", "3"].map((n) => zone(`${n}.example`, "f")),
    );
    const result = plan(owned, found(view(11, six.slice(0, 5), [])));
    expect(result.next.sites.map((s) => s.name)).to.include("f");
    expect(result.held.map((held) => held.kind)).to.deep.equal(["zones"]);
    expect(plan(result.next, found(view(11, six.slice(0, 5), [])))).to.deep.equal({ ...result, changes: [] });
  });

  it("keeps what is known of an entry that is uncertain, and does not add one that is not known", () => {
    const result = plan(
      known,
      found(view(11, six.slice(0, 5), sixZones.slice(0, 4)), {
        sites: ["f", "z"],
        zones: ["e.example", "f.example", "z.example"],
      }),
    );
    expect(result.next).to.deep.equal({ ...known, directorySerial: 11, catalogSerial: 11 });
    expect(result).to.deep.include({ changes: [], held: [] });
  });

  it("takes no zone for another when both its owner and the zone are in doubt", () => {
    const result = plan(known, found(view(11, six.slice(0, 5), sixZones.slice(0, 5)), { zones: ["f.example"] }));
    expect(
      result.next.sites.map((s) => s.name),
      "the owner of a zone that stays",
    ).to.include("f");
  });

  for (const [what, serials] of [
    ["an older directory", { directorySerial: 9 }],
    ["an older catalog", { catalogSerial: 9 }],
    ["a serial half a circle away", { directorySerial: 10 + 2 ** 31 }],
  ] as const) {
    it(`refuses ${what} and keeps what is known`, () => {
      const result = plan(known, found({ ...known, sites: six.slice(0, 5), ...serials }));
      expect(result).to.deep.include({ next: known, changes: [] });
      expect(result.refusal?.kind).to.equal("older");
    });
  }

  it("takes a serial that went round (RFC 1982)", () => {
    const late = { ...known, directorySerial: 2 ** 32 - 5, catalogSerial: 2 ** 32 - 5 };
    expect(plan(late, found({ ...known, directorySerial: 3, catalogSerial: 3 })).refusal).to.equal(undefined);
  });

  it("keeps serving what it knows when the directory does not know this site any more", () => {
    const result = plan(known, found(view(11, six.slice(1), sixZones.slice(1))));
    expect(result).to.deep.include({ next: known, changes: [] });
    expect(result.refusal?.kind).to.equal("self-missing");
  });

  it("passes a refusal on and keeps what is known, and what is held", () => {
    const held = plan(known, found(view(11, six.slice(0, 2), sixZones)));
    const refused: RefusedDiscovery = { kind: "refused", refusal: { kind: "empty", reason: "nothing there" } };
    expect(plan(held.next, refused)).to.deep.equal({
      next: held.next,
      changes: [],
      held: held.held,
      refusal: refused.refusal,
    });
  });
});

describe("viewHash", () => {
  it("is of the content: serials, order and what is held do not show", () => {
    const same = {
      ...known,
      directorySerial: 1,
      sites: [...six].reverse(),
      zones: [...sixZones].reverse(),
      held: { sites: ["f"], zones: [] },
    };
    expect(viewHash(same)).to.equal(viewHash(known));
    expect(viewHash(known)).to.match(/^[0-9a-f]{64}$/);
  });

  it("differs with any fact", () => {
    const others: MeshView[] = [
      { ...known, sites: six.slice(1) },
      { ...known, zones: sixZones.slice(1) },
      { ...known, sites: [site("a", { addresses: ["x"] }), ...six.slice(1)] },
      { ...known, sites: [site("a", { retired: today }), ...six.slice(1)] },
      { ...known, zones: [zone("a.example", "b"), ...sixZones.slice(1)] },
    ];
    const hashes = [known, ...others].map(viewHash);
    expect(new Set(hashes)).to.have.length(hashes.length);
  });
});
