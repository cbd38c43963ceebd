import { expect } from "chai";

import { ReconcilerReports } from "../../../../../src/agents/sidecar/http/reconciler-reports";
import type { HttpAnswer } from "../../../../../src/base/http-server";
import { reportToken } from "../../../../../src/contract/reconciler-report";
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
    expect((await post({ seconds: 0.5, kinds: [] })).status).to.equal(200);
    now = 2000;
    await post({ seconds: 0.7, kinds: ["lagging", "lagging", "api"] });
    expect(reports.facts).to.deep.equal({
      last: { at: 2000, seconds: 0.7, findings: { lagging: 2, api: 1 } },
      succeededAt: 1000,
    });
  });

  it("are taken from those alone who have the site's own key", async () => {
    for (const bearer of ["", "x", reportToken(key(2)), key(1).secret])
      expect((await post({ seconds: 1, kinds: [] }, bearer)).status).to.equal(403);
    known = undefined;
    expect((await post({ seconds: 1, kinds: [] })).status).to.equal(403);
    expect(reports.facts).to.deep.equal({});
  });

  it("are refused where they make no sense, and change nothing", async () => {
    for (const report of ["{", {}, { seconds: -1, kinds: [] }, { seconds: 1, kinds: [5] }])
      expect((await post(report)).status, JSON.stringify(report)).to.equal(400);
    expect(reports.facts).to.deep.equal({});
  });
});
