import { expect } from "chai";
import { DnsError, type DnsFailure } from "../../../src/dns/errors";

describe("failures of an exchange", () => {
  const unreachable: readonly DnsFailure[] = [
    { kind: "timeout", afterMs: 1 },
    { kind: "unreachable", code: "ECONNREFUSED" },
    { kind: "aborted" },
  ];
  const negative: readonly DnsFailure[] = [
    { kind: "refused" },
    { kind: "rcode", rcode: "NXRRSET" },
    { kind: "notAuthoritative" },
    { kind: "absent" },
  ];
  const other: readonly DnsFailure[] = [
    { kind: "badSignature", by: "us" },
    { kind: "unsigned" },
    { kind: "truncated" },
  ];

  it("say whether there was no answer, one that says no, or one that cannot be used", () => {
    const classOf = (failure: DnsFailure) => {
      const { isUnreachable, isNegative } = new DnsError(failure).in("somewhere");
      return { isUnreachable, isNegative };
    };
    for (const each of unreachable) expect(classOf(each)).to.deep.equal({ isUnreachable: true, isNegative: false });
    for (const each of negative) expect(classOf(each)).to.deep.equal({ isUnreachable: false, isNegative: true });
    for (const each of other) expect(classOf(each)).to.deep.equal({ isUnreachable: false, isNegative: false });
  });
});
