import { expect } from "chai";
import fc from "fast-check";

import { planKey, reconcile, type Desired, type Observed, type Step } from "../../../../src/agents/sidecar/reconcile";

const serials = { directory: 5, catalog: 6 };
const desired: Desired = { files: 3, load: 2, plan: 4, today: "2026-11-28" };
const settled: Observed = {
  ...{ stateIsWhole: true, settledFiles: 3, listedFiles: 0, mayTry: true },
  ...{ serials, planned: planKey(desired, serials) },
};

describe("reconcile", () => {
  const cases: readonly [what: string, change: Partial<Observed>, wanted?: Partial<Desired>, step?: Step][] = [
    ["rests when everything is as it should be", {}],
    ["settles files that were requested", { settledFiles: 2 }, {}, { kind: "settle", request: 3, load: false }],
    ["has them loaded when that was requested", { settledFiles: 1 }, {}, { kind: "settle", request: 3, load: true }],
    ["rests while it is too early to settle again", { settledFiles: 1, mayTry: false }],
    ["asks Knot once a pass", { serials: undefined }, {}, { kind: "observe" }],
    ["rests when Knot does not answer", { serials: "unknown" }],
    ["rests while it is too early to follow again", { planned: "", mayTry: false }],
    ["asks Knot even while it is too early to follow", { serials: undefined, mayTry: false }, {}, { kind: "observe" }],
    [
      "lists own zones without a usable state",
      { stateIsWhole: false, settledFiles: 0 },
      {},
      { kind: "list-own-zones", request: 3 },
    ],
    [
      "follows the central zones before it settles without a usable state",
      { stateIsWhole: false, settledFiles: 0, listedFiles: 3, planned: "" },
      {},
      { kind: "follow", key: planKey(desired, serials) },
    ],
    [
      "settles once the state is whole again",
      { settledFiles: 0, listedFiles: 3 },
      {},
      { kind: "settle", request: 3, load: true },
    ],
  ];
  for (const [what, change, wanted = {}, step = { kind: "rest" }] of cases) {
    it(what, () => {
      expect(reconcile({ ...desired, ...wanted }, { ...settled, ...change })).to.deep.equal(step);
    });
  }

  for (const [what, next, seen] of [
    ["a serial changes", {}, { directory: 7, catalog: 6 }],
    ["the day changes", { today: "2026-11-29" }, serials],
    ["a plan is requested", { plan: 5 }, serials],
  ] as const) {
    it(`follows the central zones when ${what}`, () => {
      const step = reconcile({ ...desired, ...next }, { ...settled, serials: seen });
      expect(step).to.deep.equal({ kind: "follow", key: planKey({ ...desired, ...next }, seen) });
    });
  }

  it("comes to rest, whatever is requested in between", () => {
    const request = fc.constantFrom("files", "load", "plan", "nothing");
    fc.assert(
      fc.property(fc.array(request, { maxLength: 20 }), fc.boolean(), (requests, wholeAtFirst) => {
        let wanted = desired;
        let seen: Observed = {
          ...settled,
          stateIsWhole: wholeAtFirst,
          settledFiles: 0,
          planned: "",
          serials: undefined,
        };
        const left = [...requests];
        for (let steps = 0; ; steps++) {
          expect(steps).to.be.below(5 + 3 * requests.length);
          const step = reconcile(wanted, seen);
          // What comes while a step is carried out.
          const { files, plan } = wanted;
          const came = left.shift();
          if (came === "files") wanted = { ...wanted, files: files + 1 };
          if (came === "load") wanted = { ...wanted, files: files + 1, load: files + 1 };
          if (came === "plan") wanted = { ...wanted, plan: plan + 1 };
          if (step.kind === "rest" && left.length === 0 && (came ?? "nothing") === "nothing") break;
          if (step.kind === "list-own-zones") seen = { ...seen, listedFiles: step.request };
          if (step.kind === "settle") seen = { ...seen, settledFiles: step.request };
          if (step.kind === "observe") seen = { ...seen, serials };
          if (step.kind === "follow") seen = { ...seen, planned: step.key, stateIsWhole: true };
        }
        expect(seen.settledFiles).to.equal(wanted.files);
        expect(seen.planned).to.equal(planKey(wanted, serials));
      }),
    );
  });
});
