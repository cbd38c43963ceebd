import { expect } from "chai";

import { type Message, noFlags } from "../../../../src/dns/message";
import type { ResourceRecord } from "../../../../src/dns/record";
import { rcodes } from "../../../../src/dns/types";
import { type Change, History, missingFrom, newestOf, numbersIn, type Question } from "../../../chaos/history";

const zone = "site-a.example";
const soa: Question = { zone, name: zone, type: "SOA" };

function textRecord(name: string, number: number): ResourceRecord {
  return { name, class: "IN", ttl: 60, type: "TXT", strings: [String(number)] };
}

function soaOf(serial: number): ResourceRecord {
  const timers = { refresh: 1, retry: 1, expire: 1, minimum: 1 };
  return { name: zone, class: "IN", ttl: 60, type: "SOA", mname: zone, rname: zone, serial, ...timers };
}

function answer(changes: Partial<Message> = {}): Message {
  const flags = { ...noFlags, qr: true, aa: true };
  return { id: 1, flags, rcode: 0, questions: [], answers: [], authorities: [], additionals: [], ...changes };
}

/** One that asks itself, and has made two changes: the first of a counter, the second of a name of its own. */
function start(): {
  history: History;
  changes: Change[];
  ask: (site: string, question: Question, got: Message) => string;
} {
  const history = new History(new Map([[zone, "site-a"]]));
  const changes = [history.attempt(zone), history.attempt(zone)];
  for (const change of changes) history.acknowledge(change);
  const ask = (site: string, question: Question, got: Message): string =>
    history.judge(site, { question, standard: history.standard(site, question), answer: got })?.rule ?? "right";
  return { history, changes, ask };
}

function textOf({ name }: Change): Question {
  return { zone, name, type: "TXT" };
}

describe("the observer's history", () => {
  it("changes counters again and again, and makes a name that stays in between", () => {
    const { history } = start();
    for (let i = 2; i < 10; i++) history.acknowledge(history.attempt(zone));
    expect(history.acknowledged).to.equal(10);
    expect(history.names(zone))
      .to.have.length(9)
      .and.include.members([`count-0.${zone}`, `made-9.${zone}`]);
    expect(Object.fromEntries(history.wanted(zone))).to.include({
      [`count-0.${zone}`]: 8,
      [`count-1.${zone}`]: 2,
      [`made-1.${zone}`]: 1,
      [`made-9.${zone}`]: 9,
    });
  });

  it("lets a site have no change yet that it never showed", () => {
    const { ask, changes } = start();
    expect(ask("site-b", textOf(changes[1]!), answer({ rcode: rcodes.NXDOMAIN }))).to.equal("right");
    expect(ask("site-b", textOf(changes[1]!), answer())).to.equal("right");
  });

  it("holds an owner to what it acknowledged, and any site to what it showed", () => {
    const { ask, changes } = start();
    const question = textOf(changes[1]!);
    expect(ask("site-a", question, answer({ rcode: rcodes.NXDOMAIN }))).to.equal("absent");
    expect(ask("site-a", question, answer())).to.equal("empty");
    expect(ask("site-b", question, answer({ answers: [textRecord(question.name, 1)] }))).to.equal("right");
    expect(ask("site-b", question, answer({ rcode: rcodes.NXDOMAIN }))).to.equal("absent");
  });

  it("holds a site to what its whole copy showed", () => {
    const { ask, changes, history } = start();
    history.learn("site-b", zone, history.wanted(zone));
    expect(ask("site-b", textOf(changes[1]!), answer({ rcode: rcodes.NXDOMAIN }))).to.equal("absent");
  });

  it("finds a record that goes back, and one that nobody made", () => {
    const { ask, history } = start();
    for (let i = 2; i < 9; i++) history.attempt(zone);
    const question = { zone, name: `count-0.${zone}`, type: "TXT" } as const;
    const ofNumber = (number: number): string =>
      ask("site-b", question, answer({ answers: [textRecord(question.name, number)] }));
    expect([8, 8, 0, 9].map(ofNumber)).to.deep.equal(["right", "right", "older", "invented"]);
  });

  it("takes a change that nobody acknowledged when it is there, and then holds the site to it", () => {
    const { ask, history } = start();
    const question = textOf((history.attempt(zone), history.attempt(zone)));
    expect(ask("site-a", question, answer({ rcode: rcodes.NXDOMAIN }))).to.equal("right");
    expect(ask("site-a", question, answer({ answers: [textRecord(question.name, 3)] }))).to.equal("right");
    expect(ask("site-a", question, answer({ rcode: rcodes.NXDOMAIN }))).to.equal("absent");
  });

  it("finds a serial that goes backwards, in the circle of RFC 1982", () => {
    const { ask } = start();
    const ofSerial = (serial: number): string => ask("site-b", soa, answer({ answers: [soaOf(serial)] }));
    expect([0xffffffff, 3, 3, 2].map(ofSerial)).to.deep.equal(["right", "right", "right", "serial"]);
  });

  it("judges by what was known when the question was sent", () => {
    const { history } = start();
    const standard = history.standard("site-b", soa);
    const judge = (serial: number) =>
      history.judge("site-b", { question: soa, standard, answer: answer({ answers: [soaOf(serial)] }) });
    expect(judge(5)).to.equal(undefined);
    expect(judge(4)).to.equal(undefined);
    expect(history.standard("site-b", soa).floor).to.equal(5);
  });

  it("does not hold a server whose copy expired to what it shows after a refused question was sent", () => {
    const { history, ask } = start();
    const refused = answer({ rcode: rcodes.SERVFAIL });
    expect(ask("site-b", soa, answer({ answers: [soaOf(5)] }))).to.equal("right");
    history.expire("site-b", [zone]);
    const standard = history.standard("site-b", soa);
    history.learn("site-b", zone, new Map([[`count-0.${zone}`, 0]]));
    expect(history.judge("site-b", { question: soa, standard, answer: refused })).to.equal(undefined);
    expect(ask("site-b", soa, refused), "it may expire once more").to.equal("right");
    history.settle("site-b");
    history.learn("site-b", zone, new Map([[`count-0.${zone}`, 0]]));
    expect(ask("site-b", soa, refused)).to.equal("gone");
    expect(ask("site-b", soa, answer({ answers: [soaOf(4)] }))).to.equal("serial");
  });

  it("finds a zone that is not served any more", () => {
    const { ask } = start();
    expect(ask("site-b", soa, answer({ rcode: rcodes.REFUSED })), "never shown").to.equal("right");
    expect(ask("site-b", soa, answer({ answers: [soaOf(1)] }))).to.equal("right");
    expect(ask("site-b", soa, answer({ rcode: rcodes.REFUSED }))).to.equal("gone");
    expect(ask("site-b", soa, answer({ rcode: rcodes.SERVFAIL }))).to.equal("gone");
    expect(ask("site-b", soa, answer({ flags: { ...noFlags, qr: true } }))).to.equal("gone");
  });
});

describe("the observer's history of time", () => {
  /** A counter of which two numbers were acknowledged, at 1 and at 2, and what site-b makes of answers. */
  function counted() {
    let now = 0;
    const history = new History(new Map([[zone, "site-a"]]), () => now);
    const question = { zone, name: `count-0.${zone}`, type: "TXT" } as const;
    for (let i = 0; i <= 8; i++) {
      const change = history.attempt(zone);
      if (i % 8 === 0) now += 1;
      if (i % 8 === 0) history.acknowledge(change);
    }
    const ask = (since: number | undefined, got: Message, atLast = since): string => {
      const standard = history.standard("site-b", question, { since, atLast });
      const wrong = history.judge("site-b", { question, standard, answer: got });
      return wrong === undefined ? "right" : wrong.isWithheld === true ? "withheld" : wrong.rule;
    };
    return { history, question, ask };
  }

  it("finds an answer that lacks what was due, and lets it be before", () => {
    const { question, ask } = counted();
    const [older, newer] = [0, 8].map((number) => answer({ answers: [textRecord(question.name, number)] }));
    expect(ask(undefined, older!)).to.equal("right");
    expect(ask(1.5, older!)).to.equal("right");
    expect(ask(2, older!)).to.equal("stale");
    expect(ask(2, newer!)).to.equal("right");
  });

  it("counts what is late by less than the machine withheld by itself, and never what goes backwards", () => {
    const { question, ask } = counted();
    const [older, newer] = [0, 8].map((number) => answer({ answers: [textRecord(question.name, number)] }));
    expect(ask(2, older!, 1.5)).to.equal("withheld");
    expect(ask(2, answer(), undefined)).to.equal("empty");
    expect(ask(2, newer!, 1.5)).to.equal("right");
    expect(ask(2, older!, 1.5)).to.equal("older");
    expect(counted().ask(2, answer(), 0.5)).to.equal("withheld");
    expect(counted().ask(2, answer(), 1)).to.equal("stale");
  });

  it("holds a server to what somebody said that it has", () => {
    const { history, question, ask } = counted();
    history.promise("site-b", { zone, name: question.name, number: 8 });
    expect(ask(undefined, answer({ answers: [textRecord(question.name, 0)] }))).to.equal("older");
  });

  it("finds a name that was due and is not there", () => {
    for (const got of [answer(), answer({ rcode: rcodes.NXDOMAIN })]) {
      expect(counted().ask(0.5, got)).to.equal("right");
      expect(counted().ask(1, got)).to.equal("stale");
    }
  });
});

describe("a lost volume", () => {
  it("may take along what is in no copy, and nothing else", () => {
    const { history, changes } = start();
    const later = history.attempt(zone);
    history.acknowledge(later);
    const excused = history.excuse(zone, newestOf([new Map([[changes[0]!.name, 0]]), new Map()]));
    expect(excused).to.equal(2);
    expect(Object.fromEntries(history.wanted(zone))).to.deep.equal({ [changes[0]!.name]: 0 });
    expect(history.names(zone)).to.deep.equal([changes[0]!.name]);
  });

  it("frees its server of what it showed", () => {
    const { history, ask, changes } = start();
    const question = textOf(changes[1]!);
    expect(ask("site-a", question, answer({ rcode: rcodes.NXDOMAIN }))).to.equal("absent");
    history.forget("site-a");
    expect(ask("site-a", question, answer({ rcode: rcodes.NXDOMAIN }))).to.equal("right");
    expect(ask("site-a", soa, answer({ rcode: rcodes.SERVFAIL }))).to.equal("right");
  });

  it("judges no answer to a question that was sent before the server lost its volume, and learns nothing of it", () => {
    const { ask, changes, history } = start();
    const question = textOf(changes[1]!);
    history.promise("site-b", changes[1]!);
    const standard = history.standard("site-b", question);
    history.forget("site-b");
    const late = (got: Message) => history.judge("site-b", { question, standard, answer: got });
    expect(late(answer({ rcode: rcodes.REFUSED }))).to.equal(undefined);
    expect(late(answer({ answers: [textRecord(question.name, 1)] }))).to.equal(undefined);
    expect(ask("site-b", question, answer({ rcode: rcodes.REFUSED }))).to.equal("right");
    expect(ask("site-b", question, answer({ answers: [textRecord(question.name, 1)] }))).to.equal("right");
    expect(ask("site-b", question, answer({ rcode: rcodes.REFUSED }))).to.equal("gone");
  });

  it("holds no server to a change that was excused after the question was sent", () => {
    const { changes, history } = start();
    const question = textOf(changes[1]!);
    history.promise("site-b", changes[1]!);
    const standard = history.standard("site-b", question);
    expect(history.excuse(zone, new Map())).to.equal(2);
    const got = answer({ rcode: rcodes.NXDOMAIN });
    expect(history.judge("site-b", { question, standard, answer: got })).to.equal(undefined);
  });
});

describe("what is missing from a copy", () => {
  it("is what it has neither as acknowledged nor later", () => {
    const copy = numbersIn([soaOf(1), textRecord("same.x", 3), textRecord("later.x", 9), textRecord("older.x", 1)]);
    const wanted = new Map([
      ["same.x", 3],
      ["later.x", 4],
      ["older.x", 2],
      ["away.x", 0],
    ]);
    expect(missingFrom(copy, wanted)).to.deep.equal(["older.x", "away.x"]);
  });
});
