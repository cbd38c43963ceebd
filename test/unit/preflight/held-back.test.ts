import { expect } from "chai";
import fc from "fast-check";
import { heldBack, requirePublishable } from "../../../src/preflight/held-back";
import { publishedOf, readPublished, type Mark, type Published } from "../../../src/preflight/published";
import { parseMesh } from "../../../src/settings/parse";
import { welcomePacket } from "../../../src/mesh/welcome";
import { exampleMesh } from "../components/example-mesh";
import { UserError } from "../../../src/base/errors";
import { up } from "../components/site/site-run";

const today = "2026-11-28";
type Listed = Readonly<Record<string, Mark & { readonly zones?: readonly string[] }>>;
const published = (sites: Listed): Published =>
  Object.fromEntries(
    Object.entries(sites).map(([name, { zones = [], ...mark }]) => [
      name,
      { ...mark, zones: Object.fromEntries(zones.map((zone) => [zone, {}])) },
    ]),
  );
const held = (before: Listed, after: Listed) => heldBack({ before: published(before), after: published(after), today });

const a = { zones: ["a1", "a2"] };
const b = { zones: ["b1", "b2", "b3"] };

describe("what the sites will hold back", () => {
  it("is a site's zones that are more than a third, with their names and the way to confirm it", () => {
    const [sentence, ...more] = held({ a, b, c: { zones: ["c1"] } }, { a, c: { zones: ["c1"] } });
    expect(more).to.deep.equal([]);
    expect(sentence).to.match(/^mesh\.sites: the zones b1, b2, b3 are gone from the list, 3 of 6, and every site/);
    expect(sentence).to.contain('put them back with "retired: 2026-11-28"');
    expect(sentence).to.contain("bring up shared and the primary");
  });

  it("is several sites at once, and their zones", () => {
    const all = { a, b: {}, c: {}, d: {} };
    expect(held(all, { a }).join()).to.contain("the sites b, c, d are gone from the list, 3 of 4");
  });

  it("is nothing within the limits, nor of what was retired before and is due", () => {
    expect(held({ a, b: { zones: ["b1"] } }, { a })).to.deep.equal([]);
    expect(held({ a, b: { ...b, retired: today } }, { a })).to.deep.equal([]);
    expect(held({ a, b: { ...b, retired: "2026-11-29" } }, { a })).to.have.length(1);
  });

  it("is nothing where nothing was published, or something is added or moved", () => {
    expect(held({}, { a })).to.deep.equal([]);
    expect(held({ a }, { a, b })).to.deep.equal([]);
    expect(held({ a, b }, { a: { zones: [...a.zones, ...b.zones] }, b: {} })).to.deep.equal([]);
  });

  it("is read from the welcome packets as from the list", () => {
    const packets = exampleMesh.sites.map(({ name }) => [name, welcomePacket(exampleMesh, name, "CA")]);
    expect(readPublished(Object.fromEntries(packets))).to.deep.equal(publishedOf(exampleMesh));
    expect(readPublished(publishedOf(exampleMesh))).to.deep.equal(publishedOf(exampleMesh));
    const retired = parseMesh({
      ...{ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns" },
      sites: [
        {
          ...{ name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], retired: today },
          zones: [{ name: "z.example", retired: today }],
        },
      ],
    });
    expect(publishedOf(retired)).to.deep.equal({ a: { retired: today, zones: { "z.example": { retired: today } } } });
  });

  it("is never a failure, whatever an output holds", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (before, after) => {
        heldBack({ before: readPublished(before), after: readPublished(after), today });
      }),
    );
  });
});

describe("what the primary publishes", () => {
  const today = "2026-11-28";
  const published = publishedOf({ sites: exampleMesh.sites.slice(0, 1) });
  const former = { published: publishedOf(exampleMesh) };
  const packetOf = (site: string) => welcomePacket(exampleMesh, site, "CA");

  it("is an output of its stack, and of no other", async () => {
    expect((await up("site-a")).outputs["published"]).to.deep.equal({ value: publishedOf(exampleMesh), secret: false });
    expect((await up("site-b")).outputs).not.to.have.property("published");
  });

  it("is refused when every site would hold it back, by what it published last", () => {
    const publish = () => {
      requirePublishable({ packet: packetOf("site-a"), published }, { former, today });
    };
    expect(publish).to.throw(UserError, /the sites site-b, site-c are gone .* 2 of 3[^]*the zones catalog-secondary/);
  });

  it("is not looked at elsewhere, at first, or where an earlier release ran", () => {
    requirePublishable({ packet: packetOf("site-b"), published }, { former, today });
    for (const nothing of [undefined, {}, { published: "?" }])
      requirePublishable({ packet: packetOf("site-a"), published }, { former: nothing, today });
  });
});
