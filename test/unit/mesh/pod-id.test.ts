import { expect } from "chai";

import { formatPodId, parsePodId } from "../../../src/mesh/pod-id";

describe("a pod's identifier", () => {
  it("comes back as it was written", () => {
    for (const pod of [
      { site: "site-b", ordinal: 0, replicas: 2 },
      { site: "0", ordinal: 11, replicas: 12 },
      { site: "x".repeat(63), ordinal: 0, replicas: 1 },
    ])
      expect(parsePodId(Buffer.from(formatPodId(pod)))).to.deep.equal(pod);
  });

  it("is none when anything in it is not ours", () => {
    for (const text of [
      ...["", "site-b", "site-b/0", "site-b/0/2/", "/0/2", "site-b//2", "site-b/0/2\n", " site-b/0/2", "site-b/0/2\0"],
      ...["site-b/2/2", "site-b/0/0", "site-b/00/2", "site-b/0/02", "site-b/-1/2", "site-b/1e0/2", "site-b/0/99999"],
      ...["-site/0/2", "Site-b/0/2", "a.b/0/2", "a_b/0/2", `${"x".repeat(64)}/0/2`, "vm", "ns1.example.net"],
    ])
      expect(parsePodId(Buffer.from(text)), JSON.stringify(text)).to.equal(undefined);
    expect(parsePodId(Uint8Array.of(0xff, 0x2f, 0x30, 0x2f, 0x32))).to.equal(undefined);
  });
});
