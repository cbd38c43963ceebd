import { expect } from "chai";
import fc from "fast-check";
import { byTime, readLine, timeText, unstamp, zoneFilter } from "../../../../src/cli/logs/log-line";
import { entryJson, entryText } from "../../../../src/cli/logs/log-text";
import { styleFor } from "../../../../src/cli/style";

const origin = { site: "site-b", pod: "knot-0", container: "agent" };
const plain = styleFor({});
const read = (text: string) => readLine(origin, { time: "2026-12-01T08:00:00.000000001Z", text });

describe("a line of a log", () => {
  it("has the time that its container's runtime noted, in UTC, whatever the node's zone is", () => {
    expect(unstamp("2026-12-01T09:00:00.25+01:00 a line")).to.deep.equal({
      time: "2026-12-01T08:00:00.250000000Z",
      text: "a line",
    });
    expect(unstamp("2026-12-01T08:00:00Z")).to.deep.equal({ time: "2026-12-01T08:00:00.000000000Z", text: "" });
    for (const line of ["unable to retrieve container logs", "", "2026-12-01 08:00:00 x", "2026-13-41T08:00:00Z x"])
      expect(unstamp(line), line).to.equal(undefined);
  });

  it("orders as its time does, to the nanosecond", () => {
    const nanos = fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n });
    const stamped = (at: bigint): string =>
      unstamp(`${timeText(Number(at / 1_000_000n), String(at % 1_000_000_000n).padStart(9, "0"))} x`)?.time ?? "";
    fc.assert(
      fc.property(nanos, nanos, (a, b) => {
        expect(Math.sign(byTime({ time: stamped(a) }, { time: stamped(b) }))).to.equal(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  it("is read as our programs write it", () => {
    const said = {
      time: "2026-12-01T07:59:59.999Z",
      level: "warn",
      message: "problem",
      program: "agent",
      kind: "zones",
    };
    expect(read(JSON.stringify({ ...said, zone: "Example.COM." }))).to.deep.include({
      ...{ level: "warn", message: "problem", zones: ["example.com"] },
      fields: { kind: "zones", zone: "Example.COM." },
    });
  });

  it("is read as Knot writes it, with its words for how bad it is", () => {
    const line = "2026-12-01T08:00:00+0000 warning: [example.com.] refresh, remote site-a, failed (timeout)";
    const { level, message, zones } = read(line);
    expect([level, message, zones]).to.deep.equal([
      "warn",
      "refresh, remote site-a, failed (timeout)",
      ["example.com"],
    ]);
    expect(read("2026-12-01T08:00:00+0000 critical: out of memory")).to.deep.include({ level: "error", zones: [] });
  });

  it("is a message where it is anything else, and no JSON that is no event is lost", () => {
    for (const text of ["    at Object.<anonymous>", '{"half":', '{"message":5}', "[1]", ""])
      expect(read(text)).to.deep.equal({
        ...{ time: "2026-12-01T08:00:00.000000001Z", ...origin },
        ...{ message: text, zones: [], fields: {} },
      });
  });

  const steering = [
    "a",
    " ",
    "\0",
    "\t",
    "\n",
    "\r",
    "\u001b",
    "\u007f",
    "\u0085",
    "\u2028",
    "\u202e",
    "\ud800",
    '"',
    "{",
  ];

  it("never steers the terminal that it is printed to, and is one line", () => {
    const messageIn = (line: string): string => (JSON.parse(line) as { message: string }).message;
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...steering) }), fc.boolean(), (text, isJson) => {
        const entry = read(isJson ? JSON.stringify({ message: text, field: text }) : text);
        const [shown, json] = [entryText(entry, plain), entryJson(entry)];
        return !/(?!\t)\p{Cc}/u.test(shown) && !/[\n\r\u001b]/.test(json) && messageIn(json) === entry.message;
      }),
    );
  });

  it("is shown with where it comes from, how bad it is, and what it says beside", () => {
    const entry = read(
      JSON.stringify({ level: "error", message: "no backup was made", reason: "it is full", tries: 2 }),
    );
    expect(entryText(entry, plain)).to.equal(
      '2026-12-01T08:00:00.000Z site-b/knot-0 agent error no backup was made reason="it is full" tries=2',
    );
    expect(entryText(read("2026-12-01T08:00:00+0000 info: [example.com.] loaded"), plain)).to.equal(
      "2026-12-01T08:00:00.000Z site-b/knot-0 agent info  [example.com] loaded",
    );
  });
});

describe("the lines about a zone", () => {
  const isOf = (zone: string, text: string): boolean => zoneFilter([zone])(read(text));

  it("are those that name it as theirs", () => {
    expect(isOf("example.com", JSON.stringify({ message: "updated", zone: "example.com" }))).to.equal(true);
    expect(isOf("example.com", JSON.stringify({ message: "changed", zones: ["a.example", "Example.com."] }))).to.equal(
      true,
    );
    expect(isOf("example.com", "2026-12-01T08:00:00+0000 info: [example.com.] loaded")).to.equal(true);
    expect(isOf("com", JSON.stringify({ message: "about example.com", zone: "example.com" }))).to.equal(false);
    expect(isOf("example.com", JSON.stringify({ message: "example.com", zone: "sub.example.com" }))).to.equal(false);
  });

  it("are those that have its name in their text, where they name none as theirs", () => {
    expect(isOf("example.com", JSON.stringify({ message: "problem", problem: "example.com. expires" }))).to.equal(true);
    expect(isOf("example.com", JSON.stringify({ message: "an event was lost", object: "www.example.com" }))).to.equal(
      true,
    );
    for (const other of ["my-example.com", "example.com.org", "example.community", "examplescom"])
      expect(isOf("example.com", JSON.stringify({ message: `of ${other}` })), other).to.equal(false);
    expect(isOf("0/25.2.0.192.in-addr.arpa", "zone 0/25.2.0.192.in-addr.arpa is late")).to.equal(true);
  });

  it("are all lines where no zone is asked for", () => {
    expect(zoneFilter([])(read("anything"))).to.equal(true);
  });
});
