import { expect } from "chai";
import { type CatalogAnswer, newestView } from "../../../src/mesh/newest-view";
import type { DiscoveredMesh } from "../../../src/mesh/read-view";
import type { MeshView } from "../../../src/mesh/view";

const view = (change: Partial<MeshView> = {}): MeshView => ({
  directorySerial: 10,
  catalogSerial: 10,
  sites: [{ name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], sources: ["192.0.2.1/32"] }],
  zones: [],
  ...change,
});
const answer = (site: string, change: Partial<MeshView> = {}): CatalogAnswer => {
  const found: DiscoveredMesh = { kind: "view", view: view(change), uncertain: { sites: [], zones: [] }, problems: [] };
  return { site, found };
};
const failed: CatalogAnswer = { site: "site-b", found: { kind: "failed", reason: "timeout" } };
const newest = (answers: CatalogAnswer[], more: Partial<Parameters<typeof newestView>[0]> = {}): MeshView =>
  newestView({ answers, without: [], known: undefined, ...more });

describe("the newest view that catalog sites give", () => {
  it("is of the highest epoch, and of that of the newest serial", () => {
    const [old, high] = [
      { number: 1, primary: "site-a" },
      { number: 2, primary: "site-b" },
    ];
    const answers = [
      answer("site-a", { epoch: old, directorySerial: 99 }),
      answer("site-b", { epoch: high, directorySerial: 11 }),
      answer("site-c", { epoch: high, directorySerial: 12 }),
    ];
    for (const order of [answers, [...answers].reverse()]) expect(newest(order)).to.include({ directorySerial: 12 });
  });

  it("is that of another catalog serial where the directory is the same", () => {
    expect(newest([answer("site-a"), answer("site-b", { catalogSerial: 11 })])).to.include({ catalogSerial: 11 });
  });

  it("is not decided while a catalog site gives no answer, unless it is named as gone", () => {
    expect(() => newest([answer("site-a"), failed])).to.throw(/site-b gives no answer: timeout\n.*--without/);
    expect(newest([answer("site-a"), failed], { without: ["site-b"] })).to.include({ directorySerial: 10 });
  });

  it("is never taken from a refused, partial or missing answer", () => {
    const refusal = { kind: "empty", reason: "directory dns.internal has no site" } as const;
    const refused: CatalogAnswer = { site: "site-a", found: { kind: "refused", refusal } };
    expect(() => newest([refused])).to.throw(/site-a gives central zones that cannot be used \(empty\)/);
    expect(() => newest([refused], { without: ["site-a"] })).to.throw(/no catalog site gave/);
    expect(() => newest([])).to.throw(/no catalog site gave/);
    const { found } = answer("site-a");
    const partial = {
      site: "site-a",
      found: { ...(found as DiscoveredMesh), uncertain: { sites: [], zones: ["x.example"] } },
    };
    expect(() => newest([partial])).to.throw(/site-a gives central zones that contradict each other on x.example/);
    expect(() => newest([partial], { without: ["site-a"] })).to.throw(/no catalog site gave/);
  });

  it("is not decided where two differ under one serial", () => {
    const other = answer("site-b", { zones: [{ name: "x.example", owner: "site-a", id: "1" }] });
    expect(() => newest([answer("site-a"), other])).to.throw(
      /site-a and site-b give different directories under one serial/,
    );
    expect(newest([answer("site-a"), other], { without: ["site-b"] }).zones).to.have.length(0);
  });

  it("is not below what sites were brought up with", () => {
    const known = { number: 3, primary: "site-b" };
    expect(() => newest([answer("site-a", { epoch: { number: 2, primary: "site-a" } })], { known })).to.throw(
      /brought up with epoch 3 .*no catalog site gives more than epoch 2/,
    );
  });
});
