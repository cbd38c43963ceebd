import { expect } from "chai";
import fc from "fast-check";

import { areInConflict, extras, formatFaults, kindsWith, parseFaults, siteOf } from "../../../chaos/fault";
import { planFaults, type PlanRequest, roundsOf } from "../../../chaos/plan";

const sites = ["site-a", "site-b", "site-c"];
const hour: PlanRequest = { seed: 7, seconds: 3600, pods: sites, quietSeconds: 20 };
const pairs = sites.flatMap((site) => [site, `${site}/1`]);
const requests = fc.record({
  seed: fc.nat(),
  seconds: fc.integer({ min: 60, max: 1800 }),
  pods: fc.constantFrom(sites, [...sites, "site-d", "site-e"], pairs),
  quietSeconds: fc.constantFrom(10, 20, 30),
});

describe("a plan of faults", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(planFaults(hour)).to.deep.equal(planFaults({ ...hour }));
    expect(planFaults(hour)).not.to.deep.equal(planFaults({ ...hour, seed: 8 }));
  });

  it("begins like a longer one of the same seed", () => {
    const short = planFaults({ ...hour, seconds: 120 });
    expect(short.length).to.be.greaterThan(1);
    expect(planFaults(hour).slice(0, short.length)).to.deep.equal(short);
  });

  it("has every kind, the primary gone, two sites gone, and other faults two and three at a time", () => {
    const rounds = roundsOf(planFaults(hour), hour.quietSeconds);
    const faults = rounds.flatMap((round) => round.faults);
    expect(new Set(faults.map(({ kind }) => kind))).to.have.all.keys(...kindsWith([]));
    const together = rounds.filter((round) => round.faults.length === 2).map((round) => round.faults);
    const areAway = together.filter((pair) => pair.every(({ kind }) => kind === "away"));
    expect(areAway.some(([one, other]) => one?.site !== other?.site)).to.equal(true);
    expect(together.length).to.be.greaterThan(areAway.length);
    expect(rounds.some((round) => round.faults.length === 3)).to.equal(true);
    expect(faults.some(({ kind, site }) => kind === "away" && site === "site-a")).to.equal(true);
  });

  it("hurts API server, operator, reconciler and Vault where they are, at the site that has them", () => {
    const request = { ...hour, kinds: kindsWith(extras) };
    const faults = planFaults(request);
    expect(new Set(faults.map(({ kind }) => kind))).to.have.all.keys(...kindsWith(extras));
    const placesOf = (of: readonly string[]): readonly string[] => [
      ...new Set(faults.filter(({ kind }) => of.includes(kind)).map(({ site }) => site)),
    ];
    expect(placesOf(["api-gone", "api-old", "kill-operator", "stop-reconciler"])).to.deep.equal(["site-b"]);
    expect(placesOf(["vault-gone", "rotate"])).to.deep.equal(["site-a"]);
    expect(parseFaults(formatFaults(faults), sites)).to.deep.equal([...faults].sort((a, b) => a.from - b.from));
  });

  it("leaves a quiet gap after each round, and ends in time", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const rounds = roundsOf(planFaults(request), request.quietSeconds);
        for (const [i, round] of rounds.entries()) {
          const next = rounds[i + 1]?.from ?? request.seconds;
          expect(next - round.to).to.be.at.least(request.quietSeconds - 0.01);
        }
      }),
    );
  });

  it("has no two faults in conflict, and none without length", () => {
    fc.assert(
      fc.property(requests, (request) => {
        for (const { faults } of roundsOf(planFaults(request), request.quietSeconds)) {
          expect(faults.every(({ from, to }) => to > from)).to.equal(true);
          for (const [i, one] of faults.entries())
            for (const other of faults.slice(i + 1)) expect(areInConflict(one, other)).to.equal(false);
        }
      }),
    );
  });

  it("is the script that replays it", () => {
    const faults = planFaults({ ...hour, pods: pairs });
    expect(faults.some(({ site }) => site !== siteOf(site))).to.equal(true);
    expect(parseFaults(formatFaults(faults), pairs)).to.deep.equal([...faults].sort((a, b) => a.from - b.from));
  });
});

describe("rounds of a script", () => {
  it("are what lies closer together than a quiet gap", () => {
    const faults = parseFaults("2 9 cut site-a\n4 5 kill-knot site-b\n20 21 loss site-c\n41 42 away site-a", sites);
    expect(roundsOf(faults, 20).map(({ from, to, faults: { length } }) => [from, to, length])).to.deep.equal([
      [2, 21, 3],
      [41, 42, 1],
    ]);
  });
});
