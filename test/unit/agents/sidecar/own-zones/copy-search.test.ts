import { expect } from "chai";

import { CopySearch } from "../../../../../src/agents/sidecar/own-zones/copy-search";
import { SaidBefore } from "../../../../../src/agents/sidecar/own-zones/said-before";
import type { ZoneSource } from "../../../../../src/agents/sidecar/own-zones/zone-source";
import { Silence } from "../../../../../src/agents/sidecar/silence";
import type { DnsServer } from "../../../../../src/dns/client/dns-client";
import { DnsError } from "../../../../../src/dns/errors";
import type { ResourceRecord, SoaData } from "../../../../../src/dns/record";

/** What a server has: serials by zone, or why it does not answer. `gives` are the serials that transfers give, in turns. */
interface Server {
  readonly zones?: Readonly<Record<string, number>>;
  readonly gives?: readonly number[];
  readonly refusesTransfers?: boolean;
  readonly failure?: DnsError;
  /** What it says of a zone that it does not have. @default REFUSED */
  readonly no?: DnsError;
  readonly isPod?: true;
  /** It answers no sooner than this has come to pass. */
  readonly answersAfter?: Promise<void>;
}

interface Options {
  readonly own?: Server;
  readonly isFirst?: boolean;
  /** Left out while not all sites are known. */
  readonly said?: SaidBefore;
  /** Only these are asked in this look, by their numbers. */
  readonly turn?: readonly number[];
  readonly silence?: Silence;
}

describe("a search for a lost zone", () => {
  const [zone, directoryZone] = ["own.example", "dir"];
  const away: Server = { failure: new DnsError({ kind: "timeout", afterMs: 1 }) };
  const denying: Server = { zones: { dir: 5 } };
  const empty: Server = { zones: {} };
  const no = new DnsError({ kind: "unsigned", rcode: "REFUSED" });
  let questions: number;

  const search = (servers: readonly Server[], options: Options = {}) => {
    questions = 0;
    const all = new Map([...servers, ...(options.own ? [options.own] : [])].map((each, i) => [String(i), each]));
    const sourceOf = (name: string): ZoneSource => ({
      server: { address: name, port: 53 },
      key: { name: "k", algorithm: "hmac-sha256", secret: "" },
    });
    const at = ({ address }: DnsServer): Server => all.get(address) ?? empty;
    const given = new Map<Server, number>();
    const dns = {
      querySoa: async (server: DnsServer, name: string): Promise<SoaData> => {
        questions += 1;
        await at(server).answersAfter;
        const { failure, zones, no: denial = no } = at(server);
        const serial = zones?.[name];
        return failure !== undefined || serial === undefined
          ? Promise.reject(failure ?? denial)
          : Promise.resolve(soa(serial));
      },
      transfer: (server: DnsServer, name: string): Promise<ResourceRecord[]> => {
        const holder = at(server);
        if (holder.refusesTransfers === true) return Promise.reject(no);
        const turn = given.get(holder) ?? 0;
        given.set(holder, turn + 1);
        const serial = holder.gives?.[turn % holder.gives.length] ?? holder.zones?.[name] ?? 0;
        return Promise.resolve([{ name, class: "IN", ttl: 1, ...soa(serial) }]);
      },
    };
    const every = servers.map(({ isPod }, i) => ({ ...sourceOf(String(i)), ...(isPod && { isPod }) }));
    const { own, isFirst = false, said, turn, silence } = options;
    const memory = { ...(said && { said, areAllKnown: true }), ...(silence && { silence }) };
    const self = own && { own: sourceOf(String(servers.length)) };
    const sources = every.filter((_, i) => turn?.includes(i) ?? true);
    return new CopySearch({ dns, directoryZone, sources, isFirst, all: every, ...memory, ...self });
  };
  const soa = (serial: number): SoaData => ({
    ...{ type: "SOA", mname: "m", rname: "r", serial, refresh: 1, retry: 1, expire: 1, minimum: 1 },
  });
  const serialOf = async (found: ReturnType<CopySearch["find"]>): Promise<number | string> => {
    const result = await found;
    if (result.kind !== "copy") return result.kind;
    const [first] = result.records;
    return first?.type === "SOA" ? first.serial : "no SOA";
  };
  const has = (serial: number): Server => ({ zones: { dir: 5, [zone]: serial } });

  it("takes the newest copy of all that answer, whatever the others say", async () => {
    expect(await serialOf(search([away, has(8), has(9), denying, has(7)]).find(zone))).to.equal(9);
  });

  const said = () => new SaidBefore(() => 0);
  const failing = (zones: Readonly<Record<string, number>>): Server => ({
    ...{ zones, no: new DnsError({ kind: "unsigned", rcode: "SERVFAIL" }) },
  });

  it("knows that there is none once every other site that has the directory denies it; own pods may still be starting", async () => {
    const pod: Server = { ...away, isPod: true };
    expect(await search([denying, failing({ dir: 5 }), pod], { said: said() }).find(zone)).to.deep.equal({
      ...{ kind: "none" },
    });
  });

  it("takes no denial before all sites of the mesh are known: who denies it may be new itself", async () => {
    expect(await serialOf(search([denying, denying]).find(zone))).to.equal("unknown");
    expect(await serialOf(search([denying, denying], { isFirst: true }).find(zone))).to.equal("unknown");
  });

  it("has a denial stand for a while where others do not answer, and says why it is not certain", async () => {
    let now = 0;
    const standing = new SaidBefore(() => now);
    const look = (servers: readonly Server[]) => search(servers, { said: standing }).find(zone);
    expect((await look([away, denying])).kind).to.equal("unknown");
    now = 5000;
    expect((await look([away, empty])).kind).to.equal("unknown");
    now = 7000;
    expect((await look([away, denying])).kind).to.equal("unknown");
    now = 13_000;
    expect(await look([away, denying])).to.deep.equal({ kind: "none", unclear: "no answer within 1 ms" });
    expect(await serialOf(look([away, denying, has(4)]))).to.equal(4);
  });

  it("does not take trouble with a server for its absence, also at the first site of a mesh", async () => {
    const troubles = [
      { failure: new DnsError({ kind: "badTime", by: "peer", skewSeconds: 600 }) },
      { failure: new DnsError({ kind: "badKey", by: "peer", key: "k" }) },
      { failure: new DnsError({ kind: "untrusted", by: "us", reason: "expired", code: "CERT_HAS_EXPIRED" }) },
      failing({}),
    ];
    for (const trouble of troubles) {
      const first = search([away, empty, trouble], { isFirst: true, said: said() });
      expect(await serialOf(first.find(zone))).to.equal("unknown");
    }
  });

  it("does not take silence for a denial, nor what a server says that knows no mesh yet", async () => {
    const found = await search([away, empty]).find(zone);
    expect(found.kind).to.equal("unknown");
    expect("reason" in found && found.reason).to.match(/no answer within 1 ms; not signed \(and says REFUSED\)/);
    expect(await serialOf(search([]).find(zone))).to.equal("unknown");
  });

  it("does not let the first site of a mesh wait for others, but asks them", async () => {
    const look = (servers: readonly Server[]) => serialOf(search(servers, { isFirst: true, said: said() }).find(zone));
    expect(await look([away, empty])).to.equal("none");
    expect(await look([away, has(3)])).to.equal(3);
    expect(await look([away, { ...has(3), refusesTransfers: true }])).to.equal("unknown");
  });

  describe("that has other pods of its own site", () => {
    const look = (servers: readonly Server[], isFirst: boolean) =>
      serialOf(search(servers, { isFirst, said: said() }).find(zone));
    const [without, withNothing] = [denying, failing({})].map((server): Server => ({ ...server, isPod: true }));
    const pod: Server = { ...away, isPod: true };

    it("does not have the first site wait for them once each of them answers, and has nothing", async () => {
      for (const pods of [[without!], [withNothing!], [without!, withNothing!]])
        expect(await look([away, empty, ...pods], true)).to.equal("none");
    });

    it("has it wait as for any other where one of several does not answer, or what another site has is not clear", async () => {
      for (const pods of [
        [without!, pod],
        [withNothing!, pod],
      ])
        expect(await look([away, ...pods], true)).to.equal("unknown");
      for (const site of [failing({}), denying]) expect(await look([away, site, without!], true)).to.equal("unknown");
    });

    it("takes what they have, and lets no other site go without because of them", async () => {
      expect(await look([away, { ...has(3), isPod: true }, without!], true)).to.equal(3);
      expect(await look([away, without!], false)).to.equal("unknown");
      expect(await look([away, withNothing!], false)).to.equal("unknown");
    });
  });

  it("does not begin a zone anew that a server was seen to have, however long that is silent, also at the first site of a mesh", async () => {
    for (const isFirst of [false, true]) {
      let now = 0;
      const standing = new SaidBefore(() => now);
      const servers: Server[] = [{ ...has(7), refusesTransfers: true }, isFirst ? away : denying];
      const look = () => search(servers, { isFirst, said: standing }).find(zone);
      expect((await look()).kind).to.equal("unknown");
      servers[0] = away;
      for (now = 1000; now < 100_000; now += 7000)
        expect(await look()).to.deep.equal({ kind: "unknown", reason: "0 53 had it and does not answer now" });
      servers[0] = denying;
      expect((await look()).kind).to.equal(isFirst ? "unknown" : "none");
    }
  });

  it("asks who was silent at an earlier look once more before a zone begins anew", async () => {
    for (const isFirst of [false, true]) {
      let now = 0;
      const [silence, standing] = [new Silence(), new SaidBefore(() => now)];
      const servers: Server[] = [away, isFirst ? failing({}) : denying];
      const look = () => search(servers, { isFirst, said: standing, silence }).find(zone);
      expect((await look()).kind).to.equal("unknown");
      await new Promise(setImmediate);
      now = 6000;
      servers.splice(0, 2, has(4), isFirst ? away : denying);
      expect(await serialOf(look())).to.equal(4);
    }
  });

  it("waits once for a server that is silent, not at each look, and takes its copy as soon as it answers", async () => {
    const silence = new Silence();
    let answer: () => void = () => undefined;
    const answersAfter = new Promise<void>((resolve) => (answer = resolve));
    const servers = [away, denying];
    const look = () => search(servers, { said: said(), silence }).find(zone);
    expect((await look()).kind).to.equal("unknown");
    servers[0] = { ...has(4), answersAfter };
    for (let looks = 0; looks < 3; looks++)
      expect(await look()).to.deep.equal({ kind: "unknown", reason: "no answer within 1 ms" });
    answer();
    await answersAfter;
    await new Promise(setImmediate);
    expect(await serialOf(look())).to.equal(4);
  });

  it("asks a server again that stays silent, beside its looks", async () => {
    const silence = new Silence();
    const servers = [away, denying];
    for (let looks = 0; looks < 4; looks++) {
      await search(servers, { said: said(), silence }).find(zone);
      await new Promise(setImmediate);
      expect(questions, `look ${looks}`).to.equal(3);
    }
  });

  it("takes what this server has as a member, and no denial of its own", async () => {
    expect(await serialOf(search([away], { own: denying }).find(zone))).to.equal("unknown");
    expect(await serialOf(search([away], { own: has(4) }).find(zone))).to.equal(4);
  });

  it("takes the next best copy when the best is not given", async () => {
    expect(await serialOf(search([{ ...has(9), refusesTransfers: true }, has(8)]).find(zone))).to.equal(8);
  });

  it("asks a server again that gave an older version than it was seen to have: another pod of it answered", async () => {
    expect(await serialOf(search([{ ...has(9), gives: [7, 8, 9] }]).find(zone))).to.equal(9);
    expect(await serialOf(search([{ ...has(9), gives: [7, 8] }]).find(zone))).to.equal(8);
  });

  it("waits for a server that does not answer once, not once for each zone", async () => {
    const all = search([away, away]);
    for (const each of [zone, "second.example", "third.example"])
      expect((await all.find(each)).kind).to.equal("unknown");
    expect(questions).to.equal(2);
  });

  describe("in a mesh so large that it asks some servers at a time", () => {
    const turns = (servers: readonly Server[], options: Options = {}) => {
      const state = { now: 0 };
      const said = new SaidBefore(() => state.now);
      const look = (...turn: readonly number[]) => search(servers, { ...options, said, turn }).find(zone);
      return { state, look };
    };

    it("goes by what all of them said, not by those alone that were asked last", async () => {
      const { state, look } = turns([away, denying]);
      expect(await look(0)).to.deep.equal({
        ...{ kind: "unknown", reason: "no answer within 1 ms; not all servers of the mesh were asked yet" },
      });
      expect((await look(1)).kind).to.equal("unknown");
      expect((await look(0)).kind).to.equal("unknown");
      state.now = 6000;
      expect((await look(0)).kind).to.equal("unknown");
      expect(await look(1)).to.deep.equal({ kind: "none", unclear: "no answer within 1 ms" });
      const sure = turns([denying, denying]);
      expect([(await sure.look(0)).kind, await sure.look(1)]).to.deep.equal(["unknown", { kind: "none" }]);
    });

    it("takes the newest copy of all, and forgets nobody who had one and does not give it", async () => {
      const { look } = turns([has(9), has(8), away]);
      expect((await look(1)).kind).to.equal("unknown");
      expect((await look(0)).kind).to.equal("unknown");
      expect(await serialOf(look(2))).to.equal(9);
      const closed = turns([{ ...has(9), refusesTransfers: true }, denying]);
      for (const turn of [0, 1, 0, 1]) expect((await closed.look(turn)).kind).to.equal("unknown");
    });

    it("waits for a server that had a newer copy and is silent at the next look, but not for good", async () => {
      const servers = [has(9), has(8)];
      const { state, look } = turns(servers);
      expect((await look(0)).kind).to.equal("unknown");
      servers[0] = away;
      expect(await look(1)).to.deep.equal({ kind: "unknown", reason: "no answer within 1 ms" });
      state.now = 20_000;
      expect(await serialOf(look(1))).to.equal(8);
    });

    it("has the first site begin only when none of them was hindered", async () => {
      const silent = turns([away, away], { isFirst: true });
      expect([(await silent.look(0)).kind, (await silent.look(1)).kind]).to.deep.equal(["unknown", "none"]);
      const servers = [failing({}), away];
      const hindered = turns(servers, { isFirst: true });
      for (const turn of [0, 1]) expect((await hindered.look(turn)).kind).to.equal("unknown");
      servers[0] = away;
      expect((await hindered.look(0)).kind).to.equal("none");
    });
  });
});
