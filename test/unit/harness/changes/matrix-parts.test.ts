import { expect } from "chai";
import type { Basis, SettingChange } from "../../../../harness/changes";
import { effectOnKnot, effectOnOperator, type Pods } from "../../../../harness/changes/pods";
import { covers, settingPaths } from "../../../../harness/changes/setting-paths";
import { singly, unitsOf } from "../../../../harness/changes/units";
import { z } from "zod";

const change = (name: string, more: Partial<SettingChange> = {}): SettingChange => ({
  ...{ name, to: (told) => told, knot: "run on", operator: "run on" },
  ...more,
});

describe("settings by their paths", () => {
  it("are those within objects and lists of objects, and what an object may be instead", () => {
    const shape = {
      limit: z.union([z.literal(false), z.strictObject({ perSecond: z.int().default(1) })]).prefault({}),
      keys: z.array(z.strictObject({ name: z.string() })).default([]),
      networks: z.array(z.string()).optional(),
      labels: z.record(z.string(), z.string()),
    };
    expect(settingPaths(shape)).to.deep.equal([
      ...["limit", "limit.perSecond", "keys", "keys[].name", "networks", "labels"],
    ]);
  });

  it("are covered by their name, or by what they are in when all of that is meant", () => {
    expect(covers("keys", "keys[].name")).to.equal(false);
    expect(covers("keys.*", "keys[].name")).to.equal(true);
    expect(covers("keys.*", "keys")).to.equal(true);
    expect(covers("key.*", "keys")).to.equal(false);
    expect(covers("vault.*", "vault.address")).to.equal(true);
  });
});

describe("changes that are made together", () => {
  const basis: Basis = { into: (told) => told };
  const changes = [
    change("a"),
    change("restarts", { knot: "restart" }),
    change("b"),
    change("x", { operator: "restart" }),
    change("y", { operator: "restart" }),
    change("steps", { back: [] }),
    change("grows", { oneWay: /no/ }),
    change("elsewhere", { basis }),
    change("excludes", { alone: true }),
  ];

  it("are those that leave Knot's pods alone and exclude nothing, from the same basis; what has no way back comes last", () => {
    const names = unitsOf(changes).map((unit) => unit.changes.map(({ name }) => name));
    expect(names).to.deep.equal([
      ...[["a", "b"], ["x", "y"], ["restarts"], ["steps"], ["excludes"], ["elsewhere"], ["grows"]],
    ]);
    expect(unitsOf(changes).map((unit) => unit.basis)).to.deep.equal([...Array<undefined>(5), basis, undefined]);
  });

  it("can be taken apart", () => {
    const [first] = unitsOf(changes);
    expect(first && singly(first).map((unit) => unit.changes.map(({ name }) => name))).to.deep.equal([["a"], ["b"]]);
  });
});

describe("what became of pods", () => {
  const pods = (...ids: string[]): Pods => Object.fromEntries(ids.map((uid, i) => [`knot-${i}`, { uid, restarts: 0 }]));

  it("is nothing when all that stay are the same, whatever came and went at the end of the row", () => {
    expect(effectOnKnot(pods("a", "b"), pods("a", "b", "c"))).to.equal("run on");
    expect(effectOnKnot(pods("a", "b", "c"), pods("a", "b"))).to.equal("run on");
  });

  it("is a restart when a pod is another, or one of its containers was started anew", () => {
    expect(effectOnKnot(pods("a", "b"), pods("a", "x"))).to.equal("restart");
    expect(effectOnKnot(pods("a"), { "knot-0": { uid: "a", restarts: 1 } })).to.equal("restart");
  });

  it("has the operator's settings given by all of them", () => {
    expect(effectOnOperator(pods("a", "b"), pods("a", "b"))).to.equal("run on");
    expect(effectOnOperator(pods("a", "b"), pods("a"))).to.equal("restart");
    expect(effectOnOperator(pods("a", "b"), {})).to.equal("go");
    expect(effectOnOperator({}, {})).to.equal("run on");
  });
});
