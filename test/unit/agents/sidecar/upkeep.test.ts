import { expect } from "chai";

import type { NewerCopy } from "../../../../src/agents/sidecar/notify/peers";
import { Problems } from "../../../../src/agents/sidecar/http/status";
import { Upkeep } from "../../../../src/agents/sidecar/upkeep";
import { createLogger } from "../../../../src/base/log";

describe("upkeep", () => {
  const holder: NewerCopy = { site: "site-b", server: { address: "192.0.2.2", port: 53 }, serial: 7 };

  const upkeep = (options: {
    failing: readonly string[];
    regain?: (zone: string) => boolean;
    watch?: () => Promise<void>;
  }) => {
    const done: string[] = [];
    const ahead: (readonly [string, NewerCopy])[] = [
      ["a.example", holder],
      ["b.example", holder],
    ];
    const round = (name: string) => () => {
      done.push(name);
      return options.failing.includes(name) ? Promise.reject(new Error(`${name} failed`)) : Promise.resolve();
    };
    const problems = new Problems(
      () => 0,
      () => undefined,
    );
    const lines: string[] = [];
    const rounds = new Upkeep({
      announcer: {
        round: round("announcer"),
        takeAhead: () => ahead.splice(0),
        expect: (zones) => done.push(`expect ${zones?.join(" ") ?? "all"}`),
      },
      signing: { round: round("signing"), failures: ["zone c.example has keys and no signatures"] },
      volume: { round: round("volume") },
      damage: { round: round("damage") },
      ownZones: { round: round("own zones") },
      watches: options.watch ? [{ round: options.watch }] : [],
      zones: { keptSigned: [] },
      problems,
      regain: async (zone) => {
        await round(`regain ${zone}`)();
        return options.regain?.(zone) ?? true;
      },
      log: createLogger({ write: (line) => lines.push(line), now: () => 0 }),
    });
    return { rounds, done, problems, lines };
  };
  const messages = (failures: readonly unknown[]) => failures.map((error) => (error as Error).message).sort();

  it("reports every round that failed, and does the rest all the same", async () => {
    const { rounds, done, problems } = upkeep({ failing: ["announcer", "volume", "signing"] });
    expect(messages(await rounds.round())).to.deep.equal(["announcer failed", "signing failed", "volume failed"]);
    expect(done).to.include.members(["regain a.example", "expect a.example", "regain b.example", "expect b.example"]);
    expect(problems.list().map(({ kind }) => kind)).to.deep.equal(["dnssec"]);
  });

  it("waits for no watch, has one look at a time, and reports later what failed of it", async () => {
    let [looks, fail] = [0, (_: Error): void => undefined];
    const watch = () => new Promise<void>((_, reject) => ([looks, fail] = [looks + 1, reject]));
    const { rounds, done } = upkeep({ failing: [], watch });
    for (let i = 0; i < 2; i++) expect(await rounds.round()).to.deep.equal([]);
    expect([looks, done.filter((name) => name === "volume").length]).to.deep.equal([1, 2]);
    fail(new Error("watch failed"));
    await new Promise(setImmediate);
    expect(messages(await rounds.round())).to.deep.equal(["watch failed"]);
    expect(looks).to.equal(2);
  });

  it("has the peers asked again about a newer copy that cannot be taken back yet, and sees to the others", async () => {
    const { rounds, done, lines } = upkeep({ failing: ["regain a.example"] });
    expect(await rounds.round()).to.deep.equal([]);
    expect(done).to.include.members(["expect a.example", "regain b.example", "expect b.example"]);
    expect(lines.join("")).to.include("cannot be taken back").and.to.include("regain a.example failed");
  });

  it("warns once of a newer copy that is left where it is", async () => {
    const { rounds, lines } = upkeep({ failing: [], regain: () => false });
    await rounds.round();
    await rounds.round();
    expect(lines.filter((line) => line.includes("a peer holds a newer copy"))).to.have.length(2);
  });
});
