import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import type { Mesh } from "../../../src/mesh/model";
import { addressOutputs, isAuto, lostAddresses, requireNotUp, waitingIn } from "../../../src/preflight/waiting-sites";
import { parseMesh } from "../../../src/settings/parse";
import { seed } from "../settings/bad-meshes";

/** The seed's list with changed entries, by the site's name. */
function listed(changes: Readonly<Record<string, object>> = {}): Mesh {
  const list = seed();
  return parseMesh({
    ...list,
    sites: list.sites.map((site) => ({ ...site, ...changes[String(site["name"])] })),
  });
}

/** What a shared stack says that was brought up with a mesh. */
const saidOf = ({ sites }: Mesh) => ({ sites: Object.fromEntries(sites.map((site) => [site.name, { site }])) });

describe("sites that wait for an address", () => {
  const auto = { addresses: "auto" };

  it("are announced by the shared stack, which says nothing more where there are none", () => {
    expect(addressOutputs(listed())).to.deep.equal({});
    expect(addressOutputs(listed({ "site-b": { ...auto, found: ["198.51.100.2"] } }))).to.deep.equal({
      auto: ["site-b"],
    });
    const outputs = { ...addressOutputs(listed({ "site-c": auto, "site-b": { ...auto, found: ["198.51.100.2"] } })) };
    expect(outputs).to.deep.equal({ auto: ["site-b", "site-c"], waiting: { "site-c": { transport: "tls" } } });
    expect([waitingIn(outputs, "site-c"), waitingIn(outputs, "site-b")]).to.deep.equal([
      { transport: "tls" },
      undefined,
    ]);
    expect([isAuto(outputs, "site-b"), isAuto(outputs, "site-a"), isAuto({}, "site-b")]).to.deep.equal([
      true,
      false,
      false,
    ]);
    expect(() => waitingIn({ waiting: { "site-c": { transport: "pigeon" } } }, "site-c")).to.throw(
      UserError,
      /cannot read; bring the shared stack up/,
    );
  });

  it("may be new, and may have got an address since", () => {
    const former = saidOf(listed({ "site-c": auto }));
    expect(lostAddresses(listed({ "site-c": auto }), undefined)).to.deep.equal([]);
    expect(lostAddresses(listed({ "site-c": auto }), former)).to.deep.equal([]);
    expect(lostAddresses(listed(), former)).to.deep.equal([]);
    expect(lostAddresses(listed({ "site-a": auto }), {})).to.deep.equal([]);
  });

  it("cannot be such that the mesh knows already: an address that is not said is not one that is gone", () => {
    const former = saidOf(listed());
    expect(lostAddresses(listed({ "site-c": auto }), former).join()).to.match(
      /site-c has addresses: auto.*knows it at 203\.0\.113\.3\. Nothing was changed; write "found: \[203\.0\.113\.3\]"/,
    );
    // The primary's is named, and not the others that would wait with it.
    const found = lostAddresses(listed({ "site-a": auto }), former);
    expect(found).to.have.length(1);
    expect(found[0]).to.match(/site-a has addresses: auto/);
  });

  it("can neither become the primary of a mesh that is up, nor take a zone that somebody answers", () => {
    const former = saidOf(listed({ "site-c": auto }));
    const promoted = listed({
      "site-a": { role: "secondary-catalog" },
      "site-c": { ...auto, role: "primary-catalog" },
    });
    expect(lostAddresses(promoted, former).join()).to.match(/site-c has no address yet and cannot become/);
    const moved = listed({ "site-b": { zones: [] }, "site-c": { ...auto, zones: ["catalog-secondary.internal.dns"] } });
    expect(lostAddresses(moved, former).join()).to.match(
      /"catalog-secondary\.internal\.dns" cannot move from site-b to site-c, which has no address yet/,
    );
  });

  it("cannot be such that a stack brought up as a whole: all but its Service would be deleted", () => {
    requireNotUp("site-c", undefined);
    requireNotUp("site-c", { site: "site-c", waiting: true, addresses: [] });
    expect(() => {
      requireNotUp("site-c", { site: "site-c", server: "site-c.dns.internal" });
    }).to.throw(UserError, /deleted, volumes included\. Nothing was changed/);
  });
});
