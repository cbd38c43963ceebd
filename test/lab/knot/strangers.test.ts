import { expect } from "chai";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { DnsClient } from "../../../src/dns/client/dns-client";
import { knotBinaries } from "../../../harness/knot";
import { freePorts, type LabSite, seedMesh, signingKey, startSite, viewOf } from "./lab-mesh";

const zone = "standard-1.internal.dns";
const addresses = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name} 60 A 10.0.${i >> 8}.${i & 255}\n`).join("");
const text = `$ORIGIN ${zone}.
@ 60 SOA ns admin 1 60 60 3600 60
@ 60 NS ns
ns 60 A 192.0.2.1
many 60 A 192.0.2.1
many 60 AAAA 2001:db8::1
many 60 TXT "text"
many 60 MX 10 ns
${addresses("fits", 60)}${addresses("large", 300)}`;

describe("a stranger", () => {
  let site: LabSite;
  const dig = async (...args: string[]): Promise<string> => {
    const { address, port } = site.knot;
    const { stdout } = await promisify(execFile)(knotBinaries().kdig, [`@${address}`, "-p", String(port), ...args]);
    return stdout;
  };
  const answers = (printed: string) => Number(/ANSWER: (\d+)/.exec(printed)?.[1]);
  const octets = (printed: string) => Number(/Received (\d+) B/.exec(printed)?.[1]);
  const flags = (printed: string) => /;; Flags: ([a-z ]+);/.exec(printed)?.[1]?.split(" ");

  before(async () => {
    const mesh = seedMesh();
    const ports = await freePorts();
    site = await startSite({ mesh, site: "site-c", view: viewOf(mesh), ports, zoneFiles: { [zone]: text } });
  });
  after(() => site[Symbol.asyncDispose]());

  for (const name of ["version.bind", "version.server", "id.server", "hostname.bind", "fortune"])
    it(`does not learn ${name}`, async () => {
      const printed = await dig("CH", "TXT", name);
      expect(printed).to.contain("status: REFUSED");
      expect(answers(printed)).to.equal(0);
    });

  it("learns which pod of the site answers (NSID), and nothing of host or software", async () => {
    const printed = await dig(zone, "SOA", "+nsid");
    expect(printed).to.contain("status: NOERROR");
    expect(/NSID: [0-9A-F]+ (.*)/.exec(printed)?.[1]).to.equal('"site-c/0/1"');
  });

  it("gets one RRset for ANY, over UDP and TCP (RFC 8482)", async () => {
    for (const transport of ["+notcp", "+tcp"]) {
      const printed = await dig(`many.${zone}`, "ANY", transport);
      expect(printed).to.contain("status: NOERROR");
      expect(answers(printed)).to.equal(1);
    }
  });

  it("is offered no recursion, and refused what lies outside", async () => {
    expect(flags(await dig(zone, "SOA", "+rdflag")))
      .to.include("rd")
      .and.not.include("ra");
    for (const name of ["www.example.com", ".", "internal.dns"]) {
      const printed = await dig(name, "NS", "+rdflag");
      expect(printed).to.contain("status: REFUSED").and.contain("ANSWER: 0; AUTHORITY: 0");
    }
  });

  it("gets at most 1232 octets over UDP, as EDNS says, and the rest over TCP", async () => {
    const greedy = await dig(`large.${zone}`, "A", "+bufsize=4096", "+ignore");
    expect(greedy).to.contain("UDP size: 1232 B");
    expect(flags(greedy)).to.include("tc");
    expect(octets(greedy)).to.be.at.most(1232);
    const fitting = await dig(`fits.${zone}`, "A", "+bufsize=4096", "+ignore");
    expect(flags(fitting)).to.not.include("tc");
    expect(octets(fitting)).to.be.within(900, 1232);
    const old = await dig(`fits.${zone}`, "A", "+noedns", "+ignore");
    expect(flags(old)).to.include("tc");
    expect(octets(old)).to.be.at.most(512);
    expect(answers(await dig(`large.${zone}`, "A", "+bufsize=4096"))).to.equal(300);
  });

  it("is no worse off with our client, which asks with 1232 octets and goes on over TCP", async () => {
    const client = new DnsClient();
    expect((await client.query(site.knot.server, `fits.${zone}`, "A")).answers).to.have.length(60);
    expect(client.counters.tcpQueries).to.equal(0);
    expect((await client.query(site.knot.server, `large.${zone}`, "A", signingKey)).answers).to.have.length(300);
    expect(client.counters.tcpQueries).to.equal(1);
  });
});
