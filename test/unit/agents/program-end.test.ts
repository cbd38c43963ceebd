import { expect } from "chai";

import { programEnd } from "../../../src/agents/program-end";
import { createLogger } from "../../../src/base/log";

describe("the end of a program that runs until it is ended", () => {
  const ending = new AbortController();
  /** A clock whose seconds pass at once; it is set back in the third. */
  function programOf(step: number, signal = ending.signal) {
    let [wall, seconds] = [Date.now(), 0];
    const log: string[] = [];
    const pause = async (ms: number, given: AbortSignal): Promise<void> => {
      await new Promise(setImmediate);
      if (given.aborted) return;
      seconds += ms / 1000;
      wall = Date.now() + (seconds >= 3 ? step : 0);
    };
    const exited = new Promise<number>((resolve) => {
      const exit = (): void => {
        resolve(seconds);
      };
      const write = (line: string): void => {
        log.push(line);
      };
      const logger = createLogger({ write, now: Date.now });
      const end = programEnd({ signal, clock: { now: () => wall, pause }, log: logger, exit });
      end.addEventListener("abort", () => log.push("aborted"));
    });
    return { exited, log };
  }

  it("comes within seconds after the clock was set, whatever is waited for, and is said", async () => {
    for (const step of [-600_000, 600_000]) {
      const { exited, log } = programOf(step);
      expect(await exited).to.be.within(6, 7);
      expect(log[0]).to.contain("the clock was set: the program starts anew");
      expect(log[1]).to.equal("aborted");
    }
  });

  it("comes as soon after its signal", async () => {
    const { exited, log } = programOf(0, AbortSignal.abort());
    expect(await exited).to.be.within(3, 4);
    expect(log).to.deep.equal([]);
  });
});
