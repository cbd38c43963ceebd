import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KnotFigures } from "../../../../../src/agents/sidecar/http/knot-figures";
import type { ZoneSeries } from "../../../../../src/knot/config/site-runtime";

describe("Knot's figures", () => {
  let now: number;
  let series: ZoneSeries;
  let asked: (readonly string[] | undefined)[];
  let isAway: boolean;
  let areZonesLate: boolean;
  /** How long each call takes, and may take. */
  let callMs: number;
  let allowed: number[];
  let figures: KnotFigures;
  let folder: string;

  beforeEach(async () => {
    [now, asked, isAway] = [0, [], false];
    [areZonesLate, callMs, allowed] = [false, 0, []];
    const takes = (timeoutMs: number): void => {
      allowed.push(timeoutMs);
      now += callMs;
    };
    series = { zones: "own", most: 2 };
    folder = await mkdtemp(join(tmpdir(), "figures-"));
    figures = new KnotFigures({
      now: () => now,
      series: () => series,
      own: () => ["c", "a", "b"],
      all: () => ["c", "a", "b", "other"],
      pidFile: join(folder, "knot.pid"),
      knot: {
        version: (timeoutMs) => {
          takes(timeoutMs);
          return isAway ? Promise.reject(new Error("away")) : Promise.resolve("3.5.8");
        },
        server: (timeoutMs) => {
          takes(timeoutMs);
          return Promise.resolve([
            { section: "server", item: "zone-count", kind: "", value: 4 },
            { section: "mod-stats", item: "query-type", kind: "A", value: 7 },
            { section: "mod-stats", item: "query-type", kind: "MX", value: 0 },
            { section: "mod-stats", item: "response-code", kind: "SERVFAIL", value: 0 },
            { section: "mod-cookies", item: "dropped", kind: "", value: 1 },
            { section: "mod-rrl", item: "dropped", kind: "", value: 2 },
            { section: "mod-new", item: "not-known-here", kind: "", value: 3 },
          ]);
        },
        zones: (zones, timeoutMs) => {
          takes(timeoutMs);
          asked.push(zones);
          if (areZonesLate) return Promise.reject(new Error("late"));
          return Promise.resolve([
            { zone: "a.", serial: 5, expirationSeconds: 60, refreshSeconds: 0, size: 100, maxTtl: 300 },
            { zone: "b." },
          ]);
        },
      },
    });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("have knot-exporter's names and labels, each counter twice, and zeros but for types that nobody asked for", async () => {
    const lines = (await figures.render()).split("\n");
    for (const line of [
      "# TYPE knot_stats_zone_count untyped",
      'knot_stats_zone_count{module="server",type=""} 4',
      'knot_stats_query_type{module="mod-stats",type="A"} 7',
      "# TYPE knot_stats_query_type_total counter",
      'knot_stats_query_type_total{module="mod-stats",type="A"} 7',
      'knot_stats_response_code_total{module="mod-stats",type="SERVFAIL"} 0',
      'knot_stats_dropped_total{module="mod-cookies",type=""} 1',
      'knot_stats_dropped_total{module="mod-rrl",type=""} 2',
      'knot_stats_not_known_here_total{module="mod-new",type=""} 3',
      'knot_zone_serial{zone="a."} 5',
      'knot_zone_status_expiration_seconds{zone="a."} 60',
      'knot_zone_status_refresh_seconds{zone="a."} 0',
      'knot_zone_stats_size{zone="a.",module="zone",type=""} 100',
      'knot_zone_stats_max_ttl{zone="a.",module="zone",type=""} 300',
    ])
      expect(lines).to.include(line);
    expect(lines.join("\n")).not.to.contain("MX").and.not.to.contain('"b."').and.not.to.contain("knot_memory");
    expect(lines.filter((line) => line === "# TYPE knot_stats_dropped_total counter")).to.have.length(1);
    expect(figures.version).to.equal("3.5.8");
  });

  it("are of the zones that are wanted, so many at the most, and say how many have none", async () => {
    const render = async (next: ZoneSeries) => {
      now += 5000;
      series = next;
      return figures.render();
    };
    expect(await render({ zones: "own", most: 2 })).to.contain("dns_mesh_agent_zones_without_series 1\n");
    expect(await render({ zones: "all", most: 9 })).to.contain("dns_mesh_agent_zones_without_series 0\n");
    expect(await render({ zones: "off", most: 9 })).not.to.contain("without_series");
    expect(asked).to.deep.equal([["a", "b"], ["a", "b", "c", "other"], []]);
  });

  it("are asked for once in five seconds, however many ask", async () => {
    const [one, other] = await Promise.all([figures.render(), figures.render()]);
    expect(one).to.equal(other);
    now = 4999;
    await figures.render();
    expect(asked).to.have.length(1);
    now = 5000;
    await figures.render();
    expect(asked).to.have.length(2);
  });

  it("are nothing while Knot is away", async () => {
    isAway = true;
    expect(await figures.render()).to.equal("");
  });

  it("are those of the server where Knot has no time for the zones'", async () => {
    areZonesLate = true;
    const text = await figures.render();
    expect(text)
      .to.contain('knot_stats_zone_count{module="server",type=""} 4\n')
      .and.not.to.contain("knot_zone_serial{");
  });

  it("take four seconds at the most, all in all", async () => {
    callMs = 1500;
    await figures.render();
    callMs = 5000;
    now += 5000;
    await figures.render();
    expect(allowed).to.deep.equal([4000, 2500, 1000, 4000, 1, 1]);
  });

  it("take no other process for Knot's", async () => {
    await writeFile(join(folder, "knot.pid"), `${process.pid}\n`);
    expect(await figures.render()).not.to.contain("knot_memory");
  });
});
