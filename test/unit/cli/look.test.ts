import { expect } from "chai";
import { lookAtSites } from "../../../src/cli/look";
import type { MeshAccess } from "../../../src/cli/mesh-access";
import type { DnsServer } from "../../../src/dns/client/dns-client";
import { DnsError } from "../../../src/dns/errors";
import type { SoaData } from "../../../src/dns/record";
import { parseMesh } from "../../../src/settings/parse";

/** A mesh of so many sites, each with some zones. */
function accessTo(sites: number, zonesEach: number): MeshAccess {
  const mesh = parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: Array.from({ length: sites }, (_, i) => ({
      name: `site-${i}`,
      role: i === 0 ? "primary-catalog" : "standard",
      addresses: [`192.0.2.${i + 1}`],
      zones: Array.from({ length: zonesEach }, (_each, z) => `z${z}.s${i}.example`),
    })),
  });
  const ports = { dns: 53, secure: 853 };
  return { from: "test", isLab: false, mesh, ports, keyOf: () => undefined, ca: undefined, pods: [] };
}

const soa = (serial: number): SoaData => ({
  ...{ type: "SOA", mname: "a", rname: "b", serial, refresh: 1, retry: 1, expire: 60, minimum: 1 },
});
const pause = (): Promise<void> => Promise.resolve();

describe("looking at all sites", () => {
  it("asks every site for every zone of a small mesh", async () => {
    const { pairs, asked } = await lookAtSites(accessTo(3, 2), {
      ...{ turn: 0, pause },
      dns: { querySoa: () => Promise.resolve(soa(1)) },
    });
    expect([pairs, asked]).to.deep.equal([24, 24]);
  });

  it("asks in a large mesh each site for the central zones, and each zone at its owner and one other, which takes turns", async () => {
    const look = (turn: number) =>
      lookAtSites(accessTo(5, 4), { turn, pause, most: 50, dns: { querySoa: () => Promise.resolve(soa(1)) } });
    const [first, second] = [await look(0), await look(1)];
    expect([first.pairs, first.asked, first.sampled]).to.deep.equal([110, 5 * 2 + 20 * 2, true]);
    const others = ({ sites }: typeof first): string[] =>
      sites.filter(({ answers }) => answers.has("z0.s0.example")).map(({ site }) => site);
    expect(others(first)).to.have.length(2).and.include("site-0");
    expect(others(first)).not.to.deep.equal(others(second));
  });

  it("asks in a large mesh also for what was late before, once, and for nothing that is not there", async () => {
    const asked: string[] = [];
    const dns = {
      querySoa: ({ address }: DnsServer, zone: string) => {
        asked.push(`${address} ${zone}`);
        return Promise.resolve(soa(1));
      },
    };
    const also = ["z0.s0.example", "z1.s0.example", "dns.internal"].flatMap((zone) =>
      ["site-1", "site-2", "site-3", "site-4", "site-gone"].map((site) => ({ site, zone })),
    );
    const { asked: count, sites } = await lookAtSites(accessTo(5, 4), { ...{ turn: 0, pause, most: 50, dns }, also });
    for (const zone of ["z0.s0.example", "z1.s0.example"])
      expect(sites.filter(({ answers }) => answers.has(zone))).to.have.length(5);
    expect(new Set(asked).size).to.equal(asked.length);
    expect(count).to.equal(5 * 2 + 20 * 2 + 2 * 3);
  });

  it("asks a dead site once, over each of its addresses", async () => {
    const asked: string[] = [];
    const dns = {
      querySoa: ({ address }: DnsServer) => {
        asked.push(address);
        return address === "192.0.2.2"
          ? Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }))
          : Promise.resolve(soa(1));
      },
    };
    const { sites } = await lookAtSites(accessTo(2, 3), { turn: 0, pause, dns });
    expect(asked.filter((address) => address === "192.0.2.2")).to.have.length(1);
    expect(sites[1]).to.deep.include({ site: "site-1", silence: "no answer within 1 ms" });
  });

  it("names an address that is dead though another answers, and asks it no more", async () => {
    const { mesh, ...access } = accessTo(2, 3);
    const [first, second] = mesh.sites;
    const two = {
      ...access,
      mesh: { ...mesh, sites: [{ ...first!, addresses: ["192.0.2.66", "192.0.2.1"] }, second!] },
    };
    const look = async (error: DnsError) => {
      const asked: string[] = [];
      const dns = {
        querySoa: ({ address }: DnsServer) => {
          asked.push(address);
          return address === "192.0.2.66" ? Promise.reject(error) : Promise.resolve(soa(1));
        },
      };
      const { sites } = await lookAtSites(two, { turn: 0, pause, dns });
      return { asked: asked.filter((address) => address === "192.0.2.66").length, dead: sites[0]?.dead };
    };
    const silent = await look(new DnsError({ kind: "timeout", afterMs: 1 }));
    const dead = { address: "192.0.2.66", reason: "no answer within 1 ms", noRoute: false };
    expect(silent.dead).to.deep.equal([dead]);
    expect(silent.asked).to.equal(2);
    expect((await look(new DnsError({ kind: "unreachable", code: "ENETUNREACH" }))).dead?.[0]?.noRoute).to.equal(true);
  });

  it("asks again where answers differ, since a change may be on its way", async () => {
    let asked = 0;
    const dns = { querySoa: () => Promise.resolve(soa(++asked === 1 ? 1 : 2)) };
    const { sites } = await lookAtSites(accessTo(2, 0), { turn: 0, pause, dns });
    expect(sites.map(({ answers }) => answers.get("dns.internal"))).to.deep.equal([
      { kind: "serial", serial: 2, expire: 60 },
      { kind: "serial", serial: 2, expire: 60 },
    ]);
  });

  it("does not take a refusal for silence", async () => {
    const dns = { querySoa: () => Promise.reject(new DnsError({ kind: "refused" })) };
    const { sites } = await lookAtSites(accessTo(1, 0), { turn: 0, pause, dns });
    expect(sites[0]?.silence).to.equal(undefined);
    expect(sites[0]?.answers.get("dns.internal")).to.deep.equal({
      ...{ kind: "failure", reason: "the server refused (REFUSED)" },
    });
  });
});
