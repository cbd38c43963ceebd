import { expect } from "chai";

import { ReconcilerReports } from "../../../../../src/agents/sidecar/http/reconciler-reports";
import type { HttpAnswer } from "../../../../../src/base/http-server";
import { countKinds, reportToken } from "../../../../../src/contract/reconciler-report";
import type { TsigKey } from "../../../../../src/dns/tsig-key";

const key = (fill: number): TsigKey => ({
  name: "local",
  algorithm: "hmac-sha256",
  secret: Buffer.alloc(32, fill).toString("base64"),
});

describe("reports of the reconciler", () => {
  let now: number;
  let known: TsigKey | undefined;
  let reports: ReconcilerReports;

  beforeEach(() => {
    [now, known] = [1000, key(1)];
    reports = new ReconcilerReports({ key: () => known, now: () => now });
  });

  const post = async (report: unknown, bearer: string | undefined = reportToken(key(1))): Promise<HttpAnswer> =>
    reports.routes["POST /reconciler/report"]!({
      ...(bearer !== "" && { bearer }),
      text: () => Promise.resolve(typeof report === "string" ? report : JSON.stringify(report)),
    });

  it("say when all was in order last, and what was found since", async () => {
    expect((await post({ seconds: 0.5, findings: {} })).status).to.equal(200);
    now = 2000;
    await post({ seconds: 0.7, findings: { lagging: 2, api: 1 } });
    expect(reports.facts).to.deep.equal({
      last: { at: 2000, seconds: 0.7, findings: { lagging: 2, api: 1 } },
      succeededAt: 1000,
    });
  });

  it("are taken from those alone who have the site's own key", async () => {
    for (const bearer of ["", "x", reportToken(key(2)), key(1).secret])
      expect((await post({ seconds: 1, findings: {} }, bearer)).status).to.equal(403);
    known = undefined;
    expect((await post({ seconds: 1, findings: {} })).status).to.equal(403);
    expect(reports.facts).to.deep.equal({});
  });

  it("are refused where they make no sense, and change nothing", async () => {
    for (const report of [
      "{",
      {},
      { seconds: -1, findings: {} },
      { seconds: 1, findings: { api: "x" } },
      { seconds: 1, findings: { api: 0 } },
    ])
      expect((await post(report)).status, JSON.stringify(report)).to.equal(400);
    expect(reports.facts).to.deep.equal({});
  });

  it("are of so many kinds at the most, and small however much was found", async () => {
    const kinds = Array.from({ length: 150 }, (_, i) => `kind-${i}`);
    await post({ seconds: 1, findings: Object.fromEntries(kinds.map((kind) => [kind, 1])) });
    expect(Object.keys(reports.facts.last?.findings ?? {})).to.deep.equal(kinds.slice(0, 100));
    const many = kinds.flatMap((kind) => Array.from({ length: 1000 }, () => ({ kind })));
    const counted = countKinds(many);
    expect(Object.entries(counted)).to.deep.equal(kinds.slice(0, 100).map((kind) => [kind, 1000]));
    expect(JSON.stringify({ seconds: 1, findings: counted }).length).to.be.below(65_536);
  });

  it("of a release that says it otherwise are refused, which that one only warns of", async () => {
    expect((await post({ seconds: 1, kinds: ["api"] })).status).to.equal(400);
    expect(reports.facts).to.deep.equal({});
  });
});
