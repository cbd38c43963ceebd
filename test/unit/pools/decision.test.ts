import { expect } from "chai";
import fc from "fast-check";

import {
  type Decision,
  decide,
  freshMemory,
  graceMs,
  type PoolMemory,
  type SiteSight,
} from "../../../src/pools/decision";
import type { Check, Pool, Seen, Target } from "../../../src/pools/model";

const check: Check = {
  kind: "tcp",
  address: "192.0.2.1",
  port: 80,
  intervalMs: 1000,
  timeoutMs: 1000,
  rise: 2,
  fall: 2,
};

/** `a*` has no check; `b1` has the priority 1. */
function poolOf(targets: string, more: Partial<Pool> = {}): Pool {
  const each = targets.split(" ").map((text): Target => {
    const [, value = "", priority = "0", star] = /^([a-z])(\d?)(\*?)$/.exec(text) ?? [];
    return { value, priority: Number(priority), ...(star !== "*" && { check }) };
  });
  return {
    ...{ zone: "a.example", name: "www.a.example", type: "A", ttl: 30, strategy: "failover", minHealthy: 1 },
    targets: each,
    ...more,
  };
}

const words: Readonly<Record<string, Seen | undefined>> = { "+": "up", "-": "down" };

/** `++-` for each site: what it sees of each target, `?` for what it does not know. */
function sightsOf(...sites: string[]): readonly SiteSight[] {
  return sites.map((seen, i) => ({ site: `site-${i}`, seen: Array.from(seen, (each) => words[each]) }));
}

/** Decisions one after the other, a second apart. */
class Story {
  memory: PoolMemory;
  now = 1_000_000;
  last: Decision | undefined;

  constructor(
    public pool: Pool,
    answer: readonly string[] = [],
  ) {
    this.memory = freshMemory(answer);
  }

  see(...sites: string[]): string {
    this.now += 1000;
    this.last = decide(this.pool, { memory: this.memory, sights: sightsOf(...sites), now: this.now });
    this.memory = this.last.memory;
    return this.last.answer?.join(" ") ?? "nothing yet";
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }
}

describe("what a pool leads to", () => {
  it("is the first of its targets, then the next, then the first again", () => {
    const story = new Story(poolOf("a b1 c2"));
    expect(story.see("+++", "+++", "+++")).to.equal("a");
    expect(story.see("-++", "-++", "-++")).to.equal("b");
    expect(story.see("--+", "--+", "--+")).to.equal("c");
    expect(story.see("-++", "-++", "-++")).to.equal("b");
    expect(story.see("+++", "+++", "+++")).to.equal("a");
    expect(story.last?.verdict).to.equal("Healthy");
  });

  it("is every healthy target of one priority", () => {
    const story = new Story(poolOf("a b c1"));
    expect(story.see("+++")).to.equal("a b");
    expect(story.see("+-+")).to.equal("a");
    expect(story.see("--+")).to.equal("c");
  });

  it("is every healthy target with the strategy all", () => {
    const story = new Story(poolOf("a b1 c2", { strategy: "all" }));
    expect(story.see("+++")).to.equal("a b c");
    expect(story.see("+-+")).to.equal("a c");
  });

  it("takes further priorities until enough are healthy", () => {
    const story = new Story(poolOf("a b c1 d2", { minHealthy: 2 }));
    expect(story.see("++++")).to.equal("a b");
    expect(story.see("-+++")).to.equal("b c");
    expect(story.see("--++")).to.equal("c d");
    expect(story.see("---+")).to.equal("c d");
    expect(story.last?.verdict).to.equal("TooFewHealthy");
  });

  it("is one target alone where it is a CNAME", () => {
    expect(new Story(poolOf("a b", { type: "CNAME" })).see("++")).to.equal("a");
  });

  describe("by the majority of sites", () => {
    it("does not turn for one site of three", () => {
      const story = new Story(poolOf("a b1"));
      story.see("++", "++", "++");
      expect(story.see("-+", "++", "++")).to.equal("a");
      expect(story.see("-+", "-+", "++")).to.equal("b");
    });

    it("stays with as many sites for a target as against it", () => {
      const story = new Story(poolOf("a b1"));
      story.see("++", "++");
      expect(story.see("-+", "++")).to.equal("a");
      expect(story.see("-+", "-+")).to.equal("b");
      expect(story.see("++", "-+")).to.equal("b");
    });

    it("does not count a site that sees none", () => {
      const story = new Story(poolOf("a b1"));
      story.see("++", "++", "++");
      expect(story.see("--", "--", "++")).to.equal("a");
      expect(story.last?.distrusted).to.deep.equal(["site-0", "site-1"]);
      expect(story.last?.verdict).to.equal("Healthy");
    });

    it("goes by those that are left where others are not heard", () => {
      const story = new Story(poolOf("a b1"));
      story.see("++", "++", "++");
      expect(story.see("-+")).to.equal("b");
    });

    it("believes a site where a target has no check to be down", () => {
      const story = new Story(poolOf("a b1*"));
      expect(story.see("+?", "+?")).to.equal("a");
      expect(story.see("-?", "-?")).to.equal("b");
    });
  });

  describe("never empty", () => {
    it("stays where no site sees a healthy target, and says so", () => {
      const story = new Story(poolOf("a b1"));
      story.see("++", "++");
      story.see("-+", "-+");
      expect(story.see("--", "--")).to.equal("b");
      expect(story.last?.verdict).to.equal("NoneHealthy");
      expect(story.see("-+", "-+")).to.equal("b");
      expect(story.last?.verdict).to.equal("Healthy");
    });

    it("stays where nobody says anything any more", () => {
      const story = new Story(poolOf("a b1"));
      story.see("++");
      story.see("-+");
      expect(story.wait(3_600_000).see()).to.equal("b");
    });

    it("has all targets of the first priority where none was ever healthy", () => {
      const story = new Story(poolOf("a b c1"));
      expect(story.see("---")).to.equal("nothing yet");
      expect(story.wait(graceMs).see("---")).to.equal("a b");
      expect(story.last?.verdict).to.equal("NoneHealthy");
    });

    it("has all targets of the first priority where nobody probes, after a while", () => {
      const story = new Story(poolOf("a b1"));
      expect(story.see()).to.equal("nothing yet");
      expect(story.last?.againAt).to.equal(story.now + graceMs);
      expect(story.wait(graceMs).see()).to.equal("a");
      expect(story.last?.verdict).to.equal("NotProbed");
    });

    it("begins anew where none of the last answer's targets is left", () => {
      const story = new Story(poolOf("a b1"));
      story.see("++");
      story.pool = poolOf("c d1");
      expect(story.see("??")).to.equal("nothing yet");
      expect(story.see("-+")).to.equal("d");
    });
  });

  describe("calmly", () => {
    it("waits with its first answer until each target is known", () => {
      const story = new Story(poolOf("a b1"));
      expect(story.see("?+")).to.equal("nothing yet");
      expect(story.see("++")).to.equal("a");
    });

    it("keeps the answer that it finds until each target is known", () => {
      const story = new Story(poolOf("a b1"), ["b"]);
      expect(story.see("?+")).to.equal("b");
      expect(story.see("++")).to.equal("a");
    });

    it("does without what is not known after a while", () => {
      const story = new Story(poolOf("a b1"));
      story.see("?+");
      expect(story.wait(graceMs).see("?+")).to.equal("b");
    });

    it("keeps a target out that comes and goes", () => {
      const story = new Story(poolOf("a b1"));
      for (let round = 0; round < 3; round++) {
        expect(story.see("++")).to.equal("a");
        expect(story.see("-+")).to.equal("b");
      }
      expect(story.see("++")).to.equal("b");
      const { againAt = 0 } = story.last ?? {};
      expect(againAt).to.equal(story.now + 30_000);
      expect(story.last?.targets[0]?.isDamped).to.be.true;
      expect(story.wait(29_000 - 1).see("++")).to.equal("b");
      expect(story.see("++")).to.equal("a");
    });

    it("begins to count again when a target that is kept out falls once more", () => {
      const story = new Story(poolOf("a b1"));
      for (let round = 0; round < 3; round++) {
        story.see("++");
        story.see("-+");
      }
      story.see("++");
      story.wait(20_000).see("-+");
      story.see("++");
      expect(story.wait(28_000).see("++")).to.equal("b");
      expect(story.see("++")).to.equal("a");
    });

    it("forgives after ten minutes", () => {
      const story = new Story(poolOf("a b1"));
      for (let round = 0; round < 3; round++) {
        story.see("++");
        story.see("-+");
      }
      expect(story.wait(600_000).see("++")).to.equal("a");
    });
  });

  it("always is an answer of the pool's own targets once there was one, however sites see them", () => {
    const pools = fc.record({
      strategy: fc.constantFrom("failover" as const, "all" as const),
      minHealthy: fc.integer({ min: 1, max: 3 }),
    });
    const seen = fc.constantFrom<Seen | undefined>("up", "down", undefined);
    const sight = fc.array(seen, { minLength: 3, maxLength: 3 });
    const step = fc.record({
      sights: fc.array(sight, { maxLength: 4 }),
      ms: fc.integer({ min: 0, max: 60_000 }),
    });
    fc.assert(
      fc.property(pools, fc.array(step, { maxLength: 30 }), (more, steps) => {
        const pool = poolOf("a b1 c2", more);
        let [memory, now] = [freshMemory(), 0];
        let answers = 0;
        for (const { sights, ms } of steps) {
          now += ms;
          const sites = sights.map((each, i) => ({ site: String(i), seen: each }));
          const decision = decide(pool, { memory, sights: sites, now });
          ({ memory } = decision);
          if (answers > 0 || now >= graceMs + (steps[0]?.ms ?? 0)) expect(decision.answer).to.not.equal(undefined);
          if (decision.answer === undefined) continue;
          answers++;
          expect(decision.answer).to.not.be.empty;
          expect(["a", "b", "c"]).to.include.members([...decision.answer]);
          expect(new Set(decision.answer).size).to.equal(decision.answer.length);
          if (decision.verdict !== "Healthy") continue;
          // All that is answered counts as healthy, unless something is not known yet.
          const known = decision.targets.every(({ isHealthy }) => isHealthy !== undefined);
          const health = new Map(decision.targets.map((target) => [target.value, target.isHealthy]));
          if (known) for (const value of decision.answer) expect(health.get(value)).to.be.true;
        }
      }),
    );
  });

  it("does not turn while every site sees the same", () => {
    const sight = fc.array(fc.constantFrom<Seen>("up", "down"), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(sight, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 0, max: 9000 })),
        (sights, times) => {
          const pool = poolOf("a b1 c2");
          const sites = sights.map((seen, i) => ({ site: String(i), seen }));
          let [memory, now] = [freshMemory(["a"]), graceMs];
          const answers = new Set<string>();
          for (const ms of times) {
            now += ms;
            const decision = decide(pool, { memory, sights: sites, now });
            ({ memory } = decision);
            answers.add(JSON.stringify(decision.answer));
          }
          // One for the time in which ties keep a target unknown, one for after it.
          expect(answers.size).to.be.at.most(2);
        },
      ),
    );
  });
});
