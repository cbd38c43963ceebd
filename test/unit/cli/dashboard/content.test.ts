import { expect } from "chai";
import { contentOf } from "../../../../src/cli/dashboard/content";
import type { ZoneVerdict } from "../../../../src/cli/verify";

const at = "2026-11-29T12:00:00.000Z";
const zone = (name: string, more: Partial<ZoneVerdict> = {}): ZoneVerdict => ({
  ...{ zone: name, owner: "site-a", alike: 2, differing: [], failures: [] },
  ...more,
});
const report = (zones: readonly ZoneVerdict[], notAsked: readonly string[] = []) => ({
  ...{ ok: true, points: [], copies: 4, notAsked, zones },
});

describe("what the page shows of a comparison of contents", () => {
  it("names zones and places that differ, and none of their records", () => {
    const copy = { at: "site-b", serial: 7, digest: "d", missing: ["a. 60 IN TXT x"], extra: [], cut: 0 };
    const content = contentOf({ report: report([zone("z", { differing: [copy] }), zone("y")]), keyFailures: [] }, at);
    expect(content).to.deep.equal({ at, copies: 4, differing: [{ zone: "z", at: ["site-b"] }], failures: [] });
  });

  it("says who could not be asked, once for each, and no more than fit", () => {
    const failures = [{ at: "site-c", reason: 'AXFR of "z" from no answer' }];
    const away = contentOf(
      {
        report: report([zone("z", { failures }), zone("y", { failures })], ["site-d"]),
        keyFailures: ["site-d: denied"],
      },
      at,
    );
    expect(away.failures).to.deep.equal([
      "2 zones could not be taken from site-c: no answer",
      "site-d was not asked: there is no key for it",
      "site-d: denied",
    ]);
    const many = Array.from({ length: 300 }, (_, i) => `site-${i}`);
    expect(contentOf({ report: report([], many), keyFailures: [] }, at).failures).to.have.length(21);
  });
});
