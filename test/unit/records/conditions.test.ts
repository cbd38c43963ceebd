import { expect } from "chai";
import fc from "fast-check";
import { pendingStatus, sameStatus, statusOf, transitions, type Progress } from "../../../src/records/conditions";
import type { AppliedSet, ConditionType, DnsRecordStatus } from "../../../src/records/model";

const applied: AppliedSet = { zone: "a.example", name: "www.a.example", type: "A", ttl: 60, values: ["192.0.2.1"] };
const now = Date.parse("2026-11-28T12:00:00.750Z");

const progresses: Readonly<Record<string, Progress>> = {
  refused: { kind: "refused", reason: "InvalidSpec", message: "spec.ttl …" },
  conflict: { kind: "conflict", reason: "OtherObject", message: "came first" },
  failed: { kind: "failed", reason: "UpdateRefused", message: "REFUSED" },
  held: { kind: "failed", reason: "ChangeHeld", message: "takes 40 names away" },
  unreachable: { kind: "failed", reason: "WriterUnreachable", message: "it waits for pod 0" },
  unknown: { kind: "unknown" },
  waiting: { kind: "waiting", sites: ["site-b", "site-c pod 1"] },
  programmed: { kind: "programmed", away: [], unseen: [] },
  away: { kind: "programmed", away: ["site-b"], unseen: ["site-c pod 1"] },
  unseen: { kind: "programmed", away: [], unseen: ["site-c pod 1"] },
  shared: { kind: "programmed", away: [], unseen: [], note: "served with the TTL 60" },
};

const status = (
  progress: Progress,
  facts: { before?: DnsRecordStatus; at?: number; retired?: string; generation?: number } = {},
) =>
  statusOf(
    { status: facts.before ?? {}, applied },
    { generation: facts.generation ?? 3, progress, retired: facts.retired, now: facts.at ?? now },
  );

const shown = (progress: Progress, retired?: string): Record<string, string> =>
  Object.fromEntries(
    (status(progress, retired === undefined ? {} : { retired }).conditions ?? []).map((each) => [
      each.type,
      `${each.status} ${each.reason}`,
    ]),
  );

describe("the status of a DnsRecord", () => {
  type Shown = Readonly<Partial<Record<ConditionType, string>>>;
  const done = (reason: string, conflict = "False NoConflict"): Shown => ({
    ...{ Accepted: "True Valid", Programmed: `True ${reason}`, Conflict: conflict },
    Ready: `True ${reason}`,
  });
  const table: readonly (readonly [string, Shown])[] = [
    [
      "refused",
      {
        ...{ Accepted: "False InvalidSpec", Programmed: "False InvalidSpec", Conflict: "False NoConflict" },
        ...{ Ready: "False InvalidSpec", Stalled: "True InvalidSpec" },
      },
    ],
    [
      "conflict",
      {
        ...{ Accepted: "True Valid", Programmed: "False OtherObject", Conflict: "True OtherObject" },
        ...{ Ready: "False OtherObject", Stalled: "True OtherObject" },
      },
    ],
    [
      "failed",
      {
        ...{ Accepted: "True Valid", Programmed: "False UpdateRefused", Conflict: "False NoConflict" },
        ...{ Ready: "False UpdateRefused", Stalled: "True UpdateRefused" },
      },
    ],
    [
      "held",
      {
        ...{ Accepted: "True Valid", Programmed: "False ChangeHeld", Conflict: "False NoConflict" },
        ...{ Ready: "False ChangeHeld", Stalled: "True ChangeHeld" },
      },
    ],
    [
      "unreachable",
      {
        ...{ Accepted: "True Valid", Programmed: "False WriterUnreachable", Conflict: "False NoConflict" },
        ...{ Ready: "False WriterUnreachable", Reconciling: "True WriterUnreachable" },
      },
    ],
    [
      "unknown",
      {
        ...{ Accepted: "True Valid", Programmed: "Unknown MeshUnknown", Conflict: "False NoConflict" },
        ...{ Ready: "Unknown MeshUnknown", Reconciling: "True MeshUnknown" },
      },
    ],
    [
      "waiting",
      {
        ...{ Accepted: "True Valid", Programmed: "False Propagating", Conflict: "False NoConflict" },
        ...{ Ready: "False Propagating", Reconciling: "True Propagating" },
      },
    ],
    ["programmed", done("AllSites")],
    ["away", done("SitesAway")],
    ["unseen", done("PodsUnknown")],
    ["shared", done("AllSites", "True OtherTtl")],
  ];
  for (const [name, expected] of table)
    it(`of one that is ${name}`, () => {
      expect(shown(progresses[name]!)).to.deep.equal(expected);
    });

  it("has a row for each state", () => {
    expect(table.map(([name]) => name)).to.deep.equal(Object.keys(progresses));
  });

  it("says in Ready why, in the words of the condition that knows", () => {
    const messages = (name: string, ...types: ConditionType[]) =>
      types.map((type) => status(progresses[name]!).conditions?.find((each) => each.type === type)?.message);
    expect(messages("refused", "Ready", "Stalled")).to.deep.equal(["spec.ttl …", "spec.ttl …"]);
    expect(messages("conflict", "Ready", "Stalled")).to.deep.equal(["came first", "came first"]);
    expect(messages("waiting", "Ready", "Reconciling")).to.deep.equal(messages("waiting", "Programmed", "Programmed"));
  });

  it("names all that is waited for, away, and not known", () => {
    const message = (name: string) =>
      status(progresses[name]!).conditions?.find(({ type }) => type === "Programmed")?.message;
    expect(message("waiting")).to.equal("the writer has it, not yet: site-b, site-c pod 1");
    expect(message("away")).to.equal(
      "every site that can be reached answers it; away: site-b; not known: site-c pod 1",
    );
    expect(message("unseen")).to.equal("every pod that could be asked answers it; not known: site-c pod 1");
  });

  it("says that an object stands in the way of its zone's removal, as long as it is accepted", () => {
    expect(shown(progresses["programmed"]!, "2026-11-01")["Accepted"]).to.equal("True ZoneRetiring");
    expect(shown(progresses["refused"]!, "2026-11-01")["Accepted"]).to.equal("False InvalidSpec");
  });

  it("has the generation that it is about, whole seconds, and what is on the server", () => {
    const { conditions = [], ...rest } = status(progresses["programmed"]!);
    expect(rest).to.deep.equal({ observedGeneration: 3, applied });
    for (const each of conditions)
      expect([each.observedGeneration, each.lastTransitionTime]).to.deep.equal([3, "2026-11-28T12:00:00Z"]);
    const none = statusOf(
      { status: { applied }, applied: undefined },
      { generation: 3, progress: progresses["conflict"]!, now },
    );
    expect(none).not.to.have.property("applied");
  });

  const anyProgress = fc.constantFrom(...Object.values(progresses));

  it("keeps the time of a condition as long as its status, and says the same twice", () => {
    fc.assert(
      fc.property(anyProgress, anyProgress, (first, second) => {
        const before = status(first);
        const after = status(second, { before, at: now + 60_000, generation: 4 });
        for (const each of after.conditions ?? []) {
          const earlier = before.conditions?.find(({ type }) => type === each.type);
          expect(each.lastTransitionTime === earlier?.lastTransitionTime).to.equal(each.status === earlier?.status);
        }
        expect(sameStatus(after, status(second, { before: after, at: now + 120_000, generation: 4 }))).to.equal(true);
        expect(sameStatus(before, after)).to.equal(false);
      }),
    );
  });

  it("costs no write of its own for tools: it is new only where one of the other conditions is", () => {
    const withoutGeneric = (of: DnsRecordStatus): DnsRecordStatus => ({
      ...of,
      conditions: (of.conditions ?? []).filter(({ type }) => ["Accepted", "Programmed", "Conflict"].includes(type)),
    });
    fc.assert(
      fc.property(
        anyProgress,
        anyProgress,
        fc.option(fc.constant("2026-11-01"), { nil: undefined }),
        (first, second, retired) => {
          const before = status(first);
          const after = status(second, { before, at: now + 60_000, ...(retired !== undefined && { retired }) });
          expect(sameStatus(before, after)).to.equal(sameStatus(withoutGeneric(before), withoutGeneric(after)));
        },
      ),
    );
  });

  it("has its own time where the API server filled in that nobody had looked", () => {
    const { conditions = [] } = status(progresses["unknown"]!, { before: pendingStatus });
    const ready = conditions.find(({ type }) => type === "Ready");
    expect([ready?.status, ready?.lastTransitionTime]).to.deep.equal(["Unknown", "2026-11-28T12:00:00Z"]);
  });

  it("is the same in another order", () => {
    const one = status(progresses["programmed"]!);
    const other = { ...one, conditions: [...(one.conditions ?? [])].reverse() };
    expect(sameStatus(one, other)).to.equal(true);
    expect(sameStatus(undefined, {})).to.equal(true);
  });

  it("does not turn when it arrives, which the status says, unless something was told to be in the way", () => {
    const arrived = (from: Progress | undefined, wasWarned: boolean): string[] => {
      const before = from === undefined ? {} : status(from);
      const after = status(progresses["programmed"]!, { before });
      return transitions(before.conditions ?? [], after.conditions ?? [], wasWarned).map(({ reason }) => reason);
    };
    for (const from of [undefined, progresses["waiting"]]) {
      expect(arrived(from, false)).to.deep.equal([]);
      expect(arrived(from, true)).to.deep.equal(["AllSites"]);
    }
  });

  it("turns when a status or a reason does, and not when a message does or while it travels", () => {
    const turned = (from: Progress | undefined, to: Progress): string[] => {
      const before = from === undefined ? {} : status(from);
      return transitions(before.conditions ?? [], status(to, { before }).conditions ?? []).map(({ reason }) => reason);
    };
    expect(turned(progresses["away"], progresses["programmed"]!)).to.deep.equal(["AllSites"]);
    expect(turned(progresses["refused"], progresses["programmed"]!)).to.include("AllSites");
    expect(turned(progresses["programmed"], progresses["waiting"]!)).to.deep.equal([]);
    expect(turned(progresses["away"], { kind: "programmed", away: ["site-d"], unseen: [] })).to.deep.equal([]);
    expect(turned(progresses["programmed"], progresses["away"]!)).to.deep.equal(["SitesAway"]);
    expect(turned(progresses["programmed"], progresses["refused"]!)).to.deep.equal(["InvalidSpec", "InvalidSpec"]);
  });
});
