import { expect } from "chai";
import * as fc from "fast-check";
import { UserError } from "../../../src/base/errors";
import { effectiveRing, type RingDocument } from "../../../src/keyring/ring-document";
import { defaultRotation, parseRotation, type RotationSettings } from "../../../src/keyring/rotation-settings";
import {
  mostSkewSeconds,
  planRotation,
  type KeyAnswers,
  type RotationInput,
  type RotationPlan,
} from "../../../src/keyring/rotation";

const start = Date.parse("2026-01-01T00:00:00Z");
const day = 86_400_000;
const secret = Buffer.alloc(32, 9).toString("base64");
const key = (name: string) => ({ name, algorithm: "hmac-sha256" as const, secret });
const iso = (time: number): string => new Date(time).toISOString();
const margin = 340_000;

const plan = (document: RingDocument, changes: Partial<Omit<RotationInput, "document">> = {}): RotationPlan =>
  planRotation({ document, now: start, settings: defaultRotation, fresh: key("fresh"), asked: false, ...changes });

function written(found: RotationPlan): RingDocument {
  if (found.kind !== "write") throw new Error(found.reason);
  return found.document;
}

describe("planRotation", () => {
  const calm: RingDocument = { version: 1, current: { ...key("a"), createdAt: iso(start) } };
  const begun: RingDocument = { ...calm, next: { ...key("b"), createdAt: iso(start) } };
  const scheduled: RingDocument = { ...calm, next: { ...key("b"), createdAt: iso(start), signFrom: iso(start) } };
  const answers = (silent: readonly string[]): KeyAnswers => ({ key: "b", answered: ["site-a"], silent });

  it("does nothing while the current key is young, and says until when", () => {
    expect(plan(calm, { now: start + 30 * day - 1 })).to.deep.equal({
      kind: "nothing",
      reason: "a signs until a rotation begins at 2026-01-31T00:00:00.000Z",
    });
  });

  it("makes a next key when the current one is old enough, or when asked", () => {
    for (const [now, asked] of [
      [start + 30 * day, false],
      [start, true],
    ] as const) {
      const found = plan(calm, { now, asked });
      expect(found).to.deep.include({ kind: "write", step: "start" });
      expect(written(found)).to.deep.equal({ ...calm, next: { ...key("fresh"), createdAt: iso(now) } });
    }
  });

  it("waits for sites that have not answered, and names them", () => {
    const found = plan(begun, { answers: answers(["site-b", "site-c"]), now: start + day - 1 });
    expect(found).to.include({ kind: "nothing" });
    expect(found.reason).to.match(/waits for site-b, site-c.*2026-01-02T00:00:00/);
  });

  it("does not take answers to another key for answers to this one", () => {
    expect(plan(begun, { answers: { ...answers([]), key: "c" } }).kind).to.equal("nothing");
    expect(plan(begun, { now: start + 40 * day }).kind).to.equal("nothing");
  });

  it("lets the next key sign a margin later once all have answered", () => {
    const found = plan(begun, { answers: answers([]) });
    expect(written(found).next).to.deep.equal({ ...begun.next, signFrom: iso(start + margin) });
    expect(found.reason).to.match(/all sites have it/);
  });

  it("goes on without those who are absent when patience is over, and names them", () => {
    const found = plan(begun, { answers: answers(["site-b"]), now: start + day });
    expect(written(found).next?.signFrom).to.equal(iso(start + day + margin));
    expect(found.reason).to.match(/without site-b/);
  });

  it("promotes a margin after the next key signs, and accepts the former one for the overlap", () => {
    expect(plan(scheduled, { now: start + margin - 1 }).kind).to.equal("nothing");
    const found = plan(scheduled, { now: start + margin });
    expect(written(found)).to.deep.equal({
      version: 1,
      previous: { ...calm.current, acceptUntil: iso(start + day) },
      current: begun.next,
    });
  });

  it("never accepts the former key for less than two margins", () => {
    const found = plan(scheduled, { now: start + margin, settings: { ...defaultRotation, overlap: 0 } });
    expect(written(found).previous?.acceptUntil).to.equal(iso(start + 2 * margin));
  });

  it("drops the former key when its time is over", () => {
    const promoted: RingDocument = { ...calm, previous: { ...key("z"), acceptUntil: iso(start + day) } };
    expect(plan(promoted, { now: start + day - 1 }).kind).to.equal("nothing");
    expect(plan(promoted, { now: start + day })).to.deep.include({ kind: "write", step: "drop", document: calm });
  });

  it("keeps a former key that is still accepted when a rotation is asked for meanwhile", () => {
    const previous = { ...key("z"), acceptUntil: iso(start + day) };
    expect(written(plan({ ...calm, previous }, { asked: true })).previous).to.deep.equal(previous);
  });

  it("starts no second rotation while one is under way", () => {
    expect(plan(begun, { asked: true, answers: answers(["site-b"]) }).kind).to.equal("nothing");
    expect(plan(scheduled, { asked: true, now: start + 1 }).kind).to.equal("nothing");
  });

  it("gives times to keys that came without, and leaves out a next one that nobody signs with", () => {
    const untimed: RingDocument = { version: 1, previous: key("1"), current: key("2"), next: key("3") };
    const found = plan(untimed);
    expect(found).to.deep.include({ step: "stamp" });
    expect(written(found)).to.deep.equal({
      version: 1,
      previous: { ...key("1"), acceptUntil: iso(start + day) },
      current: { ...key("2"), createdAt: iso(start) },
    });
  });

  it("shows no secret in its reasons", () => {
    for (const document of [calm, begun, scheduled])
      expect(plan(document, { asked: true, now: start + 50 * day, answers: answers([]) }).reason).not.to.include(
        secret,
      );
  });
});

describe("parseRotation", () => {
  it("fills in what is left out", () => {
    expect(parseRotation(undefined)).to.deep.equal(defaultRotation);
    expect(parseRotation({ every: 60, margin: 1 })).to.deep.equal({ ...defaultRotation, every: 60, margin: 1 });
  });

  it("refuses what is no number of seconds, and names it", () => {
    for (const patience of ["1d", -1, null])
      expect(() => parseRotation({ patience })).to.throw(UserError, "rotation: patience must be seconds");
  });
});

/** One ring after the other, as rotators with wrong clocks write them: with the true time at which each came. */
interface Written {
  readonly at: number;
  readonly document: RingDocument;
}

const settingsArbitrary: fc.Arbitrary<RotationSettings> = fc.record({
  every: fc.integer({ min: 0, max: 100_000 }),
  patience: fc.integer({ min: 0, max: 100_000 }),
  overlap: fc.integer({ min: 0, max: 100_000 }),
});

/** Milliseconds by which a clock is wrong, so that no two differ by more than what may be. */
const clock = fc.integer({ min: -mostSkewSeconds * 500, max: mostSkewSeconds * 500 });

const tick = fc.record({
  waitSeconds: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 100_000 })),
  rotatorClock: clock,
  asked: fc.boolean(),
  silent: fc.subarray(["site-b", "site-c"]),
  unasked: fc.boolean(),
});

const history: fc.Arbitrary<{ readonly settings: RotationSettings; readonly rings: readonly Written[] }> = fc
  .record({
    settings: settingsArbitrary,
    ticks: fc.array(tick, { minLength: 5, maxLength: 60 }),
    untimed: fc.boolean(),
  })
  .map(({ settings, ticks, untimed }) => {
    const first: RingDocument = untimed
      ? { version: 1, previous: key("g1"), current: key("g2"), next: key("g3") }
      : { version: 1, current: { ...key("k0"), createdAt: iso(start) } };
    const rings: Written[] = [{ at: start, document: first }];
    let at = start;
    for (const [i, { waitSeconds, rotatorClock, asked, silent, unasked }] of ticks.entries()) {
      at += waitSeconds * 1000;
      const { document } = rings.at(-1)!;
      const answers = { key: document.next?.name ?? "", answered: ["site-a"], silent };
      const found = planRotation({
        ...{ document, settings, asked, now: at + rotatorClock, fresh: key(`k${i + 1}`) },
        ...(!unasked && { answers }),
      });
      if (found.kind === "write") rings.push({ at, document: found.document });
    }
    return { settings, rings };
  });

describe("rings that follow one another", () => {
  const accepts = (accepting: RingDocument, signing: RingDocument, clocks: { ours: number; theirs: number }): boolean =>
    effectiveRing(accepting, clocks.ours).accepted.some(
      ({ name }) => name === effectiveRing(signing, clocks.theirs).signing,
    );

  it("let sites accept each other whose copies are a step apart and whose clocks differ by five minutes", () => {
    fc.assert(
      fc.property(history, fc.tuple(clock, clock), fc.nat(200_000), ({ rings }, [one, other], moreSeconds) => {
        for (const [i, { at, document }] of rings.entries()) {
          const copies = [document, ...(i > 0 ? [rings[i - 1]!.document] : [])];
          const times = copies.flatMap(({ previous, next }) => [previous?.acceptUntil, next?.signFrom]);
          const turns = times.flatMap((time) =>
            time === undefined ? [] : [Date.parse(time) - one, Date.parse(time) - other],
          );
          for (const t of [at, at + moreSeconds * 1000, ...turns.flatMap((turn) => [turn - 1, turn, turn + 1])]) {
            if (t < at) continue;
            for (const a of copies)
              for (const b of copies) expect(accepts(a, b, { ours: t + one, theirs: t + other })).to.equal(true);
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it("never are without the key that signs, nor change it but to one that was handed round before", () => {
    fc.assert(
      fc.property(history, ({ rings }) => {
        for (const [i, { document, at }] of rings.entries()) {
          const ring = effectiveRing(document, at);
          expect(ring.accepted.map(({ name }) => name)).to.include(ring.signing);
          const before = rings[i - 1]?.document;
          if (before === undefined) continue;
          expect([before.current.name, before.next?.name]).to.include(document.current.name);
        }
      }),
    );
  });

  it("come from the same facts but once", () => {
    fc.assert(
      fc.property(history, clock, fc.subarray(["site-b"]), ({ settings, rings }, skew, silent) => {
        const { document, at } = rings.at(-1)!;
        const answers = { key: document.next?.name ?? "", answered: [], silent };
        const facts = { settings, answers, asked: false, now: at + skew };
        const once = planRotation({ ...facts, document, fresh: key("x") });
        if (once.kind === "nothing") return;
        const again = planRotation({ ...facts, document: once.document, fresh: key("y") });
        if (again.kind === "write") expect(again.step).not.to.equal(once.step);
      }),
    );
  });
});
