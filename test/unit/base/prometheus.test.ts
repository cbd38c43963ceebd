import { expect } from "chai";

import { Histogram, renderMetricFamilies } from "../../../src/base/prometheus";

describe("metrics in Prometheus' text format", () => {
  it("have help and type, one value or many, and labels with their quotes, backslashes and line ends escaped", () => {
    const text = renderMetricFamilies("p_", [
      { name: "ready", type: "gauge", help: "Whether it is \\ ready.", samples: 1 },
      { name: "none_total", type: "counter", help: "Nothing yet.", samples: [] },
      {
        name: "lag_seconds",
        type: "gauge",
        help: "Lag.",
        samples: [
          [{ peer: 'a"\\\n', pod: "1" }, 2.5],
          [{}, -1],
        ],
      },
    ]);
    expect(text).to.equal(
      [
        "# HELP p_ready Whether it is \\\\ ready.",
        "# TYPE p_ready gauge",
        "p_ready 1",
        "# HELP p_none_total Nothing yet.",
        "# TYPE p_none_total counter",
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
    expect(renderMetricFamilies("", [{ name: "h", type: "histogram", help: "H.", histogram }])).to.equal(
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
});
