import { expect } from "chai";
import type { Transport } from "../../../src/mesh/model";
import { parseMesh } from "../../../src/settings/parse";
import { welcomePacket } from "../../../src/mesh/welcome";
import type { NetworkPolicySpec } from "../../../src/policies/policy-spec";
import { peerPolicySpec } from "../../../src/policies/network-policy";
import { bootstrapView, catalogSitesOf, isBootstrap, withPacketCatalogs } from "../../../src/mesh/peers";

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
const cidrs = (rules: readonly object[] = []) => JSON.stringify(rules).match(/(?<="cidr":")[^"]+/g) ?? [];
const ports = (rules: NetworkPolicySpec["ingress"] = []) =>
  rules.flatMap((rule) => rule.ports.map(({ port, protocol }) => `${port}/${protocol}`));

describe("peerPolicySpec", () => {
  it("lets peers in from their sources and out to their addresses", () => {
    const spec = peerPolicySpec({ packet });
    expect(spec.podSelector.matchExpressions?.[0]?.values).to.deep.equal(["knot", "key-rotator", "record-operator"]);
    expect(spec.policyTypes).to.deep.equal(["Ingress", "Egress"]);
    expect(cidrs(spec.ingress)).to.deep.equal(["10.0.0.0/8", "192.0.2.2/32", "2001:db8::2/128"]);
    expect(cidrs(spec.egress)).to.deep.equal(["192.0.2.1/32", "192.0.2.2/32", "2001:db8::2/128"]);
  });

  it("follows the view: added, re-addressed and removed", () => {
    const view = {
      ...bootstrapView(packet),
      sites: [{ name: "d", role: "standard" as const, addresses: ["192.0.2.4"], sources: ["192.0.2.4/32"] }],
    };
    const spec = peerPolicySpec({ packet, view });
    expect([...cidrs(spec.ingress), ...cidrs(spec.egress)]).to.deep.equal(["192.0.2.4/32", "192.0.2.4/32"]);
  });

  it("has no rule without peers, which would let everybody in", () => {
    const alone = { ...mesh, sites: mesh.sites.slice(2) };
    const spec = peerPolicySpec({ packet: welcomePacket(alone, "a", "CA") });
    expect(spec).not.to.have.any.keys("ingress", "egress");
    expect(spec.policyTypes).to.deep.equal(["Ingress", "Egress"]);
  });

  it("opens no other port than the transport needs", () => {
    const rules = (transport: Transport) => {
      const spec = peerPolicySpec({ packet: { ...packet, transport } });
      return [ports(spec.ingress), ports(spec.egress as NetworkPolicySpec["ingress"])];
    };
    expect(rules("tcp")).to.deep.equal([
      ["5353/UDP", "5353/TCP"],
      ["53/UDP", "53/TCP"],
    ]);
    expect(rules("tls").map((all) => all.slice(2))).to.deep.equal([["8853/TCP"], ["853/TCP"]]);
    expect(rules("quic").map((all) => all.slice(2))).to.deep.equal([
      ["8853/UDP", "8853/TCP"],
      ["853/UDP", "853/TCP"],
    ]);
  });

  it("asks other sites on the ports that they answer on", () => {
    const { egress = [] } = peerPolicySpec({ packet, remotePort: 5300, securePort: 8530 });
    expect(egress[0]?.ports.map(({ port }) => port)).to.deep.equal([5300, 5300, 8530]);
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
