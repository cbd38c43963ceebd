import { expect } from "chai";
import type { ClusterReport, PodReport } from "../../../src/cli/agent-reports";
import type { CertificateLook } from "../../../src/cli/certificates";
import type { Look, ZoneAnswer } from "../../../src/cli/look";
import type { FoundAddresses } from "../../../src/cli/site-addresses";
import { reportStatus, type StatusInput } from "../../../src/cli/status-report";
import { statusText } from "../../../src/cli/status-text";
import { styleFor } from "../../../src/cli/style";
import { type ParentState, parentSentence } from "../../../src/mesh/parent";
import { parseMesh } from "../../../src/settings/parse";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
    { name: "site-b", role: "standard", addresses: ["192.0.2.2"], zones: ["b.example"] },
  ],
});
const now = Date.parse("2026-11-29T12:00:00Z");
const zones = ["dns.internal", "catalog.internal.dns", "a.example", "b.example"];
const ownerOf = (zone: string): string => (zone === "b.example" ? "site-b" : "site-a");
const serial = (number: number): ZoneAnswer => ({ kind: "serial", serial: number, expire: 86_400 });

/** What two sites answer, with some answers in the place of those that are fine. */
function look(changes: Readonly<Record<string, Readonly<Record<string, ZoneAnswer>>>> = {}): Look {
  const sites = ["site-a", "site-b"].map((site) => ({
    site,
    address: "192.0.2.1",
    answers: new Map(zones.map((zone) => [zone, changes[site]?.[zone] ?? serial(7)])),
  }));
  return { zones: zones.map((name) => ({ name, owner: ownerOf(name) })), sites, pairs: 8, asked: 8, sampled: false };
}

const report = (changes: Partial<StatusInput> = {}) =>
  reportStatus({
    ...{ mesh, from: "the list", look: look(), pods: [], clusters: [], certificates: new Map(), notAsked: [], now },
    ...changes,
  });
const messages = (changes: Partial<StatusInput>): string[] =>
  report(changes).findings.map(({ severity, message }) => `${severity}: ${message}`);
const certificate = (ends: string, more: object = {}): ReadonlyMap<string, CertificateLook> =>
  new Map([["site-a", { kind: "shown", begins: "2026-10-01T00:00:00Z", ends, ...more }]]);
const pod = (facts: Partial<NonNullable<PodReport["facts"]>>): PodReport => ({
  name: "site-a/knot-0",
  site: "site-a",
  facts: { ready: true, problems: [], held: [], emptyZones: 0, ...facts },
});

describe("the status of a mesh", () => {
  it("is fine when everybody answers alike", () => {
    const { ok, findings, sites } = report();
    expect([ok, findings, sites.map(({ answers }) => answers)]).to.deep.equal([true, [], [true, true]]);
  });

  it("says what parents outside the mesh should have, and which servers are waited for", () => {
    const zone = {
      servers: ["ns1.a.example"],
      kept: [],
      waiting: ["ns2.a.example (site-b) is no name server yet: silent"],
    };
    const records = { servers: ["ns1.a.example"], glue: ["ns1.a.example 192.0.2.1", "ns1.a.example fd00::1"] };
    const said = (parent: object) => {
      const nameServers = [{ zone: "a.example", ...zone, parent: { ...records, ...parent } }];
      return statusText(report({ pods: [pod({ nameServers })] }), styleFor({ isTTY: false }));
    };
    const text = said({ ds: ["1 13 2 AB"] });
    for (const line of ["NS ns1.a.example.", "DS 1 13 2 AB"]) expect(text).to.contain(`  a.example. ${line}\n`);
    expect(text).to.contain("  ns1.a.example. A 192.0.2.1\n  ns1.a.example. AAAA fd00::1\n");
    const late = "name servers that are waited for:\n  a.example: ns2.a.example (site-b) is no name server yet: silent";
    expect(text).to.contain(late);
    const within = said({ zone: "example" });
    expect(within).to.contain(late);
    expect(within).to.not.contain("NS ns1").and.not.contain("parents outside");
  });

  it("says what parents outside the mesh have, and takes for a fault what sends resolvers astray", () => {
    const records = { servers: ["ns1.a.example"], glue: [] };
    const nameServers = [{ zone: "a.example", servers: ["ns1.a.example"], kept: [], waiting: [], parent: records }];
    const said = (kind: ParentState["kind"]) => {
      const state = { kind, parent: "example", changes: ["add NS ns1.a.example."], reason: "REFUSED" };
      const changes = { pods: [pod({ nameServers })], parents: new Map([["a.example", state]]) };
      const text = statusText(report(changes), styleFor({ isTTY: false }));
      expect(text).to.contain(`parents outside the mesh:\n  ${parentSentence("a.example", state)}`);
      expect(text).to.not.contain("should have:");
      return messages(changes);
    };
    for (const kind of ["same", "none", "elsewhere"] as const) expect(said(kind)).to.deep.equal([]);
    expect(said("differs")).to.deep.equal([
      "wrong: example has of a.example what it should not: add NS ns1.a.example.",
    ]);
    expect(said("unread")).to.deep.equal(["unknown: what the parent of a.example has is not known: REFUSED"]);
  });

  it("names a site that does not answer, once, and not its zones", () => {
    const [a] = look().sites;
    const silent = { ...look(), sites: [a!, { site: "site-b", silence: "no answer", answers: new Map() }] };
    expect(messages({ look: silent })).to.deep.equal(["wrong: site-b does not answer: no answer"]);
  });

  it("names sites that wait for an address, and those that are asked where they are no longer", () => {
    const sites = [
      { name: "site-a", role: "primary-catalog", addresses: "auto", found: ["192.0.2.1"], zones: ["a.example"] },
      { name: "site-b", role: "standard", addresses: ["192.0.2.2"], zones: ["b.example"] },
      { name: "site-c", role: "standard", addresses: "auto" },
    ];
    const auto = parseMesh({ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns", sites });
    const waits = "wrong: site-c waits for an address and is not in the directory: ";
    const found = (of: FoundAddresses) => messages({ mesh: auto, addresses: new Map([["site-a", of]]) });
    const here = { kind: "given", addresses: auto.sites[0]!.addresses } as const;
    expect(found(here)).to.deep.equal([`${waits}mesh up brings up its Service`]);
    expect(found({ kind: "given", addresses: ["192.0.2.9"] })[1]).to.equal(
      "wrong: site-a is at 192.0.2.9, by its load balancer, and the list has 192.0.2.1: mesh up takes it over",
    );
    expect(found({ kind: "none", reason: "none at present" })[1]).to.equal(
      "unknown: site-a: the list's addresses (192.0.2.1) stay: none at present",
    );
    expect(found({ kind: "unseen", reason: "away" })).to.have.length(1);
    const told = new Map([["site-c", { kind: "unusable", reason: "a host name" } as const]]);
    expect(messages({ mesh: auto, addresses: told })).to.deep.equal([`${waits}a host name`]);
  });

  it("names a dead address of a site that answers, unless nothing can be sent there from here", () => {
    const [a, b] = look().sites;
    const at = (noRoute: boolean): Look => {
      const dead = [{ address: "192.0.2.9", reason: "no answer", noRoute }];
      return { ...look(), sites: [a!, { ...b!, dead }] };
    };
    expect(messages({ look: at(false) })).to.deep.equal([
      "wrong: site-b does not answer at 192.0.2.9, one of its addresses: no answer",
    ]);
    expect(messages({ look: at(true) })).to.deep.equal([]);
    expect(report({ look: at(true) }).notAsked).to.deep.equal([
      "the addresses 192.0.2.9: this machine has no route to them",
    ]);
  });

  it("names a copy that is behind, one that is newer than its owner's, and one that is missing", () => {
    const refused: ZoneAnswer = { kind: "failure", reason: "refused" };
    expect(messages({ look: look({ "site-b": { "a.example": serial(6) } }) })).to.deep.equal([
      "wrong: site-b has a.example at serial 6; site-a has 7",
    ]);
    expect(messages({ look: look({ "site-b": { "a.example": serial(8) } }) })).to.deep.equal([
      "wrong: site-a owns a.example, and site-b has a newer version",
    ]);
    expect(messages({ look: look({ "site-b": { "a.example": refused } }) })).to.deep.equal([
      "wrong: site-b does not serve a.example: refused",
    ]);
  });

  it("compares serials as serials (RFC 1982)", () => {
    const wrapped = look({ "site-a": { "a.example": serial(1) }, "site-b": { "a.example": serial(0xffffffff) } });
    expect(messages({ look: wrapped })).to.deep.equal([
      "wrong: site-b has a.example at serial 4294967295; site-a has 1",
    ]);
  });

  it("names certificates that ended, end soon, are not to be trusted, or are not shown", () => {
    expect(messages({ certificates: certificate("2027-11-29T12:00:00Z") })).to.deep.equal([]);
    expect(messages({ certificates: certificate("2026-11-29T11:00:00Z") })[0]).to.match(/of site-a ended at/);
    expect(messages({ certificates: certificate("2026-12-02T00:00:00Z") })[0]).to.match(/of site-a ends at/);
    const untrusted = certificate("2027-11-29T12:00:00Z", { problem: "self signed" });
    expect(messages({ certificates: untrusted })[0]).to.match(/not to be trusted: self signed/);
    const failure: ReadonlyMap<string, CertificateLook> = new Map([["site-a", { kind: "failure", reason: "refused" }]]);
    expect(messages({ certificates: failure })[0]).to.match(/shows no certificate.*: refused/);
    const unreached: ReadonlyMap<string, CertificateLook> = new Map([
      ["site-a", { kind: "unreached", reason: "silence" }],
    ]);
    expect(messages({ certificates: unreached })).to.deep.equal([]);
    expect(report({ certificates: unreached }).notAsked[0]).to.match(/^certificates of site-a: port 853 cannot/);
    const pods = [pod({ certificateEnds: "2027-11-29T12:00:00Z" })];
    expect(report({ certificates: unreached, pods }).notAsked).to.deep.equal([]);
  });

  it("takes a day's certificate for soon in its last fifth only", () => {
    const day = { begins: "2026-11-29T06:00:00Z", ends: "2026-11-30T06:00:00Z" };
    const certificates: ReadonlyMap<string, CertificateLook> = new Map([["site-a", { kind: "shown", ...day }]]);
    expect(messages({ certificates })).to.deep.equal([]);
    expect(messages({ certificates, now: Date.parse("2026-11-30T02:00:00Z") })).to.have.length(1);
  });

  it("says what agents and reconcilers say, and that those which do not answer are unknown", () => {
    const since = "2026-11-29T11:00:00Z";
    const cluster: ClusterReport = {
      site: "site-b",
      pods: [{ name: "site-b/knot-0", site: "site-b", failure: "no answer" }],
      conditions: [{ kind: "held", message: "a removal is held", since }],
      failures: ["ConfigMap mesh-status: forbidden"],
    };
    const problem = { kind: "held" as const, message: "3 zones are held", since };
    const said = messages({ pods: [pod({ ready: false, problems: [problem] })], clusters: [cluster] });
    expect(said).to.deep.equal([
      `wrong: site-a/knot-0: 3 zones are held (held, since ${since})`,
      `wrong: site-b: a removal is held (held, since ${since})`,
      "unknown: site-b/knot-0: no answer",
      "unknown: site-b: ConfigMap mesh-status: forbidden",
    ]);
    expect(report({ clusters: [cluster] }).ok).to.equal(false);
    expect(messages({ pods: [pod({ ready: false })] })).to.deep.equal(["wrong: site-a/knot-0 is not ready"]);
  });

  it("lists once what is held and why, by whoever says so", () => {
    const since = "2026-11-29T11:00:00Z";
    const problem = (kind: "held" | "guard" | "volume", message: string) => ({ kind, message, since });
    const guarded = { zone: "a.example", message: "a change is held", since, lastMsAgo: 5, tries: 2 };
    const problems = [problem("held", "3 zones"), problem("guard", guarded.message), problem("volume", "it is full")];
    const condition = (kind: "held" | "agent-held" | "lagging", message: string) => ({ kind, message, since });
    const conditions = [
      condition("held", "the primary's"),
      condition("agent-held", "an agent's"),
      condition("lagging", "x"),
    ];
    const unreached = { site: "site-b", pods: [], conditions, failures: [] };
    const { held } = report({ pods: [pod({ problems, guard: [guarded] })], clusters: [unreached] });
    expect(held).to.deep.equal([
      { site: "site-a", by: "site-a/knot-0", message: "3 zones", since },
      { site: "site-a", by: "site-a/knot-0", message: "a change is held", since },
      { site: "site-b", by: "site-b", message: "the primary's", since },
      { site: "site-b", by: "site-b", message: "an agent's", since },
    ]);
    const asked = { ...unreached, site: "site-a" };
    expect(report({ pods: [pod({})], clusters: [asked] }).held.map(({ message }) => message)).to.deep.equal([
      "the primary's",
    ]);
    expect(report().held).to.deep.equal([]);
  });

  it("takes the reconciler's word for agents that the API server does not reach, and names what that leaves out", () => {
    const unreached: PodReport = {
      name: "site-b/knot-0",
      site: "site-b",
      ready: true,
      failure: "denied",
      isReconciled: true,
    };
    const cluster = (more: object = {}): ClusterReport => ({
      ...{ site: "site-b", pods: [unreached], conditions: [], failures: [] },
      ...more,
    });
    const { findings, notAsked, sites } = report({ clusters: [cluster()] });
    expect(findings).to.deep.equal([]);
    expect(notAsked[0]).to.match(/^backups, keys and signatures of site-b: .*denied/);
    expect(sites[1]?.pods).to.deep.equal([{ name: "site-b/knot-0", ready: true }]);
    expect(messages({ clusters: [cluster({ pods: [{ ...unreached, ready: false }] })] })).to.deep.equal([
      "wrong: site-b/knot-0 is not ready",
    ]);
    const times = { due: "2026-11-29T12:00:00Z", done: "2026-11-29T11:00:00Z" };
    expect(messages({ clusters: [cluster({ reconciler: times })] })[0]).to.match(
      /^wrong: site-b: the reconciler was due/,
    );
    expect(messages({ clusters: [cluster({ reconciler: { ...times, done: times.due } })] })).to.deep.equal([]);
  });

  it("does not believe a reconciler that runs no more, by the clock and its schedule", () => {
    const unreached: PodReport = { name: "p", site: "site-b", ready: true, failure: "denied", isReconciled: true };
    const at = "2026-11-29T11:30:00Z";
    const said = (more: object): string[] => {
      const reconciler = { due: at, done: at, ...more };
      return messages({ clusters: [{ site: "site-b", pods: [unreached], conditions: [], failures: [], reconciler }] });
    };
    expect(said({})).to.deep.equal([
      `wrong: site-b: the reconciler was done last at ${at}, though its schedule is */5 * * * *`,
      "unknown: p: denied",
    ]);
    expect(said({ schedule: "0 * * * *" })).to.deep.equal([]);
    const suspended = { done: "2026-11-29T12:00:00Z", schedule: "*/5 * * * *", suspended: true };
    expect(said(suspended)[0]).to.match(/^wrong: site-b: the reconciler is suspended/);
    expect(said({ done: "no time" })[0]).to.match(/^wrong: site-b: the reconciler was/);
  });

  it("gives the reconciler's first run the time that it may take, and believes one that somebody began", () => {
    const said = (reconciler: object): string[] =>
      messages({ clusters: [{ site: "site-b", pods: [], conditions: [], failures: [], reconciler }] });
    expect(said({})).to.deep.equal(["unknown: site-b: the reconciler has not run yet"]);
    const due = "2026-11-29T11:51:00Z";
    expect(said({ due })).to.deep.equal([`unknown: site-b: the reconciler runs for the first time since ${due}`]);
    expect(said({ due: "2026-11-29T11:49:59Z" })[0]).to.match(/^wrong: site-b: the reconciler was due at .*never done/);
    expect(said({ due: "no time" })[0]).to.match(/^wrong: site-b: the reconciler was due at no time/);
    expect(said({ done: "2026-11-29T11:59:00Z" })).to.deep.equal([]);
  });

  it("names signatures that end soon", () => {
    const dnssec = [
      { zone: "a.example", state: "signed" as const, ds: [], dnskeys: [], signedUntil: "2026-12-01T00:00:00Z" },
    ];
    expect(messages({ pods: [pod({ dnssec })] })[0]).to.match(/first signature of a\.example ends at/);
    expect(report({ pods: [pod({ dnssec })] }).zones.find(({ name }) => name === "a.example")?.signedUntil).to.equal(
      "2026-12-01T00:00:00Z",
    );
  });

  it("says in its first line what is wrong, what is unknown, and that not everything was asked", () => {
    const text = (changes: Partial<StatusInput>): string =>
      statusText(report(changes), styleFor({ isTTY: false })).split("\n")[0] ?? "";
    expect(text({})).to.match(/: fine$/);
    expect(text({ notAsked: ["clusters"] })).to.match(/: nothing is wrong in what was asked$/);
    expect(text({ look: look({ "site-b": { "a.example": serial(6) } }) })).to.match(/: 1 wrong, 0 unknown$/);
    const pods: PodReport[] = [{ name: "p", site: "site-a", failure: "away" }];
    expect(text({ pods })).to.match(/: 1 unknown$/);
  });

  it("prints nothing of what sites say that would steer a terminal, or pass for a line of its own", () => {
    const since = "2026-11-29T11:00:00Z";
    const conditions = [{ kind: "held" as const, message: "\u001b[2J\nall is fine", since }];
    const clusters = [{ site: "site-b", pods: [], conditions, failures: [] }];
    const text = statusText(report({ clusters }), styleFor({ isTTY: false }));
    expect(text).to.include("site-b: \\u{1b}[2J\\u{a}all is fine (held").and.not.include("\u001b");
  });

  it("says that only some pairs of a large mesh were asked", () => {
    const large = { ...look(), pairs: 900_000, asked: 7000, sampled: true };
    const [a] = large.sites;
    const silent = { ...large, sites: [a!, { site: "site-b", silence: "no answer", answers: new Map() }] };
    for (const each of [large, silent])
      expect(report({ look: each }).notAsked[0]).to.match(/of 900000 pairs .* 7000 were/);
    expect(report({ look: { ...silent, pairs: 8, asked: 4, sampled: false } }).notAsked).to.deep.equal([]);
  });
});

describe("colours", () => {
  it("are for terminals, and not with NO_COLOR", () => {
    expect(styleFor({ isTTY: true }, {}).bad("x")).to.equal("\u001b[31mx\u001b[0m");
    for (const style of [
      styleFor({ isTTY: true }, { NO_COLOR: "1" }),
      styleFor({ isTTY: false }, {}),
      styleFor({}, {}),
    ])
      expect(style.bad("x")).to.equal("x");
  });
});
