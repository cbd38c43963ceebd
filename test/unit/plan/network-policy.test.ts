import { expect } from "chai";
import { parseMesh } from "../../../src/mesh/parse";
import { welcomePacket } from "../../../src/mesh/welcome";
import { peerPolicySpec } from "../../../src/plan/network-policy";
import { bootstrapView, catalogSitesOf, isBootstrap, withPacketCatalogs } from "../../../src/plan/peers";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "c", role: "standard", addresses: ["192.0.2.3"], zones: ["c.example"] },
    { name: "b", role: "secondary-catalog", addresses: ["192.0.2.2", "2001:db8::2"] },
    { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], sources: ["10.0.0.0/8"] },
  ],
});
const packet = welcomePacket(mesh, "c", "CA");
const cidrs = (rules: readonly object[]) => JSON.stringify(rules).match(/(?<="cidr":")[^"]+/g) ?? [];

describe("peerPolicySpec", () => {
  it("lets peers in from their sources and out to their addresses", () => {
    const spec = peerPolicySpec({ packet });
    expect(spec.podSelector.matchLabels).to.deep.equal({ "app.kubernetes.io/name": "knot" });
    expect(cidrs(spec.ingress)).to.deep.equal(["10.0.0.0/8", "192.0.2.2/32", "2001:db8::2/128"]);
    expect(cidrs(spec.egress)).to.deep.equal(["192.0.2.1/32", "192.0.2.2/32", "2001:db8::2/128"]);
  });

  it("follows the view: added, re-addressed and removed", () => {
    const view = {
      ...bootstrapView(packet),
      sites: [{ name: "d", role: "standard" as const, addresses: ["192.0.2.4"], sources: ["192.0.2.4/32"] }],
    };
    const spec = peerPolicySpec({ packet, view });
    expect(cidrs([...spec.ingress, ...spec.egress])).to.deep.equal(["192.0.2.4/32", "192.0.2.4/32"]);
  });

  it("has no rule without peers, which would let everybody in", () => {
    const alone = { ...mesh, sites: mesh.sites.slice(2) };
    const spec = peerPolicySpec({ packet: welcomePacket(alone, "a", "CA") });
    expect(spec.ingress).to.have.length(1);
    expect(spec.egress).to.have.length(1);
    for (const rule of spec.ingress) expect(rule.from).to.not.have.length(0);
    for (const rule of spec.egress) expect(rule.to).to.not.have.length(0);
  });
});

describe("the view before any view", () => {
  it("is the site itself and the packet's catalog sites, and no zone", () => {
    const view = bootstrapView(packet);
    expect(view.sites.map((site) => site.name)).to.deep.equal(["a", "b", "c"]);
    expect(view.zones).to.deep.equal([]);
    expect(isBootstrap(view)).to.equal(true);
  });

  it("finds the primary catalog first", () => {
    expect(catalogSitesOf({ packet, view: bootstrapView(packet) }).map((site) => site.name)).to.deep.equal(["a", "b"]);
    const none = { ...bootstrapView(packet), sites: [] };
    expect(catalogSitesOf({ packet, view: none }).map((site) => site.name)).to.deep.equal(["a", "b"]);
  });
});

describe("withPacketCatalogs", () => {
  it("adds what the packet knows after what the view knows", () => {
    const view = {
      ...bootstrapView(packet),
      sites: [{ name: "a", role: "primary-catalog" as const, addresses: ["192.0.2.99"], sources: [] }],
    };
    const merged = withPacketCatalogs(view, packet);
    expect(merged.sites.map((site) => [site.name, ...site.addresses])).to.deep.equal([
      ["a", "192.0.2.99", "192.0.2.1"],
      ["b", "192.0.2.2", "2001:db8::2"],
    ]);
    expect(withPacketCatalogs(merged, packet)).to.deep.equal(merged);
  });
});
