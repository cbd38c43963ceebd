import { expect } from "chai";
import { setImmediate as turn } from "node:timers/promises";

import { runApart } from "../../../../../src/agents/sidecar/http/figures";

describe("watches that ask others", () => {
  it("do not wait for each other, and end with the signal", async () => {
    const stop = new AbortController();
    let release = (): void => undefined;
    let rounds = 0;
    const slow = { round: () => new Promise<void>((resolve) => (release = resolve)) };
    const quick = {
      round: () => {
        rounds++;
        if (rounds === 5) {
          stop.abort();
          release();
        }
        return Promise.resolve();
      },
    };
    await runApart([slow, quick], () => turn(), stop.signal);
    expect(rounds).to.equal(5);
  });
});
