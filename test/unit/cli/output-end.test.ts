import { expect } from "chai";
import { onOutputError, whenUnread } from "../../../src/cli/output-end";
import { stopping } from "../../../src/cli/up/stopping";

const closed = (code = "EPIPE"): NodeJS.ErrnoException => Object.assign(new Error(`write ${code}`), { code });

describe("an output that nobody reads any more", () => {
  const before = process.exitCode;
  afterEach(() => {
    process.exitCode = before;
  });
  const codeAt = (error: NodeJS.ErrnoException): number | undefined => {
    let ended: number | undefined;
    onOutputError(error, (code) => (ended = code));
    return ended;
  };

  it("ends a command with what it has found, and never as if all were fine", () => {
    process.exitCode = undefined;
    expect([codeAt(closed()), codeAt(closed("EIO"))]).to.deep.equal([1, 1]);
    process.exitCode = 2;
    expect(codeAt(closed())).to.equal(2);
    expect(() => codeAt(closed("ENOSPC"))).to.throw("ENOSPC");
  });

  it("has a command end in its own way that began something", () => {
    let ends = 0;
    const hook = whenUnread(() => (ends += 1));
    expect(codeAt(closed())).to.equal(undefined);
    hook[Symbol.dispose]();
    expect([ends, codeAt(closed())]).to.deep.equal([1, 1]);
  });

  it("stops an up in order, which prints nothing more", () => {
    const lines: string[] = [];
    using stop = stopping((line) => lines.push(line));
    stop.print("site-a: up");
    expect(codeAt(closed())).to.equal(undefined);
    stop.print("site-b: up");
    expect([stop.signal.aborted, lines]).to.deep.equal([true, ["site-a: up"]]);
  });

  it("stops an up in order when its terminal is closed", () => {
    const lines: string[] = [];
    using stop = stopping((line) => lines.push(line));
    process.emit("SIGHUP");
    process.emit("SIGHUP");
    expect(stop.signal.aborted).to.equal(true);
    expect(lines).to.deep.equal(["stopping: what is under way is ended in order", "still ending what is under way"]);
  });
});
