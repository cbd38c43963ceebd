import { expect } from "chai";

import { Publication } from "../../../../../src/agents/sidecar/notify/publication";
import { renderMetricFamilies } from "../../../../../src/base/prometheus";
import { DnsError } from "../../../../../src/dns/errors";
import type { SoaData } from "../../../../../src/dns/record";

describe("how long a change takes to the sites", () => {
  let now: number;
  /** From when on a server has serial 2 of every zone; it is silent from the start for -1. */
  let hasAt: Record<string, number>;
  let asked: string[];
  let publication: Publication;
  const target = (site: string) => ({ site, servers: [{ address: site, port: 53 }] });

  beforeEach(() => {
    [now, hasAt, asked] = [0, {}, []];
    publication = new Publication({
      now: () => now,
      pause: (ms) => {
        now += ms;
        return Promise.resolve();
      },
      dns: {
        querySoa: ({ address }, zone) => {
          asked.push(`${zone} ${address}`);
          const at = hasAt[address] ?? 0;
          if (at < 0) return Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
          return Promise.resolve({ serial: now >= at ? 2 : 1 } as SoaData);
        },
      },
    });
  });

  const lines = () =>
    renderMetricFamilies({ p: { type: "histogram", help: "" } }, { p: publication.histograms }).split("\n");
  const settled = async () => {
    for (let i = 0; i < 500; i++) await Promise.resolve();
  };

  it("is measured by looks that come ever more rarely, until the serial is there", async () => {
    hasAt = { b: 80 };
    publication.follow("z", 2, [target("b")]);
    await settled();
    expect(lines()).to.include.members(['p_bucket{peer="b",le="0.05"} 0', 'p_bucket{peer="b",le="0.25"} 1']);
    expect(asked.length).to.be.within(4, 6);
  });

  it("counts beyond all bounds at a site that answers and never has it, and not at all at one that is silent", async () => {
    hasAt = { b: Infinity, c: -1 };
    publication.follow("z", 2, [target("b"), target("c")]);
    await settled();
    expect(lines()).to.include.members(['p_bucket{peer="b",le="30"} 0', 'p_bucket{peer="b",le="+Inf"} 1']);
    expect(lines().join()).not.to.contain('"c"');
    expect(asked.filter((each) => each === "z c")).to.have.length(1);
  });

  it("is taken of one change at a time, with a rest after it", async () => {
    publication.follow("one", 2, [target("b")]);
    publication.follow("two", 2, [target("b")]);
    await settled();
    publication.follow("three", 2, [target("b")]);
    await settled();
    now += 5000;
    publication.follow("four", 2, [target("b")]);
    await settled();
    expect(asked).to.deep.equal(["one b", "four b"]);
  });

  it("has a name for 64 sites, and asks no more than that at a time", async () => {
    const all = Array.from({ length: 100 }, (_, i) => target(`s${i}`));
    publication.follow("one", 2, all);
    await settled();
    expect(asked).to.have.length(64);
    now += 5000;
    publication.follow("two", 2, all);
    await settled();
    const counts = lines().filter((line) => line.startsWith("p_count"));
    expect(counts).to.have.length(65);
    expect(counts.find((line) => line.startsWith("p_count "))).to.equal("p_count 36");
  });
});
