import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missing } from "../../../../src/agents/resolver/readiness";
import type { WorkerState } from "../../../../src/agents/resolver/worker-control";
import { resolverFiles } from "../../../../src/contract/resolver";
import { DnsError } from "../../../../src/dns/errors";
import { queryMessage } from "../../../../src/dns/request";
import { rcodes } from "../../../../src/dns/types";

describe("whether clients are sent to a resolver's pod", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-mesh-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const up: WorkerState = { kind: "answers", version: "1" };
  const message = { ...queryMessage({ id: 1, name: "localhost", type: "A" }), rcode: rcodes.NOERROR };

  function missingWith(states: readonly WorkerState[], more: { rcode?: number; waitsFor?: string } = {}) {
    const { rcode = rcodes.NOERROR, waitsFor } = more;
    return missing({
      ...{ folder, listen: ["0.0.0.0@5353"], waitsFor },
      control: { state: (worker) => Promise.resolve(states[worker] ?? { kind: "away" }) },
      recursive: {
        query: ({ address }) =>
          address === "127.0.0.1" && rcode >= 0
            ? Promise.resolve({ ...message, rcode })
            : Promise.reject(new DnsError({ kind: "timeout", afterMs: 1000 })),
      },
    });
  }
  const configured = () => writeFile(resolverFiles(folder).configuration, "");

  it("waits for the first configuration, and says why there is none", async () => {
    expect(await missingWith([])).to.deep.equal(["directory and catalog"]);
    expect(await missingWith([], { waitsFor: "site b is gone" })).to.deep.equal([
      "directory and catalog (site b is gone)",
    ]);
  });

  it("is a matter of those processes that are there: one that is away leaves all questions to the other", async () => {
    await configured();
    expect(await missingWith([up, up])).to.deep.equal([]);
    expect(await missingWith([{ kind: "away" }, up], { waitsFor: "the site's Knot" })).to.deep.equal([]);
    expect(await missingWith([{ kind: "away" }, { kind: "away" }])).to.deep.equal(["Knot Resolver"]);
  });

  it("names a process that hangs, which has its share of the questions", async () => {
    await configured();
    expect(await missingWith([up, { kind: "silent" }])).to.deep.equal(["process 1 of Knot Resolver, which hangs"]);
  });

  it("wants an answer beside what the processes say of themselves", async () => {
    await configured();
    expect(await missingWith([up, up], { rcode: rcodes.SERVFAIL })).to.deep.equal(["Knot Resolver"]);
    expect(await missingWith([up, up], { rcode: -1 })).to.deep.equal(["Knot Resolver"]);
  });
});
