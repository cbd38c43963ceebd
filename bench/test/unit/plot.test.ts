import { expect } from "chai";
import fc from "fast-check";

import { axisFor } from "../../support/axis";
import { type Chart, renderChart } from "../../support/plot";

const chart: Chart = {
  title: 'Cost of a pass, "seed" & ours <ms>',
  x: { label: "sites", scale: "log" },
  y: { label: "milliseconds", scale: "log" },
  series: [
    {
      label: "seed's way",
      points: [
        { x: 10, y: 200 },
        { x: 100, y: 2000 },
        { x: 1000, y: 20_000 },
      ],
    },
    {
      label: "ours",
      points: [
        { x: 10, y: 5 },
        { x: 1000, y: 8 },
      ],
    },
  ],
};

const numbers = (svg: string, pattern: RegExp): number[][] =>
  [...svg.matchAll(pattern)].map((match) => match.slice(1).map(Number));

/** Throws unless every element that is opened is closed, in order, and no markup is left in its words. */
function checkWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [whole, closing, name = "", rest = ""] of svg.matchAll(/<(\/?)(\w+)((?:\s+[\w:-]+="[^"<>]*")*)\s*\/?>/g)) {
    if (closing === "/") expect(open.pop(), rest).to.equal(name);
    else if (!whole.endsWith("/>")) open.push(name);
  }
  expect(open).to.deep.equal([]);
  const words = svg.replace(/<\/?\w+(?:\s+[\w:-]+="[^"<>]*")*\s*\/?>/g, "");
  expect(words).to.not.match(/[<>]/);
  expect(words.replace(/&#\d+;/g, "")).to.not.contain("&");
}

describe("a chart", () => {
  it("is well-formed SVG with all of its words", () => {
    const svg = renderChart(chart);
    checkWellFormed(svg);
    for (const text of [
      "Cost of a pass, &#34;seed&#34; &#38; ours &#60;ms&#62;",
      ">sites<",
      ">milliseconds<",
      ">ours<",
    ])
      expect(svg).to.contain(text);
    expect(svg.match(/<polyline/g)).to.have.length(2);
    expect(svg).to.contain("prefers-color-scheme: dark");
  });

  it("draws what is greater higher and further to the right, by their logarithms on log axes", () => {
    const [a, b, c] = numbers(renderChart(chart), /<circle cx="([\d.]+)" cy="([\d.]+)"/g) as [
      number[],
      number[],
      number[],
    ];
    expect(b[0]! - a[0]!)
      .to.be.closeTo(c[0]! - b[0]!, 0.2)
      .and.greaterThan(10);
    expect(a[1]! - b[1]!)
      .to.be.closeTo(b[1]! - c[1]!, 0.2)
      .and.greaterThan(10);
  });

  it("keeps every point within its frame, whatever the values", () => {
    const value = fc.double({ min: 1e-3, max: 1e9, noNaN: true });
    const scale = fc.constantFrom("linear" as const, "log" as const);
    const points = fc.array(fc.record({ x: value, y: value }), { minLength: 1, maxLength: 6 });
    const label = fc.string().filter((text) => !text.includes("NaN"));
    const series = fc.array(fc.record({ label, points }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(series, scale, scale, (all, x, y) => {
        const svg = renderChart({ title: "t", x: { label: "x", scale: x }, y: { label: "y", scale: y }, series: all });
        const [[left = 0, top = 0, width = 0, height = 0] = []] = numbers(
          svg,
          /class="frame" x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g,
        );
        const circles = numbers(svg, /<circle cx="([\d.-]+)" cy="([\d.-]+)"/g);
        expect(circles).to.have.length(all.flatMap((each) => each.points).length);
        for (const [cx, cy] of circles) {
          expect(cx).to.be.within(left, left + width);
          expect(cy).to.be.within(top, top + height);
        }
        expect(svg).to.not.contain("NaN");
        checkWellFormed(svg);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses values that have no place", () => {
    const of = (y: number): Chart => ({ ...chart, series: [{ label: "", points: [{ x: 1, y }] }] });
    for (const y of [0, -1, NaN, Infinity]) expect(() => renderChart(of(y))).to.throw(RangeError, "no place");
    expect(() => renderChart({ ...chart, series: [] })).to.throw(RangeError, "no values");
  });
});

describe("an axis", () => {
  it("begins and ends at round values", () => {
    expect(axisFor([3, 97], "linear").ticks).to.deep.equal([0, 20, 40, 60, 80, 100]);
    expect(axisFor([0.3], "linear").ticks.at(-1)).to.equal(0.3);
    expect(axisFor([10, 1000], "log").ticks).to.deep.equal([10, 20, 50, 100, 200, 500, 1000]);
    expect(axisFor([7, 12_000], "log").ticks).to.deep.equal([1, 10, 100, 1000, 10_000, 100_000]);
    expect(axisFor([0], "linear").ticks.at(0)).to.equal(0);
  });
});
