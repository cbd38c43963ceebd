import { expect } from "chai";

import type { Inputs } from "../../../../../src/agents/sidecar/inputs/inputs";
import { SiteZones } from "../../../../../src/agents/sidecar/own-zones/site-zones";
import type { AgentState } from "../../../../../src/agents/sidecar/state-store";
import type { FixedRuntime } from "../../../../../src/knot/config/site-runtime";
import type { Zone } from "../../../../../src/mesh/model";

describe("what is known of own zones", () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `zone-${i}.example`);
  const runtime = {} as FixedRuntime;

  /** A site of 10,000 zones, every second one signed, that counts how often the packet's list is read. */
  const site = () => {
    const reads = { count: 0 };
    const list = names.map((name, i): Zone => ({ name, dnssec: i % 2 === 0 }));
    const packet = () => ({
      site: {
        get zones() {
          reads.count += 1;
          return list;
        },
      },
    });
    const mounts = { inputs: { packet: packet() } as unknown as Inputs };
    const store: { state: AgentState } = { state: { wasReady: false, seeded: names.slice(0, 9000) } };
    return { zones: new SiteZones({ runtime, mounts, store }), mounts, store, reads, packet };
  };

  it("is what has a content, and what of that is signed", () => {
    const { zones } = site();
    expect(zones.withContent).to.deep.equal(names.slice(0, 9000));
    expect([...zones.signed.keys()]).to.have.length(4500);
    expect(zones.toSign).to.have.length(4500);
  });

  it("has what is to be signed again once its content is found, and nothing that was never here", () => {
    const { zones, store } = site();
    store.state = { ...store.state, seeded: names.slice(0, 8000), sought: names.slice(8000, 9000) };
    expect(zones.signed.size).to.equal(4000);
    expect(zones.toSign).to.have.length(4500);
  });

  it("is worked out once for a packet and a state, however often it is asked for", () => {
    const { zones, store, reads } = site();
    const look = () => [zones.withContent, zones.signed, zones.toSign, zones.keptSigned];
    const first = look();
    const once = reads.count;
    for (let i = 0; i < 1000; i++) look().forEach((answer, j) => expect(answer).to.equal(first[j]));
    store.state = { ...store.state, wasReady: true };
    look();
    expect(reads.count).to.equal(once);
  });

  it("follows the packet and the state", () => {
    const { zones, store, mounts, packet } = site();
    expect(zones.withContent).to.have.length(9000);
    store.state = { ...store.state, seeded: names };
    expect(zones.withContent).to.have.length(10_000);
    expect(zones.signed.size).to.equal(5000);
    mounts.inputs = { packet: { site: { zones: packet().site.zones.slice(0, 3) } } } as unknown as Inputs;
    expect(zones.withContent).to.have.length(3);
  });
});
