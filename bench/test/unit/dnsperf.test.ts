import { expect } from "chai";

import { readReport } from "../../../harness/load/dnsperf";

const printed = `[Status] Testing complete (time limit)

Statistics:

  Queries sent:         16000
  Queries completed:    15990 (99.94%)
  Queries lost:         10 (0.06%)

  Response codes:       NOERROR 15905 (99.47%), SERVFAIL 5 (0.03%), NXDOMAIN 80 (0.50%)
  Average packet size:  request 37, response 53
  Run time (s):         8.000114
  Queries per second:   1998.721534
`;

describe("dnsperf's report", () => {
  it("is read", () => {
    expect(readReport(printed)).to.deep.equal({
      sent: 16_000,
      completed: 15_990,
      interrupted: 0,
      codes: new Map([
        ["NOERROR", 15_905],
        ["SERVFAIL", 5],
        ["NXDOMAIN", 80],
      ]),
      perSecond: 1998.721534,
    });
  });

  it("says how many questions were open when it was interrupted", () => {
    const stopped = printed.replace("Queries lost:         10 (0.06%)", "Queries interrupted:  7 (0.04%)");
    expect(readReport(stopped).interrupted).to.equal(7);
  });

  it("has no codes when nothing was answered", () => {
    expect(readReport(printed.replace(/NOERROR.*/, "")).codes.size).to.equal(0);
  });

  it("that lacks a figure is no report", () => {
    expect(() => readReport("Error: unable to open")).to.throw('dnsperf printed no "Queries sent":\nError: unable');
  });
});
