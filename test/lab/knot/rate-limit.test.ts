import { expect } from "chai";

import { decodeMessage, encodeMessage, noFlags } from "../../../src/dns/message";
import { queryMessage } from "../../../src/dns/request";
import { rcodes } from "../../../src/dns/types";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { exchangeUdp } from "../../../src/dns/client/sockets";
import type { RateLimit } from "../../../src/knot/config/site-runtime";
import { startBindResolver } from "../../../harness/other-servers/server";
import { failureOf } from "../dns/failure";
import { freePorts, type LabSite, readerKey, seedMesh, signingKey, startSite, viewOf } from "./lab-mesh";
import { askStrangely, flood, type StrangeAnswer } from "./stranger";

const name = "standard-1.internal.dns";
const site = "site-c";
const badCookie = 23;
const cut = (answers: readonly StrangeAnswer[]) => answers.filter(({ truncated }) => truncated).length;

async function start(rateLimit?: RateLimit | false): Promise<LabSite> {
  const mesh = seedMesh();
  const ports = await freePorts();
  return startSite({ mesh, site, view: viewOf(mesh), ports, ...(rateLimit !== undefined && { rateLimit }) });
}

describe("rate limit", () => {
  let limited: LabSite;

  before(async () => {
    limited = await start({ perSecond: 20, burst: 50, exempt: ["127.66.0.0/16"] });
  });
  after(() => limited[Symbol.asyncDispose]());

  it("answers a stranger in full up to the burst, then with nothing but TC, and drops nothing", async () => {
    const answers = await flood({ server: limited.knot.server, from: "127.50.0.1", name }, 400);
    expect(answers).to.have.length(400);
    expect(cut(answers)).to.be.within(300, 350);
    expect(cut(answers.slice(0, 40))).to.equal(0);
    expect(new Set(answers.map(({ rcode }) => rcode))).to.deep.equal(new Set([0]));
    expect(await limited.knot.knotc("stats", "mod-rrl")).to.match(/slipped = 3\d\d/);
  });

  it("lets who is cut short come back over TCP, without a limit there", async () => {
    const client = new DnsClient();
    const server = { ...limited.knot.server, localAddress: "127.50.0.2" };
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 40 }, () => client.querySoa(server, name)));
    expect(client.counters.udpQueries).to.equal(400);
    expect(client.counters.tcpQueries).to.be.within(280, 350);
  });

  it("hears every NOTIFY of a peer, whatever it sends, and limits no transfer", async () => {
    const client = new DnsClient();
    const server = { ...limited.knot.server, localAddress: "127.50.0.3" };
    const notify = client.notifier("dns.internal", 1, signingKey);
    for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 40 }, () => notify(server)));
    expect(client.counters.notifies).to.be.greaterThan(250);
    for (let i = 0; i < 10; i++)
      await Promise.all(Array.from({ length: 20 }, () => client.transfer(server, name, readerKey)));
    expect(await limited.knot.knotc("stats", "mod-rrl")).to.not.contain("dropped");
  });

  it("does not shut a peer out because somebody behind the same address is refused, over and over", async () => {
    const client = new DnsClient();
    const server = { ...limited.knot.server, localAddress: "127.50.0.5" };
    const stranger = { ...readerKey, secret: Buffer.alloc(32, 99).toString("base64") };
    for (let i = 0; i < 8; i++) {
      const tries = Array.from({ length: 40 }, () => failureOf(client.transfer(server, name, stranger)));
      expect(new Set((await Promise.all(tries)).map((failure) => failure?.kind))).to.deep.equal(
        new Set(["badSignature"]),
      );
    }
    expect(await client.transfer(server, name, readerKey)).to.have.length.greaterThan(1);
  });

  it("has none for the site's own agent, exempt networks, and who shows a cookie", async () => {
    const { server } = limited.knot;
    expect(cut(await flood({ server, from: "127.0.0.1", name }, 400))).to.equal(0);
    expect(cut(await flood({ server, from: "127.66.0.1", name }, 400))).to.equal(0);
    const from = "127.50.0.4";
    const { rcode, cookie } = await askStrangely({ server, from, name, cookie: Buffer.alloc(8, 1) });
    expect(rcode).to.equal(badCookie);
    const answers = await flood({ server, from, name, cookie: cookie! }, 400);
    expect(answers).to.have.length(400);
    expect(cut(answers)).to.equal(0);
  });

  it("never holds up a resolver that many share, which shows its cookie", async () => {
    await using bind = await startBindResolver(limited.knot.server, "127.50.0.6");
    const resolve = (host: string) => {
      const question = {
        ...queryMessage({ id: 1, name: `${host}.${name}`, type: "A" }),
        flags: { ...noFlags, rd: true },
      };
      const message = encodeMessage(question);
      return exchangeUdp({ server: bind.server, message, timeoutMs: 5000, receive: decodeMessage });
    };
    const slipped = async () => /slipped = (\d+)/.exec(await limited.knot.knotc("stats", "mod-rrl"))?.[1];
    const before = await slipped();
    for (let i = 0; i < 20; i++) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, j) => resolve(`n${i}-${j}`)));
      expect(new Set(answers.map(({ rcode }) => rcode))).to.deep.equal(new Set([rcodes.NXDOMAIN]));
    }
    expect(await slipped()).to.equal(before);
    expect(await limited.knot.knotc("stats", "mod-cookies")).to.match(/presence = [4-9]\d\d/);
  });

  it("is 500 answers at once by default, and can be turned off", async () => {
    await using standard = await start();
    const answers = await flood({ server: standard.knot.server, from: "127.50.0.1", name }, 1500);
    expect(answers).to.have.length(1500);
    expect(cut(answers.slice(0, 450))).to.equal(0);
    expect(cut(answers)).to.be.greaterThan(300);
    await using open = await start(false);
    expect(cut(await flood({ server: open.knot.server, from: "127.50.0.1", name }, 1500))).to.equal(0);
  });
});
