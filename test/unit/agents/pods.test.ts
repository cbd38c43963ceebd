import { expect } from "chai";

import { askEveryPod, type PodAnswer } from "../../../src/agents/pods";

const answer = (ordinal: number, replicas: number, serial = 1): PodAnswer => ({
  serial,
  pod: { site: "site-b", ordinal, replicas },
});

/** Gives the questions that come these answers, in turns. */
function inTurns(answers: readonly (PodAnswer | Error)[]) {
  let asked = 0;
  const ask = (): Promise<PodAnswer> => {
    const next = answers[asked++ % answers.length]!;
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  return { ask, asked: () => asked };
}

describe("asking every pod behind an address", () => {
  it("takes one question where there is one pod, or a server that does not name itself", async () => {
    for (const only of [answer(0, 1), { serial: 1 }]) {
      const one = inTurns([only]);
      const { answers, missing } = await askEveryPod(one.ask);
      expect([...answers.keys()]).to.deep.equal([0]);
      expect(missing).to.deep.equal([]);
      expect(one.asked()).to.equal(1);
    }
  });

  it("goes on until each has answered, and keeps what each said", async () => {
    const { ask, asked } = inTurns([answer(1, 3, 7), answer(1, 3, 7), answer(0, 3, 8), answer(2, 3, 8)]);
    const { answers, missing } = await askEveryPod(ask);
    expect([...answers].map(([ordinal, { serial }]) => [ordinal, serial])).to.have.deep.members([
      [0, 8],
      [1, 7],
      [2, 8],
    ]);
    expect(missing).to.deep.equal([]);
    expect(asked()).to.be.at.most(1 + 2 * 2);
  });

  it("says which pods never answered, after a number of questions that is bounded", async () => {
    const { ask, asked } = inTurns([answer(0, 2)]);
    const { answers, missing } = await askEveryPod(ask);
    expect([...answers.keys()]).to.deep.equal([0]);
    expect(missing).to.deep.equal([1]);
    expect(asked()).to.be.at.most(12);
  });

  it("asks a silent address twice only, and gives what that failed with", async () => {
    const away = new Error("timeout");
    const { ask, asked } = inTurns([away]);
    const { answers, failures } = await askEveryPod(ask);
    expect(answers.size).to.equal(0);
    expect(failures).to.include(away);
    expect(asked()).to.be.at.most(3);
  });
});
