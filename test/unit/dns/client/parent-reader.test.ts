import { expect } from "chai";

import type { DnsServer } from "../../../../src/dns/client/dns-client";
import { ParentReader, resolverAt } from "../../../../src/dns/client/parent-reader";
import { DnsError } from "../../../../src/dns/errors";
import { type Message, noFlags } from "../../../../src/dns/message";
import type { ResourceRecord } from "../../../../src/dns/record";
import { rcodes } from "../../../../src/dns/types";

const zone = "corp.example";
const base = { class: "IN", ttl: 60 } as const;
const ns = (name: string, target: string): ResourceRecord => ({ ...base, name, type: "NS", target });
const a = (name: string, address: string): ResourceRecord => ({ ...base, name, type: "A", address });
const soa = (name: string): ResourceRecord => ({
  ...{ ...base, name, type: "SOA", mname: "p1.example", rname: "h.example" },
  ...{ serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 },
});
const ds = (name: string): ResourceRecord => ({
  ...{ ...base, name, type: "OTHER", typeName: "DS" },
  rdata: Buffer.from("00070d02abcd", "hex"),
});
const message = (fields: Partial<Message>): Message => ({
  ...{ id: 1, flags: noFlags, rcode: rcodes.NOERROR, questions: [] },
  ...{ answers: [], authorities: [], additionals: [], ...fields },
});
const aa = { flags: { ...noFlags, aa: true } };
const none = message({ ...aa, authorities: [soa("example")] });
const referral = message({
  authorities: [ns(zone, `ns1.${zone}`), ns(zone, "ns2.example.net"), ns("other.example", "x.example")],
  additionals: [a(`ns1.${zone}`, "192.0.2.1"), a("ns2.example.net", "192.0.2.2")],
});
const signed = message({ ...aa, answers: [ds(zone)] });

/** What is answered by address, name and type, with a resolver at 192.0.2.53 and the parent's servers at 1 and 2. */
class FakeDns {
  readonly asked: string[] = [];
  readonly answers: Record<string, Message | Error> = {
    "192.0.2.53 example SOA": message({ answers: [soa("example")] }),
    "192.0.2.53 example NS": message({ answers: [ns("example", "p1.example"), ns("example", "p2.example")] }),
    "192.0.2.53 p1.example A": message({ answers: [a("p1.example", "198.51.100.1")] }),
    "192.0.2.53 p2.example A": message({ answers: [a("p2.example", "198.51.100.2")] }),
  };

  /** What both servers of the parent answer. */
  parent(nsAnswer: Message | Error, dsAnswer: Message | Error = signed): void {
    for (const at of ["198.51.100.1", "198.51.100.2"]) {
      this.answers[`${at} ${zone} NS`] = nsAnswer;
      this.answers[`${at} ${zone} DS`] = dsAnswer;
    }
  }

  query = ({ address }: DnsServer, name: string, type: string): Promise<Message> => {
    const question = `${address} ${name} ${type}`;
    this.asked.push(question);
    const answer = this.answers[question] ?? new DnsError({ kind: "timeout", afterMs: 1 });
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
}

describe("a reader of what parents have", () => {
  let dns: FakeDns;
  beforeEach(() => {
    dns = new FakeDns();
    dns.parent(referral);
  });
  const reader = (resolvers = ["192.0.2.53"]) =>
    new ParentReader({ dns, recursive: dns, resolvers: resolvers.map((address) => ({ address, port: 53 })) });
  const reason = async (): Promise<string> => {
    const look = await reader().read(zone);
    expect(look.kind).to.equal("unread");
    return look.kind === "unread" ? look.reason : "";
  };
  const whole = {
    ...{ servers: [`ns1.${zone}`, "ns2.example.net"], glue: [`ns1.${zone} 192.0.2.1`] },
    ds: ["7 13 2 ABCD"],
  };

  it("has each server's referral, with addresses in the zone, and DS records", async () => {
    const answers = ["p1.example", "p2.example"].map((server) => ({ server, delegated: whole }));
    expect(await reader().read(zone)).to.deep.equal({ kind: "read", parent: "example", answers });
  });

  it("finds a parent that is more than a label above, by the SOA beside the answer that there is none", async () => {
    dns.answers["192.0.2.53 b.example SOA"] = message({ rcode: rcodes.NXDOMAIN, authorities: [soa("example")] });
    const below = `a.b.example`;
    dns.answers[`198.51.100.1 ${below} NS`] = dns.answers[`198.51.100.1 ${below} DS`] = none;
    expect(await reader().read(below)).to.deep.equal({
      ...{ kind: "read", parent: "example", answers: [{ server: "p1.example" }] },
    });
  });

  it("finds the root above what nobody delegates", async () => {
    dns.answers["192.0.2.53 internal SOA"] = message({ rcode: rcodes.NXDOMAIN, authorities: [soa("")] });
    dns.answers["192.0.2.53  NS"] = message({ answers: [ns("", "p1.example")] });
    const absent = message({ ...aa, rcode: rcodes.NXDOMAIN, authorities: [soa("")] });
    dns.answers["198.51.100.1 corp.internal NS"] = dns.answers["198.51.100.1 corp.internal DS"] = absent;
    const answers = [{ server: "p1.example" }];
    expect(await reader().read("corp.internal")).to.deep.equal({ kind: "read", parent: "", answers });
  });

  it("asks for a parent once, and the second resolver when the first is away", async () => {
    const one = reader(["192.0.2.54", "192.0.2.53"]);
    await one.read(zone);
    await one.read("b.example");
    expect(dns.asked.filter((question) => question.endsWith(" example SOA"))).to.deep.equal([
      "192.0.2.54 example SOA",
      "192.0.2.53 example SOA",
    ]);
  });

  it("goes by the servers that answer", async () => {
    dns.answers[`198.51.100.1 ${zone} NS`] = new DnsError({ kind: "timeout", afterMs: 1 });
    expect(await reader().read(zone)).to.deep.include({ answers: [{ server: "p2.example", delegated: whole }] });
  });

  const unread: readonly (readonly [what: string, answer: Message | Error, words: RegExp])[] = [
    ["is silent", new DnsError({ kind: "timeout", afterMs: 1 }), /^p1\.example: no answer .*; p2\.example: /],
    ["refuses", message({ rcode: rcodes.REFUSED }), /p1\.example answers REFUSED for NS of "corp\.example", without/],
    ["says without authority that there is nothing", message({ authorities: [soa("example")] }), /something else/],
    ["says with another zone's SOA that there is nothing", message({ ...aa, authorities: [soa(zone)] }), /something/],
    ["refers to another zone", message({ authorities: [ns("net", "x.net")] }), /something else for NS/],
    ["answers nothing at all", message(aa), /something else for NS/],
    ["has the zone itself", message({ ...aa, answers: [ns(zone, `ns1.${zone}`)] }), /serves corp\.example itself/],
    ["answers as a resolver", message({ answers: [ns(zone, `ns1.${zone}`)] }), /something else .*without authority/],
  ];
  for (const [what, answer, words] of unread)
    it(`knows nothing, and says why, of a parent that ${what}`, async () => {
      dns.parent(answer);
      expect(await reason()).to.match(words);
    });

  it("knows nothing of a parent that says nothing of DS records", async () => {
    dns.parent(referral, message({ rcode: rcodes.SERVFAIL }));
    expect(await reason()).to.match(/answers SERVFAIL for DS/);
    dns.parent(referral, message({ answers: [ds(zone)] }));
    expect(await reason()).to.match(/for DS of "corp\.example", without authority/);
  });

  it("knows nothing where no resolver knows the parent, or an address of its servers", async () => {
    dns.answers["192.0.2.53 example SOA"] = message({ rcode: rcodes.SERVFAIL });
    expect(await reason()).to.match(/resolver 192\.0\.2\.53 answers SERVFAIL for SOA of "example"/);
    dns.answers["192.0.2.53 example SOA"] = message({ answers: [soa("example")] });
    dns.answers["192.0.2.53 example NS"] = message({});
    expect(await reason()).to.match(/no address is known of a name server of example/);
    expect(await reader([]).read(zone)).to.deep.equal({ kind: "unread", reason: "this machine has no resolver" });
  });

  it("has resolvers as Node writes them", () => {
    const at = (address: string, port = 53) => ({ address, port });
    expect(resolverAt("192.0.2.1")).to.deep.equal(at("192.0.2.1"));
    expect(resolverAt("192.0.2.1:5300")).to.deep.equal(at("192.0.2.1", 5300));
    expect(resolverAt("2001:DB8::1")).to.deep.equal(at("2001:db8::1"));
    expect(resolverAt("[2001:db8::1]:5300")).to.deep.equal(at("2001:db8::1", 5300));
    for (const text of ["", "resolver.example", "192.0.2.1:", "fe80::1%eth0"])
      expect(resolverAt(text)).to.equal(undefined);
  });
});
