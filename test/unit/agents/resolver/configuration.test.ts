import { expect } from "chai";
import fc from "fast-check";
import {
  configurationText,
  isUrgent,
  type ResolverConfiguration,
  versionOf,
} from "../../../../src/agents/resolver/configuration";

const base: ResolverConfiguration = {
  listen: ["0.0.0.0@5353", "::@5353"],
  cache: "/resolver/cache",
  cacheMiB: 64,
  upstreams: [],
  validatesUpstreams: true,
  zones: [],
};
const linesOf = (more: Partial<ResolverConfiguration>): readonly string[] =>
  configurationText({ ...base, ...more }).split("\n");

describe("the configuration of Knot Resolver", () => {
  const servers = ["10.96.0.1", "192.0.2.1", "2001:db8::1"];
  const told = "{ { '10.96.0.1' }, { '192.0.2.1' }, { '2001:db8::1' } }";

  it("tells the servers of a zone, and exempts one without signatures from validation", () => {
    const lines = linesOf({ zones: [{ name: "plain.example", servers, keys: [] }] });
    expect(lines).to.include(`policy.rule_forward_add('plain.example.', { auth = true, dnssec = false }, ${told})`);
    expect(lines.join("\n")).not.to.contain("trust_anchors");
  });

  it("validates a signed zone by all of its keys", () => {
    const lines = linesOf({ zones: [{ name: "signed.example", servers, keys: ["257 3 13 AA==", "257 3 13 BB=="] }] });
    expect(lines).to.include(`policy.rule_forward_add('signed.example.', { auth = true, dnssec = true }, ${told})`);
    const records = ["AA==", "BB=="].map((key) => `signed.example. 3600 IN DNSKEY 257 3 13 ${key}\\010`);
    expect(lines).to.include(`pcall(trust_anchors.add, '${records.join("")}')`);
  });

  it("believes nothing of a zone whose keys nobody knows yet", () => {
    const lines = linesOf({ zones: [{ name: "new.example", servers, keys: undefined }] });
    expect(lines).to.include(`policy.rule_forward_add('new.example.', { auth = true, dnssec = true }, ${told})`);
    expect(lines.join("\n")).not.to.contain("trust_anchors");
  });

  it("begins at the root, or asks upstreams, which it validates unless it is told not to", () => {
    expect(linesOf({}).join("\n")).not.to.contain("rule_forward_add");
    const upstreams = ["192.0.2.53"];
    const rule = (dnssec: boolean) =>
      `policy.rule_forward_add('.', { auth = false, dnssec = ${dnssec} }, { { '192.0.2.53' } })`;
    expect(linesOf({ upstreams })).to.include(rule(true));
    expect(linesOf({ upstreams, validatesUpstreams: false })).to.include(rule(false));
  });

  it("answers over TLS with the files of a folder, and is another text when these change", () => {
    const tls = { listen: ["0.0.0.0@8853"], folder: "/tls", fingerprint: "1:2:3" };
    expect(linesOf({ tls }))
      .to.include("net.tls('/tls/tls.crt', '/tls/tls.key')")
      .and.to.include("net.listen('0.0.0.0', 8853, { kind = 'tls' })");
    expect(configurationText({ ...base, tls })).not.to.equal(
      configurationText({ ...base, tls: { ...tls, fingerprint: "1:2:4" } }),
    );
  });

  it("is the same text for the same zones in another order", () => {
    const zones = ["b.example", "a.example"].map((name) => ({ name, servers, keys: [] }));
    expect(linesOf({ zones })).to.deep.equal(linesOf({ zones: [...zones].reverse() }));
  });

  it("ends with a version of its own, which is another one with each other text", () => {
    const [text, other] = [configurationText(base), configurationText({ ...base, cacheMiB: 65 })];
    expect(text.trimEnd().split("\n").at(-1)).to.equal(`dns_mesh_configuration = '${versionOf(text)}'`);
    expect(versionOf(other)).to.be.a("string").and.not.equal(versionOf(text));
    expect(versionOf("log_level('notice')\n")).to.equal(undefined);
  });

  it("waits for no other change when keys are new or others, or the certificate is another one", () => {
    const zoneWith = (keys: readonly string[] | undefined) => ({
      ...base,
      zones: [{ name: "a.example", servers, keys }],
    });
    const tls = (fingerprint: string) => ({ ...base, tls: { listen: [], folder: "/tls", fingerprint } });
    const [unknown, unsigned, signed] = [zoneWith(undefined), zoneWith([]), zoneWith(["257 3 13 AA=="])];
    const urgent = [
      ...([
        [undefined, base],
        [base, unsigned],
        [unknown, signed],
        [unsigned, signed],
      ] as const),
      ...([
        [signed, unsigned],
        [tls("1"), tls("2")],
      ] as const),
    ];
    for (const [before, next] of urgent) expect(isUrgent(before, next)).to.equal(true);
    const nearer = { ...signed, zones: signed.zones.map((zone) => ({ ...zone, servers: [] })) };
    const others = [
      [signed, signed],
      [signed, base],
      [signed, nearer],
      [base, unknown],
    ] as const;
    for (const [before, next] of others) expect(isUrgent(before, next)).to.equal(false);
  });

  it("has no text of others that ends a string of Lua", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        const lines = linesOf({ zones: [{ name, servers: [], keys: [] }] });
        const [line = ""] = lines.filter((each) => each.startsWith("policy."));
        const [, text = "'"] =
          /^policy\.rule_forward_add\('(.*)', \{ auth = true, dnssec = false \}, \{ {2}\}\)$/.exec(line) ?? [];
        expect(text).to.match(/^(?:[\x20-\x26\x28-\x5b\x5d-\x7e]|\\\d{3})*$/);
        const octets = text.replace(/\\(\d{3})/g, (_, octet: string) => String.fromCharCode(Number(octet)));
        expect(Buffer.from(octets, "latin1").toString("utf8")).to.equal(`${name}.`);
      }),
    );
  });
});
