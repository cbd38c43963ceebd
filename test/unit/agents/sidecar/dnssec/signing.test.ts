import { expect } from "chai";

import { SigningWatch } from "../../../../../src/agents/sidecar/dnssec/signing";
import type { DnsClient } from "../../../../../src/dns/client/dns-client";

describe("the watch on signatures", () => {
  const names = ["one.example", "two.example"];

  /** Of a server that is to sign both zones, has these, and answers with keys for those. */
  const watch = (has: readonly string[], signed: readonly string[]) => {
    const query = (_server: unknown, name: string, typeName: string) =>
      Promise.resolve({
        answers:
          typeName === "DNSKEY" && signed.includes(name)
            ? [{ name, class: "IN", ttl: 1, type: "OTHER", typeName, rdata: new Uint8Array([1, 1, 3, 13, 1]) }]
            : [],
      });
    return new SigningWatch({
      dns: { query } as unknown as DnsClient,
      knot: { address: "127.0.0.1", port: 53 },
      now: () => 0,
      zones: () => new Map(has.map((name) => [name, true])),
      toSign: () => names,
    });
  };
  const areSigned = async (...[has, signed]: Parameters<typeof watch>): Promise<boolean> => {
    const looking = watch(has, signed);
    await looking.round();
    return looking.areSigned;
  };

  it("takes keys for usable once every zone that is to be signed shows its own", async () => {
    expect(watch(names, names).areSigned).to.equal(false);
    expect(await areSigned(names, names)).to.equal(true);
    expect(await areSigned(names, ["one.example"])).to.equal(false);
  });

  it("does not take them for usable while a zone has no content: they may be why it cannot be loaded", async () => {
    expect(await areSigned(["one.example"], ["one.example"])).to.equal(false);
    expect(await areSigned([], [])).to.equal(false);
  });
});
