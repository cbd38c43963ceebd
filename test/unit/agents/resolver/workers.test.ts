import { expect } from "chai";
import type { WorkerState } from "../../../../src/agents/resolver/worker-control";
import { Workers } from "../../../../src/agents/resolver/workers";
import { TestClock } from "../operator/test-clock";

/** A stand-in for one process: what it runs, and what becomes of it. */
interface FakeWorker {
  state: WorkerState;
  /** What comes of a restart. @default the version that is written */
  after: () => WorkerState;
  restarts: number;
}

const running = (version: string | undefined): WorkerState => ({ kind: "answers", version });

describe("the processes of Knot Resolver", () => {
  let clock: TestClock;
  let written: string;
  let fakes: [FakeWorker, FakeWorker];
  let lines: string[];
  let workers: Workers;
  /** How many answered at the least, whenever one was restarted. */
  let leastAnswering: number;

  beforeEach(() => {
    clock = new TestClock();
    written = "old";
    lines = [];
    leastAnswering = 2;
    const fake = (): FakeWorker => ({ state: running("old"), after: () => running(written), restarts: 0 });
    fakes = [fake(), fake()];
    workers = new Workers({ control, clock, log });
  });

  const control = {
    state: (worker: number) => Promise.resolve(fakes[worker]!.state),
    restart: (worker: number) => {
      const fake = fakes[worker]!;
      fake.restarts++;
      fake.state = { kind: "away" };
      leastAnswering = Math.min(leastAnswering, fakes.filter(({ state }) => state.kind === "answers").length);
      fake.state = fake.after();
      return Promise.resolve();
    },
  };
  const say =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  const log = { info: say("info"), warn: say("warn"), error: say("error") };

  async function bring(version: string): Promise<boolean> {
    written = version;
    const brought = workers.bring(version, new AbortController().signal);
    await clock.advance(15_000);
    return brought;
  }
  const restarts = () => fakes.map((fake) => fake.restarts);

  it("are restarted one after the other for another configuration, and not for the one that they run", async () => {
    expect(await bring("old")).to.equal(true);
    expect(restarts()).to.deep.equal([0, 0]);
    expect(await bring("new")).to.equal(true);
    expect(restarts()).to.deep.equal([1, 1]);
    expect(leastAnswering).to.equal(1);
  });

  it("are asked what they run: a new agent finishes what the one before had only written, for the one that lacks it", async () => {
    fakes[0].state = running("new");
    expect(await bring("new")).to.equal(true);
    expect(restarts()).to.deep.equal([0, 1]);
  });

  it("leave the one alone that answers when the other does not come up, however often that is tried", async () => {
    fakes[0].after = () => ({ kind: "away" });
    for (let look = 0; look < 3; look++) expect(await bring("bad")).to.equal(false);
    expect(restarts()).to.deep.equal([1, 0]);
    expect(lines.filter((line) => line.startsWith("error"))).to.deep.equal([
      'error a process of Knot Resolver does not come up; its log says why {"worker":0}',
    ]);
    // The shell starts it with what is written then.
    fakes[0].state = running("good");
    expect(await bring("good")).to.equal(true);
    expect(restarts()).to.deep.equal([1, 1]);
  });

  it("leave the first one alone while the second one is away", async () => {
    fakes[1].state = { kind: "away" };
    await bring("new");
    await bring("new");
    expect(restarts()).to.deep.equal([0, 0]);
  });

  it("are both waited for as they start, and it is logged once when they do not", async () => {
    for (const fake of fakes) fake.state = { kind: "away" };
    expect(await bring("new")).to.equal(false);
    expect(await bring("new")).to.equal(false);
    expect(lines).to.have.length(1);
    for (const fake of fakes) fake.state = running("new");
    expect(await bring("new")).to.equal(true);
    expect(lines[1]).to.equal('info a process of Knot Resolver answers again {"worker":0}');
  });

  it("get another configuration though one hangs, which is ended, and not before it was given time", async () => {
    fakes[0].state = { kind: "silent" };
    expect(await bring("new")).to.equal(false);
    expect(restarts()).to.deep.equal([0, 0]);
    expect(lines).to.deep.equal(['warn a process of Knot Resolver does not answer {"worker":0}']);
    await clock.advance(20_000);
    expect(await bring("new")).to.equal(true);
    expect(restarts()).to.deep.equal([1, 1]);
    expect(leastAnswering).to.equal(1);
  });

  it("are noticed when one hangs, without any other configuration", async () => {
    fakes[1].state = { kind: "silent" };
    await bring("old");
    await clock.advance(20_000);
    expect(await bring("old")).to.equal(true);
    expect(restarts()).to.deep.equal([0, 1]);
    expect(lines).to.include('error a process of Knot Resolver hangs, and is ended {"worker":1}');
  });
});
