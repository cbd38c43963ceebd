import { expect } from "chai";

import { ReaderNotices } from "../../../../../src/agents/sidecar/notify/reader-notices";
import type { DnsServer } from "../../../../../src/dns/client/dns-client";
import { DnsError } from "../../../../../src/dns/errors";
import type { TsigKey } from "../../../../../src/dns/tsig-key";
import type { Reader } from "../../../../../src/keyring/reader";
import { localCatalogZone } from "../../../../../src/knot/config/site-config";

const keyOf = (name: string): TsigKey => ({ name, algorithm: "hmac-sha256", secret: "AAAA" });
const reader = (name: string, fields: Partial<Reader>): Reader => ({ ...keyOf(name), ...fields });
const change = (zone: string, serial = 1) => ({ zone, serial, isNew: false });

describe("servers outside the mesh that are told of changes", () => {
  let now: number;
  let told: string[];
  let logged: string[];
  /** Addresses that do not answer, and those that refuse. */
  let away: Set<string>;
  let refusing: Set<string>;
  let notices: ReaderNotices;

  beforeEach(() => {
    now = 0;
    [told, logged] = [[], []];
    [away, refusing] = [new Set(), new Set()];
    const log = { info: () => undefined, warn: (what: string) => void logged.push(what), error: () => undefined };
    const notifier = (zone: string, serial: number | undefined, key: TsigKey) => (server: DnsServer) => {
      told.push(`${server.address}@${server.port} ${zone} ${serial ?? "?"} by ${key.name}`);
      if (away.has(server.address)) return Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
      if (refusing.has(server.address)) return Promise.reject(new DnsError({ kind: "rcode", rcode: "REFUSED" }));
      return Promise.resolve();
    };
    notices = new ReaderNotices({ dns: { notifier }, log, now: () => now });
  });

  /** Lets everything happen that waits for nothing but answers. */
  const settle = () => new Promise(setImmediate);
  const announce = async (...changes: readonly ReturnType<typeof change>[]): Promise<readonly string[]> => {
    told = [];
    notices.announce(changes);
    await settle();
    return told;
  };
  const roundAt = async (ms: number): Promise<readonly string[]> => {
    now = ms;
    told = [];
    await notices.round();
    return told;
  };

  it("hear of every zone, or of those that are named, each at its addresses and by its own key", async () => {
    notices.aim([
      reader("bind", { notify: ["192.0.2.53", "2001:db8::53@5353"] }),
      reader("provider", { zones: ["a.example"], notify: ["198.51.100.1"] }),
      reader("pulls", {}),
    ]);
    expect(await announce(change("a.example", 7), change("b.example", 8))).to.have.members([
      ...["192.0.2.53@53", "2001:db8::53@5353"].flatMap((at) => [
        `${at} a.example 7 by bind`,
        `${at} b.example 8 by bind`,
      ]),
      "198.51.100.1@53 a.example 7 by provider",
    ]);
    expect([notices.exist, notices.wantEveryZone]).to.deep.equal([true, true]);
    expect(await roundAt(100_000), "what was answered is not told again").to.deep.equal([]);
  });

  it("want other sites' zones looked at only where one of them takes these", () => {
    notices.aim([reader("pulls", {})]);
    expect([notices.exist, notices.wantEveryZone]).to.deep.equal([false, false]);
    notices.aim([reader("provider", { zones: ["a.example"], notify: ["198.51.100.1"] })]);
    expect([notices.exist, notices.wantEveryZone]).to.deep.equal([true, false]);
  });

  it("never hear of the zone that is this server's own business", async () => {
    notices.aim([reader("bind", { notify: ["192.0.2.53"] })]);
    expect(await announce(change(localCatalogZone))).to.deep.equal([]);
  });

  it("are told again when they do not answer, a single zone first, at longer and longer intervals, and all once they do", async () => {
    notices.aim([reader("bind", { notify: ["192.0.2.53"] })]);
    away.add("192.0.2.53");
    const zones = ["a", "b", "c"].map((name) => `${name}.example`);
    expect(await announce(...zones.map((zone) => change(zone)))).to.have.length(3);
    expect(await roundAt(900)).to.deep.equal([]);
    expect(await roundAt(1000)).to.deep.equal(["192.0.2.53@53 a.example 1 by bind"]);
    expect(await roundAt(2900)).to.deep.equal([]);
    expect(await roundAt(3000)).to.have.length(1);
    now = 3900;
    expect(await announce(change("a.example", 2)), "once a second at most").to.deep.equal([]);
    expect(logged).to.deep.equal([]);
    now = 4000;
    expect(await announce(change("b.example", 2)), "a change is worth an attempt").to.have.length(1);
    expect(await roundAt(11_900)).to.deep.equal([]);
    expect(await roundAt(12_000)).to.have.length(1);
    expect(logged).to.deep.equal(["a server outside the mesh does not answer NOTIFY"]);
    away.clear();
    expect(await roundAt(1_000_000)).to.have.members(
      [2, 2, 1].map((serial, i) => `192.0.2.53@53 ${zones[i] ?? ""} ${serial} by bind`),
    );
    expect(await roundAt(2_000_000)).to.deep.equal([]);
  });

  it("do not keep others waiting, and are not told again what they refuse", async () => {
    notices.aim([
      reader("away", { notify: ["192.0.2.1"] }),
      reader("refuses", { notify: ["192.0.2.2"] }),
      reader("bind", { notify: ["192.0.2.53"] }),
    ]);
    away.add("192.0.2.1");
    refusing.add("192.0.2.2");
    expect(await announce(change("a.example"), change("b.example"))).to.have.length(6);
    expect(logged).to.deep.equal(["a server outside the mesh refuses NOTIFY"]);
    away.clear();
    expect(await roundAt(1000)).to.have.members(["a", "b"].map((name) => `192.0.2.1@53 ${name}.example 1 by away`));
  });

  it("keep what they are to be told as long as they stay, and are forgotten when they go", async () => {
    const stays = reader("stays", { notify: ["192.0.2.1"] });
    notices.aim([stays, reader("goes", { notify: ["192.0.2.2"] })]);
    for (const address of ["192.0.2.1", "192.0.2.2"]) away.add(address);
    await announce(change("a.example"));
    notices.aim([stays]);
    away.clear();
    expect(await roundAt(60_000)).to.deep.equal(["192.0.2.1@53 a.example 1 by stays"]);
  });
});
