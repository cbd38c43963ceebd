import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { UserError } from "../../../../src/base/errors";
import { aims } from "../../../figures/aims";
import { figureTexts, readFigures } from "../../../figures/documents";
import { type Figures, measurementOf, type Run, tidied } from "../../../figures/file";
import { commandOf, jobs } from "../../../figures/jobs";
import { jobsNamed, missingRuns, smallRuns } from "../../../figures/plan";
import { plotTexts } from "../../../figures/plots";
import { aimsText, namedIn, numberText, tableText } from "../../../figures/render";
import { shownFigures } from "../../../figures/shown";
import { RunStore } from "../../../figures/store";
import { tables } from "../../../figures/tables";
import { missingFigures, valuesOf } from "../../../figures/values";
import type { NamedBench } from "../../../support/bench";
import { flag, readOptions, wholeNumber, wordsTogether } from "../../../support/options";

const root = join(__dirname, "../../../..");

function runOf(name: string, result: unknown, changes: Partial<Run> = {}): Run {
  const machine = { cpu: "a CPU", cores: 2, memoryGiB: 24, kernel: "6.1", load: 0.1 };
  const job = jobs[name];
  if (job === undefined) throw new Error(`there is no ${name}`);
  const at = "2026-11-30T18:00:00.000Z";
  return { command: commandOf(job), at, seconds: 60, machine, versions: { knot: "3.5.8" }, result, ...changes };
}

const changes = [
  { record: { p50Ms: 10, p99Ms: 20 }, bind: { p50Ms: 30, p99Ms: 50 }, recordOnDisk: { p50Ms: 10, p99Ms: 25 } },
  { record: { p50Ms: 14, p99Ms: 60 }, bind: { p50Ms: 28, p99Ms: 60 }, recordOnDisk: { p50Ms: 10, p99Ms: 35 } },
  { record: { p50Ms: 11, p99Ms: 30 }, bind: { p50Ms: 44, p99Ms: 45 }, recordOnDisk: { p50Ms: 10, p99Ms: 20 } },
];
const three = measurementOf(
  "converge-3",
  changes.map((result) => runOf("converge-3", result)),
  "0123abc",
);

describe("the file of figures", () => {
  it("and all that is written from it are as npm run figures writes them", () => {
    for (const [name, text] of figureTexts(readFigures()))
      expect(existsSync(join(root, name)) && readFileSync(join(root, name), "utf8"), name).to.equal(text);
  });

  it("says of every measurement by which command, on which commit and day, and in how many runs it was made", () => {
    for (const [name, { command, commit, date, runs, figures }] of Object.entries(readFigures())) {
      expect(jobs, name).to.have.property(name);
      expect(command, name).to.match(/^npm run bench:/);
      expect(commit, name).to.match(/^(?:unknown|[0-9a-f]{7,40})$/);
      expect(date, name).to.match(/^(?:unknown|\d{4}-\d\d-\d\d)$/);
      expect(runs, name).to.be.at.least(1);
      for (const [figure, { median, min, max }] of Object.entries(figures))
        expect(min <= median && median <= max, `${name}: ${figure}`).to.equal(true);
    }
  });

  it("has the median of all runs with the least and the greatest, and the rival's of the same runs", () => {
    expect(three).to.deep.include({ commit: "0123abc", date: "2026-11-30", runs: 3 });
    expect(three.command).to.equal("npm run bench:converge -- --sites 3 --zones 3 --changes 40 --joins 3");
    expect(three.figures["record.p50Ms"]).to.deep.equal({
      ...{ median: 11, min: 10, max: 14 },
      rival: {
        ...{ name: "BIND with 2 secondaries over TLS", figure: "bind.p50Ms", median: 30, min: 28, max: 44 },
        // Of each run by itself: 3, 2 and 4 times.
        times: { median: 3, min: 2, max: 4 },
      },
      aim: [{ atMost: 12 }],
    });
    expect(three.figures["recordOnDisk.p99ToP50"]).to.deep.equal({ median: 2.5, min: 2, max: 3.5 });
  });

  it("leaves out what one of the runs did not measure", () => {
    const some = [changes[0], { record: { p50Ms: 1 } }].map((result) => runOf("converge-3", result));
    expect(Object.keys(measurementOf("converge-3", some, "0123abc").figures)).to.deep.equal(["record.p50Ms"]);
  });

  it("counts how many times better a rate is the other way round, and no rival that was left out", () => {
    const rates = { perSecond: 200, externalDns: { perSecond: 5 }, perSecondWithoutStatuses: 1000 };
    const { figures } = measurementOf("records", [runOf("records", rates)], "0123abc");
    expect(figures["perSecond"]?.rival?.times.median).to.equal(40);
    expect(figures["perSecondWithoutStatuses"]).to.not.have.property("rival");
  });

  it("keeps what was measured before, with today's aims, and drops what nobody measures any more", () => {
    const former = { ...three, figures: { "record.p50Ms": { median: 1, min: 1, max: 1, aim: [{ atMost: 99 }] } } };
    const kept = tidied({ "long-gone": three, "converge-3": former });
    expect(Object.keys(kept)).to.deep.equal(["converge-3"]);
    expect(kept["converge-3"]?.figures["record.p50Ms"]?.aim).to.deep.equal([{ atMost: 12 }]);
  });
});

describe("what a bench printed", () => {
  it("is a figure for each number, entries of lists by what tells them apart", () => {
    const printed = {
      sites: 3,
      transport: "tls",
      links: [{ tripMs: 20, lossPercent: 1, p50Ms: 70 }],
      traffic: [{ sites: 10, topology: "hub", messagesPerChange: 128, packetsPerSecondAtRest: undefined }],
      unnamed: [{ value: 1 }],
      none: null,
    };
    expect(Object.fromEntries(valuesOf(printed))).to.deep.equal({
      sites: 3,
      "links[20 1].p50Ms": 70,
      "traffic[10 hub].messagesPerChange": 128,
    });
  });

  it("has a place in tables for what a smallest form prints, whatever its size", () => {
    const named = namedIn({ rows: [["{links-tls:links[20 1].p50Ms} ms"], ["{links-tls:links[80 0].p99Ms}"]] });
    expect(named.map(({ figure }) => figure)).to.deep.equal(["links[20 1].p50Ms", "links[80 0].p99Ms"]);
    const small = { links: [{ tripMs: 20, lossPercent: 1, p50Ms: 70 }] };
    expect(missingFigures(named, [{ name: "links-tls" }], small)).to.equal("it does not print links[].p99Ms");
    expect(missingFigures(named, [{ name: "links-tcp" }], small)).to.equal(undefined);
  });
});

describe("tables of figures", () => {
  const table = {
    document: "README.md",
    rows: [
      ["what", "measured"],
      ["ours", "p50 {converge-3:record.p50Ms} ms"],
      [
        "BIND",
        "{converge-3:record.p50Ms|rival} ms, {converge-3:record.p50Ms|times} times, {converge-3:bind.p50Ms|s} s",
      ],
      ["other", "{converge-3:record.p50Ms} and {converge-3:nothing} ms"],
      ["pods", "{pods-1-tls:record.p50Ms}"],
    ],
  };

  it("have medians with their spread, what they are compared with, and say what was not measured and of which commit they are", () => {
    expect(tableText(table, { "converge-3": three }).split("\n")).to.deep.equal([
      "| what | measured |",
      "|---|---|",
      "| ours | p50 11 (10 to 14) ms |",
      "| BIND | 30 (28 to 44) ms, 3 (2 to 4) times, 0.03 (0.03 to 0.04) s |",
      "| other | not measured |",
      "| pods | not measured |",
      "",
      "*`converge-3`: 3 runs, commit `0123abc`, 2026-11-30; `pods-1-tls`: not measured. Of several runs the median, and in brackets the least and the greatest.*",
    ]);
  });

  it("say that a single run is one, and that something else had the machine", () => {
    const busy = { ...runOf("converge-3", changes[0]).machine, load: 3.21 };
    const one = measurementOf("converge-3", [runOf("converge-3", changes[0], { machine: busy })], "0123abc");
    const text = tableText({ ...table, rows: table.rows.slice(0, 2) }, { "converge-3": one });
    expect(text)
      .to.contain("p50 10 ms")
      .and.to.contain("one run, commit `0123abc`, 2026-11-30, 3.21 cores busy before it began.*");
  });

  it("of aims say what is met, what is missed and what nobody measured", () => {
    const text = aimsText({ "converge-3": three });
    expect(text).to.contain(
      "| a record, 3 sites, over the encrypted default, p50 | at most 12 ms | 11 (10 to 14) ms | met |",
    );
    const late = { ...three, figures: { "record.p50Ms": { median: 12.1, min: 10, max: 14 } } };
    expect(aimsText({ "converge-3": late })).to.contain("| 12.1 (10 to 14) ms | **missed** |");
    expect(text.match(/not measured/g)?.length).to.be.at.least(aims.length - 3);
    expect(text.split("\n").filter((line) => line.startsWith("| "))).to.have.length(aims.length + 1);
  });

  it("have as many digits as say something", () => {
    expect([0.123, 4.836, 53.12, 143_489.4].map(numberText)).to.deep.equal(["0.12", "4.84", "53.1", "143,489"]);
  });

  it("and plots and aims name measurements that there are", () => {
    for (const { job, figure } of shownFigures()) expect(jobs, figure).to.have.property(job);
    expect(Object.keys(tables)).to.have.length.above(15);
  });

  it("are drawn where they have a shape, with what was measured alone", () => {
    const figures: Figures = { "converge-3": three };
    const drawn = plotTexts(figures);
    expect([...drawn.keys()]).to.deep.equal(["change.svg"]);
    expect(drawn.get("change.svg")?.match(/<polyline/g)).to.have.length(3);
    expect(plotTexts(figures).get("change.svg")).to.equal(drawn.get("change.svg"));
  });
});

describe("npm run bench", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "figures-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("measures jobs that their benches take", async function () {
    this.timeout(60_000);
    for (const [name, { bench, args, smallest = [] }] of Object.entries(jobs)) {
      const { bench: found } = (await import(join(root, "bench", `${bench}.ts`))) as { readonly bench: NamedBench };
      expect(found.secondsOf(args), name).to.be.above(0);
      expect(found.secondsOf(smallest), name).to.be.above(0);
    }
  });

  it("goes on where it was stopped, on the same commit and with the same command alone", async () => {
    const job = jobs["converge-3"]!;
    const store = new RunStore(folder, "0123abc");
    const kept = (name: string): number => store.runs(name, job).length;
    expect(missingRuns({ "converge-3": job }, 3, kept)).to.deep.equal([{ name: "converge-3", job, runs: 3 }]);
    store.add("converge-3", runOf("converge-3", changes[0]));
    // The machine went off in the middle of a line.
    await writeFile(join(folder, "0123abc", "converge-3.jsonl"), `{"command":"npm run`, { flag: "a" });
    store.add("converge-3", runOf("converge-3", changes[1]));
    store.add("converge-3", runOf("converge-3", changes[2], { command: "npm run bench:converge" }));
    expect(store.runs("converge-3", job).map(({ result }) => result)).to.deep.equal(changes.slice(0, 2));
    expect(missingRuns({ "converge-3": job }, 3, kept).map(({ runs }) => runs)).to.deep.equal([1]);
    expect(missingRuns({ "converge-3": job }, 2, kept)).to.deep.equal([]);
    expect(new RunStore(folder, "4567def").runs("converge-3", job)).to.deep.equal([]);
  });

  it("takes names of measurements and of benches, and says which there are", () => {
    expect(Object.keys(jobsNamed(["scale", "records-100"]))).to.deep.equal(["records-100", "pass", "traffic"]);
    expect(jobsNamed([])).to.equal(jobs);
    expect(() => jobsNamed(["nothing"])).to.throw(UserError, 'no "nothing" to measure; there are converge-3, ');
  });

  it("calls each smallest form once, also of benches without figures", () => {
    const small = smallRuns([], (bench) => ["--of", bench]);
    const calls = small.map(({ bench, args }) => [bench, ...args].join(" "));
    expect(new Set(calls).size).to.equal(calls.length);
    expect(calls).to.include("alerts --of alerts").and.to.include("scale --of scale");
    expect(small.find(({ bench }) => bench === "scale")?.of).to.deep.equal(["pass", "traffic"]);
    expect(smallRuns(["alerts"], () => []).map(({ bench }) => bench)).to.deep.equal(["alerts"]);
    expect(smallRuns(["rotate"], () => []).map(({ bench }) => bench)).to.deep.equal(["rotate"]);
  });

  it("measures every bench, or says why there is no figure of it", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const benches = Object.keys(scripts).flatMap((script) => /^bench:(.+)$/.exec(script)?.slice(1) ?? []);
    const measured = smallRuns([], () => []).map(({ bench }) => bench);
    expect([...new Set(measured)].sort()).to.deep.equal(benches.sort());
  });

  it("reads names after --only as they are typed", () => {
    const options = {
      only: { byDefault: "", read: (text: string) => text, wanted: "" },
      runs: wholeNumber(3),
      quick: flag(),
    };
    const read = (...args: readonly string[]): object => readOptions(options, wordsTogether(args, "only"));
    expect(read("--only", "a", "b", "--runs", "2")).to.deep.equal({ only: "a,b", runs: 2, quick: false, json: false });
    expect(read("--quick", "--only", "a,b")).to.deep.include({ only: "a,b", quick: true });
    expect(read("--runs", "1")).to.deep.include({ only: "", runs: 1 });
  });
});
