import { expect } from "chai";
import {
  answerRefusal,
  type PoolFacts,
  poolStatusOf,
  poolTransitions,
  samePoolStatus,
} from "../../../src/pools/conditions";
import type { Decision, Verdict } from "../../../src/pools/decision";
import type { PoolStatus } from "../../../src/pools/model";

const now = Date.parse("2026-11-28T12:00:00.750Z");

function decisionOf(verdict: Verdict, isHealthy: boolean | undefined = true): Decision {
  const target = { value: "192.0.2.1", isHealthy, isDamped: false, up: ["site-a"], down: [] };
  const other = { value: "192.0.2.2", isHealthy: false, isDamped: true, up: [], down: ["site-a", "site-b"] };
  const memory = { targets: new Map(), answer: ["192.0.2.1"] };
  return { memory, answer: ["192.0.2.1"], verdict, targets: [target, other], distrusted: ["site-c"] };
}

const programmed = {
  type: "Programmed",
  status: "True",
  observedGeneration: 4,
  lastTransitionTime: "2026-11-28T11:00:00Z",
  reason: "AllSites",
  message: "every site of the mesh answers it",
} as const;
const record = { generation: 4, status: { conditions: [programmed] } };
const facts: PoolFacts = { generation: 2, decision: decisionOf("Healthy"), record, isWritten: true, now };

const brief = ({ conditions = [] }: PoolStatus) =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

describe("a pool's status", () => {
  it("says that its answer is at every site, and how each target stands", () => {
    const status = poolStatusOf({}, facts);
    expect(brief(status)).to.deep.equal({
      Accepted: "True Valid",
      Healthy: "True Healthy",
      Programmed: "True AllSites",
      Ready: "True AllSites",
    });
    expect(status.targets).to.deep.equal([
      { value: "192.0.2.1", healthy: "True", answered: true, up: ["site-a"] },
      { value: "192.0.2.2", healthy: "False", answered: false, down: ["site-a", "site-b"] },
    ]);
    const healthy = status.conditions?.find(({ type }) => type === "Healthy");
    expect(healthy?.message).to.equal(
      "1 of 2 targets are healthy; held back, since they came and went too often: 192.0.2.2; not counted, since they see none: site-c",
    );
  });

  it("is on its way until its record has the answer, and sites answer that", () => {
    for (const each of [
      { ...facts, isWritten: false },
      { ...facts, record: undefined },
      { ...facts, record: { ...record, generation: 5 } },
    ])
      expect(brief(poolStatusOf({}, each))).to.include({
        Programmed: "False Propagating",
        Ready: "False Propagating",
        Reconciling: "True Propagating",
      });
  });

  it("is not accepted where its record is not, as soon as that is known of the record as it is", () => {
    const message = "namespace shop may not have A at www.a.example";
    const accepted = { ...programmed, type: "Accepted", status: "False", reason: "NotAllowed", message } as const;
    const refused = { generation: 4, status: { conditions: [accepted] } };
    const refusal = answerRefusal(refused);
    expect(refusal).to.deep.equal({ reason: "NotAllowed", message: `its DnsRecord is refused: ${message}` });
    expect(brief(poolStatusOf({}, { ...facts, record: refused, refusal, decision: undefined }))).to.deep.equal({
      Accepted: "False NotAllowed",
      Programmed: "False NotAllowed",
      Ready: "False NotAllowed",
      Stalled: "True NotAllowed",
    });
    expect(answerRefusal({ ...refused, generation: 5 })).to.equal(undefined);
    expect(answerRefusal(record)).to.equal(undefined);
    expect(answerRefusal(undefined)).to.equal(undefined);
  });

  it("is stalled with its record, and where it is refused", () => {
    const conflict = { ...programmed, status: "False", reason: "OtherObject" } as const;
    const stalled = { ...programmed, type: "Stalled", reason: "OtherObject" } as const;
    const inConflict = { generation: 4, status: { conditions: [conflict, stalled] } };
    expect(brief(poolStatusOf({}, { ...facts, record: inConflict }))).to.include({ Stalled: "True OtherObject" });
    const refusal = { reason: "InvalidSpec", message: "spec.ttl …" } as const;
    const refused = poolStatusOf({}, { ...facts, refusal, decision: undefined });
    expect(brief(refused)).to.deep.equal({
      Accepted: "False InvalidSpec",
      Programmed: "False InvalidSpec",
      Ready: "False InvalidSpec",
      Stalled: "True InvalidSpec",
    });
    expect(refused.targets).to.be.undefined;
  });

  it("is ready although its targets are not healthy, and says that", () => {
    const status = brief(poolStatusOf({}, { ...facts, decision: decisionOf("NoneHealthy", false) }));
    expect(status).to.include({ Healthy: "False NoneHealthy", Ready: "True AllSites" });
    expect(brief(poolStatusOf({}, { ...facts, decision: decisionOf("NotProbed") }))).to.include({
      Healthy: "Unknown NotProbed",
    });
  });

  it("keeps the time of what has not turned", () => {
    const before = poolStatusOf({}, facts);
    const later = { ...facts, now: now + 60_000 };
    expect(samePoolStatus(before, poolStatusOf(before, later))).to.be.true;
    const after = poolStatusOf(before, { ...later, decision: decisionOf("NoneHealthy") });
    expect(samePoolStatus(before, after)).to.be.false;
    const times = Object.fromEntries((after.conditions ?? []).map((each) => [each.type, each.lastTransitionTime]));
    expect(times).to.include({ Accepted: "2026-11-28T12:00:00Z", Healthy: "2026-11-28T12:01:00Z" });
  });

  it("is worth an Event where health or acceptance turn, and at the beginning where they are bad", () => {
    const [good, bad] = [
      poolStatusOf({}, facts),
      poolStatusOf({}, { ...facts, decision: decisionOf("TooFewHealthy") }),
    ];
    const reasons = (before: PoolStatus, after: PoolStatus) =>
      poolTransitions(before, after).map(({ reason }) => reason);
    expect(reasons({}, good)).to.deep.equal([]);
    expect(reasons({}, bad)).to.deep.equal(["TooFewHealthy"]);
    expect(reasons(good, bad)).to.deep.equal(["TooFewHealthy"]);
    expect(reasons(bad, good)).to.deep.equal(["Healthy"]);
    expect(reasons(good, good)).to.deep.equal([]);
  });
});
