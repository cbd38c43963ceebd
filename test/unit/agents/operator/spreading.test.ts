import { expect } from "chai";

import type { Entry } from "../../../../src/agents/operator/record-store";
import { Spreading } from "../../../../src/agents/operator/spreading";
import { createLogger } from "../../../../src/base/log";
import { TestClock } from "./test-clock";

describe("many objects on their way", () => {
  it("are not said to wait because their turn to be written comes late, when the sites have them by then", async () => {
    const clock = new TestClock();
    const end = new AbortController();
    const written: string[] = [];
    let answered = 1;
    const spreading = new Spreading({
      zone: "a.example",
      answers: {
        ask: () => Promise.resolve((serial) => ({ waiting: serial > answered ? ["b"] : [], away: [], unseen: [] })),
        forget: () => undefined,
      },
      writer: {
        async report({ uid }, { progress }) {
          await clock.pause(2000, end.signal);
          written.push(`${uid} ${progress.kind}`);
          return true;
        },
      },
      beat: () => undefined,
      log: createLogger({ write: () => undefined, now: clock.now }),
      clock,
    });
    const expectSome = (from: number, to: number, serial: number): void => {
      for (let i = from; i < to; i++) {
        const entry = { uid: `n${i}`, status: {} } as Entry;
        spreading.expect({ entry, generation: 1, serial, since: clock.now() });
      }
    };
    expectSome(0, 32, 1);
    expectSome(32, 40, 2);
    const run = spreading.run(end.signal);
    await clock.advance(1000);
    answered = 2;
    await clock.advance(20_000);
    end.abort();
    await run;
    expect(written).to.have.length(40);
    expect(written.filter((each) => !each.endsWith("programmed"))).to.deep.equal([]);
  });
});
