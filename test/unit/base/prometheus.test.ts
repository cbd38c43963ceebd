import { expect } from "chai";

import { Histogram, renderMetricFamilies } from "../../../src/base/prometheus";

describe("metrics in Prometheus' text format", () => {
  it("have help and type, one value or many, and labels with their quotes, backslashes and line ends escaped", () => {
    const text = renderMetricFamilies(
      {
        p_ready: { type: "gauge", help: "Whether it is \\ ready." },
        p_none_total: { type: "counter", help: "Nothing yet." },
        p_absent: { type: "gauge", help: "Not here." },
        p_lag_seconds: { type: "gauge", help: "Lag.", labels: ["peer", "pod"] },
      },
      {
        p_ready: 1,
        p_none_total: [],
        p_absent: undefined,
        p_lag_seconds: [
          [{ peer: 'a"\\\n', pod: "1" }, 2.5],
          [{}, -1],
        ],
      },
    );
    expect(text).to.equal(
      [
        "# HELP p_ready Whether it is \\\\ ready.",
        "# TYPE p_ready gauge",
        "p_ready 1",
        "# HELP p_lag_seconds Lag.",
        "# TYPE p_lag_seconds gauge",
        'p_lag_seconds{peer="a\\"\\\\\\n",pod="1"} 2.5',
        "p_lag_seconds -1",
        "",
      ].join("\n"),
    );
  });

  it("count a histogram's values up to each bound, the bound included", () => {
    const histogram = new Histogram([0.5, 1]);
    for (const value of [0.25, 1, 3]) histogram.observe(value);
    const h = { type: "histogram", help: "H." } as const;
    expect(renderMetricFamilies({ h }, { h: histogram })).to.equal(
      [
        "# HELP h H.",
        "# TYPE h histogram",
        'h_bucket{le="0.5"} 1',
        'h_bucket{le="1"} 2',
        'h_bucket{le="+Inf"} 3',
        "h_sum 4.25",
        "h_count 3",
        "",
      ].join("\n"),
    );
  });

  it("give each histogram of a family its labels", () => {
    const [one, two] = [new Histogram([1]), new Histogram([1])];
    one.observe(1);
    two.observe(2);
    const values = [
      [{ peer: "a" }, one],
      [{ peer: "b" }, two],
    ] as const;
    expect(renderMetricFamilies({ h: { type: "histogram", help: "H." } }, { h: values })).to.equal(
      [
        "# HELP h H.",
        "# TYPE h histogram",
        'h_bucket{peer="a",le="1"} 1',
        'h_bucket{peer="a",le="+Inf"} 1',
        'h_sum{peer="a"} 1',
        'h_count{peer="a"} 1',
        'h_bucket{peer="b",le="1"} 0',
        'h_bucket{peer="b",le="+Inf"} 1',
        'h_sum{peer="b"} 2',
        'h_count{peer="b"} 1',
        "",
      ].join("\n"),
    );
  });
});
