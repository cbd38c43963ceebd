import { expect } from "chai";

import { KeptNotices } from "../../../../../src/agents/sidecar/notify/kept-notices";
import { takeNotice } from "../../../../../src/agents/sidecar/notify/notice";
import { decodeMessage, encodeMessage } from "../../../../../src/dns/message";
import { notifyMessage } from "../../../../../src/dns/request";
import { signMessage, verifyMessage } from "../../../../../src/dns/tsig";
import { randomKey } from "../../../../../src/keyring/fresh-key";

describe("NOTIFYs that another server is yet to be told", () => {
  const noticeOf = (zone: string, isCentral = false) => ({
    ...{ zone, isCentral, answer: Buffer.alloc(0) },
    signed: () => Buffer.alloc(0),
  });

  it("are the newest of each zone, of which one at a time is under way", () => {
    const kept = new KeptNotices();
    const [first, second, third] = [noticeOf("a.example"), noticeOf("a.example"), noticeOf("a.example")];
    kept.keep(first);
    kept.keep(second);
    expect(kept.take()).to.equal(second);
    kept.keep(third);
    expect(kept.take()).to.equal(undefined);
    kept.done(second, false);
    expect(kept.take()).to.equal(third);
    kept.done(third, false);
    expect(kept.take(), "again").to.equal(third);
    kept.done(third, true);
    expect(kept.take()).to.equal(undefined);
  });

  it("are no more than so many, of which those of central zones never go", () => {
    const kept = new KeptNotices();
    kept.keep(noticeOf("_catalog.example", true));
    for (let i = 0; i < 300; i++) kept.keep(noticeOf(`z${i}.example`));
    const zones: string[] = [];
    for (let notice = kept.take(); notice !== undefined; notice = kept.take()) zones.push(notice.zone);
    expect(zones).to.have.length(250).and.to.include.members(["_catalog.example", "z51.example", "z299.example"]);
  });

  it("are signed when they are sent, by a key that the ring still has", () => {
    const [old, next] = [randomKey("mesh-1"), randomKey("mesh-2")];
    let ring = { signing: "mesh-1", accepted: [old, next] };
    let now = 1_800_000_000_000;
    const message = encodeMessage(notifyMessage({ id: 7, zone: "a.example", serial: 3 }));
    const sent = signMessage({ message, key: old, now: now / 1000 }).bytes;
    const notice = takeNotice(sent, { ring: () => ring, central: () => ["a.example"], now: () => now });
    expect(notice).to.include({ zone: "a.example", isCentral: true });
    expect(notice?.signed()).to.deep.equal(sent);
    now += 3_600_000;
    ring = { signing: "mesh-2", accepted: [next] };
    const later = notice!.signed();
    expect(verifyMessage({ message: later, keys: [next], now: now / 1000 }).key).to.equal(next);
    expect(decodeMessage(later).answers).to.deep.equal(decodeMessage(sent).answers);
  });
});
