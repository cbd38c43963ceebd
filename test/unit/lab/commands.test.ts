import { expect } from "chai";
import * as fc from "fast-check";
import { UserError } from "../../../src/base/errors";
import { commandHelp, parseCommand, recordName } from "../../../lab/commands";

describe("commands of the lab", () => {
  const read: readonly (readonly [line: string, command: unknown])[] = [
    ["add site", { kind: "add site", site: undefined }],
    ["  add   site  berlin ", { kind: "add site", site: "berlin" }],
    ["remove site site-c", { kind: "remove site", site: "site-c" }],
    ["cut site-c", { kind: "cut", site: "site-c", direction: "both" }],
    ["cut site-c in", { kind: "cut", site: "site-c", direction: "in" }],
    ["cut site-c out", { kind: "cut", site: "site-c", direction: "out" }],
    ["delay site-c 50", { kind: "delay", site: "site-c", ms: 50, jitterMs: 0 }],
    ["delay site-c 50.5 10", { kind: "delay", site: "site-c", ms: 50.5, jitterMs: 10 }],
    ["loss site-c 20", { kind: "loss", site: "site-c", percent: 20 }],
    ["kill site-c all", { kind: "kill", site: "site-c", victim: "all" }],
    ["change A.example. www a 192.0.2.1", change({ zone: "a.example", type: "A", value: "192.0.2.1" })],
    ['change a.example www TXT "two  words" x', change({ zone: "a.example", type: "TXT", value: '"two  words" x' })],
    ["add zone b.example at site-c", { kind: "add zone", zone: "b.example", site: "site-c" }],
    ["remove zone b.example", { kind: "remove zone", zone: "b.example" }],
    ["ask site-c www.a.example", { kind: "ask", site: "site-c", name: "www.a.example", type: "SOA" }],
    ["ask site-c www.a.example. txt", { kind: "ask", site: "site-c", name: "www.a.example", type: "TXT" }],
    ["wait converged", { kind: "wait", seconds: 60 }],
    ["wait converged 5", { kind: "wait", seconds: 5 }],
    ["name servers all", { kind: "name servers", servers: "all" }],
    ["name servers site-a,site-b", { kind: "name servers", servers: ["site-a", "site-b"] }],
    ["wait name servers 5", { kind: "wait name servers", seconds: 5 }],
    ["watch", { kind: "watch" }],
    ["alerts", { kind: "alerts" }],
    [
      "wait alert DnsMeshSiteDown site-c",
      { kind: "wait alert", alert: "DnsMeshSiteDown", site: "site-c", seconds: 120 },
    ],
    ["wait alert A site-c 5", { kind: "wait alert", alert: "A", site: "site-c", seconds: 5 }],
    ["wait quiet", { kind: "wait quiet", seconds: 120 }],
    ["status", { kind: "status" }],
    ["quit", { kind: "quit" }],
    ["status # a remark", { kind: "status" }],
    ["change a.example www TXT x#1 #2", change({ zone: "a.example", type: "TXT", value: "x#1" })],
    ['change a.example www TXT "x #1" # 2', change({ zone: "a.example", type: "TXT", value: '"x #1"' })],
    ["# a remark", undefined],
    ["  # a remark", undefined],
    ["", undefined],
  ];
  for (const [line, command] of read) {
    it(`reads "${line}"`, () => {
      expect(parseCommand(line)).to.deep.equal(command);
    });
  }

  const refused: readonly (readonly [line: string, words: RegExp])[] = [
    ["explode", /^unknown command "explode"; there are: add site, .*help/],
    ["add sites", /^unknown command "add sites"; there are: add site, add zone \(/],
    ["cut", /^"cut" has too few arguments; write: cut NAME \[in\|out\]$/],
    ["cut a in b", /too many arguments; write: cut NAME \[in\|out\]$/],
    ["cut a b", /^"b" is neither in nor out; write: cut NAME \[in\|out\]$/],
    ["delay site-c soon", /^MS must be a number from 0 to 60000, not "soon"; write: delay NAME MS \[JITTER\]$/],
    ["delay site-c -1", /^MS must be/],
    ["loss site-c 101", /^PERCENT must be a number from 0 to 100/],
    ["kill site-c dns", /^"dns" is none of knot, agent and all; write: kill/],
    ["add zone b.example to site-c", /^write "at" between the zone and its site; write: add zone ZONE at SITE$/],
    ["change a.example www A", /too few arguments; write: change ZONE NAME TYPE VALUE$/],
    ["wait converged soon", /^SECONDS must be/],
    ["wait alert DnsMeshSiteDown", /too few arguments; write: wait alert NAME SITE \[SECONDS\]$/],
    ["wait quiet soon", /^SECONDS must be/],
  ];
  for (const [line, words] of refused) {
    it(`refuses "${line}" and says how it is written`, () => {
      expect(() => parseCommand(line)).to.throw(UserError, words);
    });
  }

  it("says nothing but what is wrong, whatever is typed", () => {
    const word = fc.constantFrom("add", "site", "zone", "at", "delay", "kill", "change", "wait", "converged", "1", "x");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join(" ")),
        ),
        (line) => {
          try {
            parseCommand(line);
          } catch (error) {
            expect(error).to.be.instanceOf(UserError);
          }
        },
      ),
    );
  });

  it("explains each in the help", () => {
    const lines = commandHelp().split("\n");
    expect(lines).to.have.length(23);
    expect(lines.map((line) => line.length).every((length) => length < 130)).to.equal(true);
  });

  it("takes names of records as absolute, as the zone itself, or below the zone", () => {
    expect(recordName("www.a.example.", "a.example")).to.equal("www.a.example");
    expect(recordName("@", "a.example")).to.equal("a.example");
    expect(recordName("WWW", "a.example")).to.equal("www.a.example");
    expect(recordName("other.example", "a.example")).to.equal("other.example.a.example");
  });
});

function change(record: { zone: string; type: string; value: string }): unknown {
  return { kind: "change", name: "www", ...record };
}
