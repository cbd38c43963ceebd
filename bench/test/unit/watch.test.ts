import { createSocket } from "node:dgram";
import { setTimeout as wait } from "node:timers/promises";

import { expect } from "chai";

import { type OwnServer, startOwnServer } from "../../../harness/dns/own-server";
import { decodeMessage, encodeMessage, type Message, noFlags } from "../../../src/dns/message";
import { AnswerWatcher, type Watched, type WatchOrder } from "../../support/watch";

const question = { name: "www.example", type: "TXT" };
const record = (text: string) => ({ name: question.name, class: "IN", ttl: 0, type: "TXT", strings: [text] }) as const;
const accept: WatchOrder["accept"] = ({ answers: [answer] }) => answer?.type === "TXT" && answer.strings[0] === "new";

/** A server that says `text()` to every question; nothing for silence. */
function responder(text: () => string | undefined): Promise<OwnServer> {
  const answer = (request: Buffer): Message => {
    const { id, questions } = decodeMessage(request);
    expect(questions).to.deep.equal([{ ...question, class: "IN" }]);
    const flags = { ...noFlags, qr: true, aa: true };
    return { id, flags, questions, rcode: 0, answers: [record(text() ?? "")], authorities: [], additionals: [] };
  };
  return startOwnServer({ udp: (request) => (text() === undefined ? [] : [encodeMessage(answer(request))]) });
}

/** Says "new" from `ms` after now on, "old" before. */
function changing(ms: number): Promise<OwnServer> {
  const at = performance.now() + ms;
  return responder(() => (performance.now() >= at ? "new" : "old"));
}

const watched = (servers: readonly OwnServer[]): Watched[] =>
  servers.map(({ server }, i) => ({ name: `server-${i}`, server }));

describe("watching when servers answer a change", () => {
  let watcher: AnswerWatcher;
  beforeEach(async () => {
    watcher = await AnswerWatcher.open();
  });
  afterEach(() => watcher[Symbol.asyncDispose]());

  it("reports for each server when it answered, and asks few questions for that", async () => {
    const delays = [0, 60, 200];
    await using stack = new AsyncDisposableStack();
    const began = performance.now();
    const servers = await Promise.all(delays.map(async (ms) => stack.use(await changing(ms))));
    const start = performance.now();
    const times = await watcher.watch({ servers: watched(servers), question, accept }).since(start);
    for (const [i, least] of delays.entries()) {
      // The server's clock started before ours, as long ago as it took to start all of them.
      expect(times.get(`server-${i}`)).to.be.at.least(least - (start - began) - 1);
    }
    expect(watcher.asked).to.be.within(3, 120);
  });

  it("asks when it is given a hint, long before it would by itself", async () => {
    await using server = await changing(0);
    using watch = watcher.watch({ servers: watched([server]), question, accept, hinted: true });
    const times = watch.since(performance.now());
    watch.hint("server-0");
    watch.hint("nobody");
    expect((await times).get("server-0")).to.be.below(45);
    expect(watcher.asked).to.be.within(1, 6);
  });

  it("asks soon again when the hint came too early, and by itself when none comes", async () => {
    await using early = await changing(30);
    await using never = await changing(0);
    using watch = watcher.watch({ servers: watched([early, never]), question, accept, hinted: true });
    watch.hint("server-0");
    const times = await watch.since(performance.now());
    expect(times.get("server-0")).to.be.below(1000);
    // Timers may be a little early.
    expect(times.get("server-1")).to.be.within(40, 1000);
  });

  it("counts an answer before the acknowledgement as no time at all", async () => {
    await using server = await changing(0);
    using watch = watcher.watch({ servers: watched([server]), question, accept, hinted: true });
    watch.hint("server-0");
    await wait(20);
    expect(await watch.since(performance.now())).to.deep.equal(new Map([["server-0", 0]]));
    expect(watcher.asked).to.be.within(1, 6);
  });

  it("gives up at the limit and names who said what", async () => {
    await using silent = await responder(() => undefined);
    await using old = await responder(() => "old");
    const watch = watcher.watch({ servers: watched([silent, old]), question, accept, limitMs: 100 });
    const failed = await watch.since(performance.now()).catch((error: unknown) => String(error));
    expect(failed).to.equal(
      'LateError: within 100 ms 2 of 2 servers did not answer TXT of "www.example" as wanted: ' +
        "server-0 (no answer), server-1 (NOERROR, 1 records)",
    );
    const { asked } = watcher;
    await wait(80);
    expect(watcher.asked).to.equal(asked);
  });

  it("believes no answer to another question", async () => {
    await using server = await startOwnServer({
      udp: (request) => {
        const { id, questions } = decodeMessage(request);
        const flags = { ...noFlags, qr: true };
        const rest = { rcode: 0, answers: [record("new")], authorities: [], additionals: [] };
        return [encodeMessage({ id: id ^ 0x8000, flags, questions, ...rest })];
      },
    });
    const watch = watcher.watch({ servers: watched([server]), question, accept, limitMs: 100 });
    const failed = await watch.since(performance.now()).catch((error: unknown) => String(error));
    expect(failed).to.contain("server-0 (no answer)");
  });

  it("believes no answer from elsewhere", async () => {
    const elsewhere = createSocket("udp4");
    await using server = await startOwnServer({
      udp: (request) => {
        const { id, questions } = decodeMessage(request);
        const rest = { rcode: 0, answers: [record("new")], authorities: [], additionals: [] };
        const answer = encodeMessage({ id, flags: { ...noFlags, qr: true }, questions, ...rest });
        elsewhere.send(answer, server.sources.at(-1) ?? 0, "127.0.0.1");
        return [];
      },
    });
    const watch = watcher.watch({ servers: watched([server]), question, accept, limitMs: 100 });
    const failed = await watch.since(performance.now()).catch((error: unknown) => String(error));
    elsewhere.close();
    expect(failed).to.contain("server-0 (no answer)");
  });
});
