import { expect } from "chai";
import fc from "fast-check";

import { FrameReader, frameMessage } from "../../../src/dns/framing";

describe("TCP framing", () => {
  it("gives the messages back however the stream is cut", () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });
    const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(bodies, cuts, (sent, sizes) => {
        const stream = Buffer.concat(sent.map(frameMessage));
        const reader = new FrameReader();
        const got: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          got.push(...reader.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(got.map((each) => Buffer.from(each).toString("hex"))).to.deep.equal(
          sent.map((each) => Buffer.from(each).toString("hex")),
        );
        expect(reader.pending).to.equal(0);
      }),
    );
  });

  it("keeps nothing of what arrived, which may be written over by what comes next", () => {
    const [reader, arrival] = [new FrameReader(), Buffer.alloc(4)];
    const arrive = (...octets: number[]): string[] => {
      arrival.set(octets);
      return reader.push(arrival.subarray(0, octets.length)).map((each) => each.toString("hex"));
    };
    expect(arrive(0, 1, 7)).to.deep.equal(["07"]);
    expect(arrive(0, 3, 1)).to.deep.equal([]);
    expect(arrive(2, 3, 0, 1)).to.deep.equal(["010203"]);
    expect(arrive(9)).to.deep.equal(["09"]);
  });

  it("reports that a message is unfinished", () => {
    const reader = new FrameReader();
    expect(reader.push(Buffer.from([0, 3, 1]))).to.deep.equal([]);
    expect(reader.pending).to.equal(3);
  });
});
