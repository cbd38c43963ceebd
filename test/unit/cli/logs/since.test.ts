import { expect } from "chai";
import { sinceMs } from "../../../../src/cli/logs/since";

const now = Date.parse("2026-12-01T08:00:00Z");

describe("since when logs are asked for", () => {
  for (const [text, seconds] of [
    ["90s", 90],
    ["10m", 600],
    ["1h30m", 5400],
    ["2d", 172_800],
    ["0s", 0],
  ] as const)
    it(`is ${seconds} s ago for ${text}`, () => {
      expect(sinceMs(text, now)).to.equal(now - seconds * 1000);
    });

  it("is a time with its zone, too", () => {
    expect(sinceMs("2026-12-01T08:00:00+01:00", now)).to.equal(now - 3_600_000);
  });

  it("is not before 1970, which no API server takes", () => {
    expect(sinceMs("99999d", now)).to.equal(0);
  });

  for (const text of ["", "10", "m", "5 minutes", "-5m", "2026-12-01", "2026-12-01T08:00:00", "2026-12-41T08:00:00Z"])
    it(`is refused as "${text}"`, () => {
      expect(() => sinceMs(text, now)).to.throw(/^--since takes how long ago/);
    });
});
