import { expect } from "chai";

import { CentralWatch } from "../../../../src/agents/sidecar/central-watch";
import { DnsError } from "../../../../src/dns/errors";
import type { SoaData } from "../../../../src/dns/record";

describe("the watch on central zones", () => {
  let serials: Map<string, number>;
  let questions: number;
  let changes: number;
  let pauses: number[];
  let sites: number;
  /** Done in a pause. */
  let meanwhile: () => void;
  const { signal } = new AbortController();

  const watch = () =>
    new CentralWatch({
      dns: {
        querySoa: (_, zone) => {
          questions += 1;
          const serial = serials.get(zone);
          if (serial === undefined) return Promise.reject(new DnsError({ kind: "rcode", rcode: "SERVFAIL" }));
          return Promise.resolve({ serial } as SoaData);
        },
      },
      knot: { address: "127.0.0.1", port: 53 },
      journal: "/nowhere",
      zones: () => ["dns.internal", "catalog.internal.dns"],
      sites: () => sites,
      changed: () => (changes += 1),
      now: () => 0,
      pause: (ms) => {
        pauses.push(ms);
        meanwhile();
        return Promise.resolve();
      },
    });

  beforeEach(() => {
    serials = new Map([
      ["dns.internal", 7],
      ["catalog.internal.dns", 9],
    ]);
    [questions, changes, pauses, sites] = [0, 0, [], 3];
    meanwhile = () => undefined;
  });

  it("calls once for versions that have arrived, with the first look after the write", async () => {
    const central = watch();
    await central.look(signal);
    [questions, pauses, changes] = [0, [], 0];
    serials = new Map([...serials].map(([zone, serial]) => [zone, serial + 1]));
    await central.look(signal);
    expect({ questions, changes, pauses }).to.deep.equal({ questions: 2, changes: 1, pauses: [5] });
  });

  it("gives the other zone a moment where one has come, and calls for both, or for the one", async () => {
    const central = watch();
    await central.look(signal);
    for (const other of [10, 10]) {
      [questions, pauses, changes] = [0, [], 0];
      serials.set("dns.internal", (serials.get("dns.internal") ?? 0) + 1);
      meanwhile = () => {
        if (pauses.length === 2) serials.set("catalog.internal.dns", other);
      };
      await central.look(signal);
      expect({ questions, changes, pauses }).to.deep.equal({ questions: 4, changes: 1, pauses: [5, 15] });
    }
    [questions, changes] = [0, 0];
    await central.look(signal);
    expect(changes).to.equal(0);
  });

  it("looks twice after a write of another zone, and calls nobody", async () => {
    const central = watch();
    await central.look(signal);
    [questions, pauses, changes] = [0, [], 0];
    await central.look(signal);
    expect({ questions, changes, pauses }).to.deep.equal({ questions: 4, changes: 0, pauses: [5, 15] });
  });

  it("finds a version that Knot answers only a moment after it was written", async () => {
    const central = watch();
    await central.look(signal);
    [pauses, changes] = [[], 0];
    meanwhile = () => {
      if (pauses.length === 2) serials.set("dns.internal", 8);
    };
    await central.look(signal);
    expect(changes).to.equal(1);
  });

  it("calls for a zone that is answered for the first time", async () => {
    serials.delete("catalog.internal.dns");
    const central = watch();
    await central.look(signal);
    changes = 0;
    serials.set("catalog.internal.dns", 1);
    await central.look(signal);
    expect(changes).to.equal(1);
  });

  it("waits for longer the more sites there are, up to a tenth of a second", async () => {
    const central = watch();
    for (const count of [20, 1000]) {
      sites = count;
      serials = new Map([...serials.keys()].map((zone) => [zone, count]));
      await central.look(signal);
    }
    expect(pauses).to.deep.equal([20, 100]);
  });
});
