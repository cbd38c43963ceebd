import { expect } from "chai";
import type { NetworkPolicySpec, Peer, Port } from "../../../src/policies/policy-spec";
import { looksUpName, sitePolicies, type SitePolicyInput } from "../../../src/policies/site-policies";

const input: SitePolicyInput = {
  clients: ["10.0.0.0/8"],
  apiServer: ["192.0.2.10/32"],
  addresses: ["192.0.2.1"],
  remotePort: 53,
  parents: [],
  primaries: [],
  notified: [],
  takers: [],
  hasOperator: true,
  probes: [],
  transport: "tls",
};

function policy(name: string, changes: Partial<SitePolicyInput> = {}): NetworkPolicySpec {
  const found = sitePolicies({ ...input, ...changes })[name];
  if (!found) throw new Error(`no policy ${name}`);
  return found;
}

function peerText(peer: Peer): string {
  if ("ipBlock" in peer) return peer.ipBlock.cidr;
  const selectors = [peer.namespaceSelector, peer.podSelector].filter((one) => one !== undefined);
  return selectors
    .flatMap((one) => [...Object.values(one.matchLabels ?? {}), ...(one.matchExpressions?.[0]?.values ?? [])])
    .join("+");
}

/** Rules as `who: ports`. */
function rules({ ingress, egress }: NetworkPolicySpec): { in: string[]; out: string[] } {
  const text = (peers: readonly Peer[], ports: readonly Port[]): string =>
    `${peers.map(peerText).join(",")}: ${ports.map(({ port, protocol }) => `${port}/${protocol}`).join(" ")}`;
  return {
    in: (ingress ?? []).map(({ from, ports }) => text(from, ports)),
    out: (egress ?? []).map(({ to, ports }) => text(to, ports)),
  };
}

describe("sitePolicies", () => {
  it("denies every pod everything, both ways", () => {
    expect(policy("default-deny")).to.deep.equal({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("lets the resolver's clients ask it, and it the site's Knot and anybody's port 53", () => {
    const resolver = { clients: ["10.244.0.0/16"], overTls: false };
    expect(rules(policy("resolver", { resolver }))).to.deep.equal({
      in: ["10.244.0.0/16: 5353/UDP 5353/TCP"],
      out: ["knot: 53/UDP 53/TCP 5353/UDP 5353/TCP 8053/TCP", "0.0.0.0/0,::/0: 53/UDP 53/TCP"],
    });
    expect(rules(policy("resolver", { resolver: { ...resolver, overTls: true } })).in).to.deep.equal([
      "10.244.0.0/16: 5353/UDP 5353/TCP 8853/TCP",
    ]);
    expect(rules(policy("knot-site", { resolver })).in[1]).to.match(/\+resolver: /);
    expect(rules(policy("knot-site")).in.join(" ")).not.to.contain("resolver");
  });

  it("lets clients ask, and nobody fetch metrics unless told", () => {
    expect(rules(policy("knot-clients"))).to.deep.equal({ in: ["10.0.0.0/8: 5353/UDP 5353/TCP"], out: [] });
    expect(Object.keys(sitePolicies(input))).to.have.members([
      "default-deny",
      "knot-clients",
      "knot-site",
      "reconciler",
      "record-operator",
    ]);
    expect(sitePolicies(input)).not.to.have.property("resolver");
    expect(sitePolicies({ ...input, hasOperator: false })).not.to.have.property("record-operator");
    const monitoring = { "kubernetes.io/metadata.name": "monitoring" };
    expect(rules(policy("knot-metrics", { monitoring }))).to.deep.equal({ in: ["monitoring: 8053/TCP"], out: [] });
  });

  it("lets backups ask the agents and the storage alone, and nobody else have their way", () => {
    const storage = { address: "https://s3.example.com", egress: ["203.0.113.0/24"] };
    expect(rules(policy("backup", { storage }))).to.deep.equal({
      in: [],
      out: ["knot: 8053/TCP", "203.0.113.0/24: 443/TCP", "kube-system+kube-dns: 53/UDP 53/TCP"],
    });
    expect(rules(policy("backup", { storage: { address: "http://192.0.2.9:9000" } })).out).to.deep.equal([
      "knot: 8053/TCP",
      "192.0.2.9/32: 9000/TCP",
    ]);
    expect(rules(policy("knot-site", { storage })).in).to.include("backup: 8053/TCP");
    expect(sitePolicies(input)).not.to.have.property("backup");
  });

  it("lets Knot's pods talk to each other, and our other programs ask them", () => {
    expect(rules(policy("knot-site"))).to.deep.equal({
      in: [
        "knot: 5353/UDP 5353/TCP 8853/TCP 8053/TCP",
        "key-rotator+reconciler+record-operator: 5353/UDP 5353/TCP 8053/TCP",
      ],
      out: ["knot: 53/UDP 53/TCP 853/TCP 5353/UDP 5353/TCP 8853/TCP 8053/TCP"],
    });
    expect(JSON.stringify(policy("knot-site", { transport: "tcp" }))).not.to.match(/8?853/);
  });

  it("lets the reconciler and the record operator alone talk to the API server", () => {
    const out = ["knot: 53/UDP 53/TCP 5353/UDP 5353/TCP 8053/TCP", "192.0.2.10/32: 443/TCP 6443/TCP"];
    expect(rules(policy("reconciler"))).to.deep.equal({ in: [], out });
    expect(rules(policy("record-operator"))).to.deep.equal({ in: [], out: [...out, "192.0.2.1/32: 53/UDP 53/TCP"] });
    const all = sitePolicies({ ...input, vault: { address: "https://192.0.2.20:8200" } });
    const others = Object.entries(all).filter(([name]) => !["reconciler", "record-operator"].includes(name));
    for (const [name, spec] of others) expect(JSON.stringify(spec), name).not.to.match(/6443|192\.0\.2\.10/);
  });

  it("lets Knot's pods and the rotator talk to Vault when there is one", () => {
    const vault = { address: "https://192.0.2.20:8200" };
    const spec = policy("vault", { vault });
    expect(spec.podSelector.matchExpressions?.[0]?.values).to.deep.equal(["knot", "key-rotator"]);
    expect(rules(spec)).to.deep.equal({ in: [], out: ["192.0.2.20/32: 8200/TCP"] });
    expect(rules(policy("vault", { vault: { ...vault, egress: ["10.9.0.0/16"] } })).out).to.deep.equal([
      "10.9.0.0/16: 8200/TCP",
    ]);
    expect(rules(policy("key-rotator", { vault })).out).to.deep.equal([
      "knot: 53/UDP 53/TCP 5353/UDP 5353/TCP 8053/TCP",
      "192.0.2.1/32: 53/UDP 53/TCP",
    ]);
  });

  it("lets names be looked up only for a Vault that has one", () => {
    const vault = { address: "https://vault.example" };
    expect(rules(policy("vault", { vault })).out).to.deep.equal([
      "0.0.0.0/0,::/0: 443/TCP",
      "kube-system+kube-dns: 53/UDP 53/TCP",
    ]);
    expect(looksUpName("http://[2001:db8::1]:8200")).to.equal(false);
    expect(rules(policy("vault", { vault: { address: "http://[2001:db8::1]" } })).out).to.deep.equal([
      "2001:db8::1/128: 80/TCP",
    ]);
  });

  it("lets Knot ask the servers of parent zones, where there are any", () => {
    const parents = ["192.0.2.53", "2001:db8::53", "192.0.2.54@5353"];
    expect(rules(policy("knot-parents", { parents }))).to.deep.equal({
      in: [],
      out: ["192.0.2.53/32,2001:db8::53/128: 53/UDP 53/TCP", "192.0.2.54/32: 5353/UDP 5353/TCP"],
    });
  });

  it("lets agents tell servers outside the mesh of changes, where there are any, and nothing more", () => {
    const notified = ["198.51.100.53", "198.51.100.54@5353"];
    expect(rules(policy("knot-readers", { notified }))).to.deep.equal({
      in: [],
      out: ["198.51.100.53/32: 53/UDP", "198.51.100.54/32: 5353/UDP"],
    });
    expect(Object.keys(sitePolicies(input))).not.to.include("knot-readers");
  });

  it("lets servers outside the mesh in over TLS from their networks, where there are any", () => {
    expect(rules(policy("knot-readers-tls", { takers: ["198.51.100.0/24", "2001:db8::53/128"] }))).to.deep.equal({
      in: ["198.51.100.0/24,2001:db8::53/128: 8853/TCP"],
      out: [],
    });
    expect(Object.keys(sitePolicies(input))).not.to.include("knot-readers-tls");
  });

  it("never has an empty list of peers or ports, which would mean everybody", () => {
    const vault = { address: "https://vault.example" };
    for (const [name, spec] of Object.entries(
      sitePolicies({ ...input, vault, monitoring: { a: "b" }, parents: ["192.0.2.53"], notified: ["192.0.2.53"] }),
    )) {
      for (const { from, ports } of spec.ingress ?? []) expect([from.length, ports.length], name).not.to.include(0);
      for (const { to, ports } of spec.egress ?? []) expect([to.length, ports.length], name).not.to.include(0);
    }
  });
});
