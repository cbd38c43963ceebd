import { expect } from "chai";
import { readRotatorOptions } from "../../../../src/agents/rotator/rotate";
import { askSites, readSites } from "../../../../src/agents/rotator/sites";
import { DnsError, type DnsFailure } from "../../../../src/dns/errors";
import { UserError } from "../../../../src/base/errors";
import type { DnsClient, DnsServer, IdentifiedSoa } from "../../../../src/dns/client/dns-client";
import { parseMesh } from "../../../../src/settings/parse";
import { centralRecords } from "../sidecar/fake-knot";

const key = { name: "next", algorithm: "hmac-sha256" as const, secret: "" };

describe("rotator options", () => {
  const env = { DNS_MESH_PACKET: "p", DNS_MESH_VAULT: "v", DNS_MESH_LOCAL_KEY: "k" };
  const pods = { addresses: ["10.0.0.1", "10.0.0.2"], port: 53, securePort: 853 };

  it("know each pod, at the pods' own port", () => {
    expect(readRotatorOptions(env, { pods, remotePort: 5300, securePort: 8853 })).to.deep.equal({
      ...{ packetFile: "p", vaultFile: "v", localKeyFile: "k", remotePort: 5300 },
      pods: [
        { address: "10.0.0.1", port: 53 },
        { address: "10.0.0.2", port: 53 },
      ],
    });
  });

  it("name the variable that is missing", () => {
    for (const name of Object.keys(env))
      expect(() => readRotatorOptions({ ...env, [name]: "" }, { pods, remotePort: 53, securePort: 853 })).to.throw(
        UserError,
        name,
      );
  });
});

describe("sites that are asked for a key", () => {
  /** What servers do with a question, by address: fail, answer without a name, or as the pod of that name. */
  const ask = async (servers: Record<string, readonly (DnsFailure | string)[]>) => {
    const asked = new Map<string, number>();
    const querySoaWithNsid = ({ address }: DnsServer): Promise<IdentifiedSoa> => {
      const turn = asked.get(address) ?? 0;
      asked.set(address, turn + 1);
      const all = servers[address] ?? [];
      const found = all[turn % all.length];
      if (typeof found === "object") return Promise.reject(new DnsError(found));
      const named = found !== undefined && found !== "answers" && { nsid: Buffer.from(found) };
      return Promise.resolve({ soa: {} as IdentifiedSoa["soa"], ...named });
    };
    const sites = [{ name: "site-a", role: "standard" as const, addresses: Object.keys(servers), sources: [] }];
    const serversOf = () => Object.keys(servers).map((address) => ({ address, port: 53 }));
    return (await askSites({ dns: { querySoaWithNsid }, sites, serversOf, zone: "dns.internal", key })).answered;
  };
  const away: DnsFailure = { kind: "timeout", afterMs: 1 };
  const lacks: DnsFailure = { kind: "badKey", by: "peer", key: "next" };

  it("have it when they answer, also when one of their addresses cannot be reached from here", async () => {
    expect(await ask({ one: ["answers"] })).to.deep.equal(["site-a"]);
    expect(await ask({ one: ["answers"], two: [away] })).to.deep.equal(["site-a"]);
  });

  it("do not have it when nothing is reached, or any server says that it does not know the key", async () => {
    expect(await ask({ one: [away], two: [away] })).to.deep.equal([]);
    expect(await ask({ one: ["answers"], two: [lacks] })).to.deep.equal([]);
  });

  it("do not have it when one of the servers behind an address does not", async () => {
    expect(await ask({ one: ["answers", "answers", lacks] })).to.deep.equal([]);
  });

  it("do not have it until each pod behind an address has shown that it does", async () => {
    const [first, second] = ["site-a/0/2", "site-a/1/2"];
    expect(await ask({ one: [first, second] })).to.deep.equal(["site-a"]);
    expect(await ask({ one: [first, first, first, first, second] })).to.deep.equal(["site-a"]);
    expect(await ask({ one: [first] })).to.deep.equal([]);
    expect(await ask({ one: [first, first, first, lacks] })).to.deep.equal([]);
    expect(await ask({ one: [first], two: [second] }), "pods with an address each").to.deep.equal(["site-a"]);
    expect(await ask({ one: [first], two: [away] })).to.deep.equal([]);
  });

  it("have it when they say with its signature that they do not have the zone", async () => {
    expect(await ask({ one: [{ kind: "refused" }] })).to.deep.equal(["site-a"]);
    expect(await ask({ one: [{ kind: "unsigned", rcode: "REFUSED" }] })).to.deep.equal([]);
  });
});

describe("the sites of the mesh, for the rotator", () => {
  const mesh = parseMesh({
    directoryZone: "dns.internal",
    catalogZone: "catalog.internal.dns",
    sites: [
      { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: ["a.example"] },
      { name: "site-b", role: "standard", addresses: ["192.0.2.2"], zones: ["b.example"] },
    ],
  });
  const pods = ["10.0.0.1", "10.0.0.2"].map((address) => ({ address, port: 53 }));
  const read = (transfer: DnsClient["transfer"]) => readSites({ dns: { transfer }, pods, zones: mesh, key });

  it("come from the first pod that has both central zones", async () => {
    const sites = await read(({ address }, zone) =>
      address === "10.0.0.1"
        ? Promise.reject(new DnsError({ kind: "refused" }))
        : Promise.resolve(centralRecords(mesh, 5).get(zone) ?? []),
    );
    expect(sites.map(({ name }) => name)).to.deep.equal(["site-a", "site-b"]);
  });

  it("are not guessed from an empty zone, or when no pod answers", async () => {
    for (const transfer of [
      () => Promise.resolve([]),
      () => Promise.reject(new DnsError({ kind: "timeout", afterMs: 5 })),
    ]) {
      const error: unknown = await read(transfer).catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(UserError);
      expect(String(error)).to.match(/cannot be read from this site's pods: .+; .+/);
    }
  });
});
