import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PythonLines } from "../../../harness/python-lines";

/** Answers with the number of tasks so far; fails, or ends, when a task says so. */
const counter = `
import json, sys
for count, line in enumerate(sys.stdin, 1):
    task = json.loads(line)
    if "end" in task:
        sys.exit(task["end"])
    print(json.dumps({"failure": task["fail"]} if "fail" in task else {"answer": [count, task]}), flush=True)
`;

describe("a Python program that is asked line by line", () => {
  let folder: string;
  let program: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mesh-python-lines-"));
    program = join(folder, "counter.py");
    await writeFile(program, counter);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const failureOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "none",
      (error: unknown) => (error as Error).message,
    );

  it("does tasks in turn, in one process, and goes on after one that failed", async () => {
    await using python = new PythonLines(program);
    const [first, second, third] = ["a", "b", "c"].map((name) =>
      python.ask(name === "b" ? { fail: "no such zone" } : { name }),
    ) as [Promise<unknown>, Promise<unknown>, Promise<unknown>];
    expect(await failureOf(second)).to.equal("no such zone");
    expect([await first, await third]).to.deep.equal([
      [1, { name: "a" }],
      [3, { name: "c" }],
    ]);
  });

  it("says what the program wrote when it ended, of the task that it left and of each after it", async () => {
    await using python = new PythonLines(program);
    await python.ask({});
    const [left, next] = [python.ask({ end: "out of keys" }), python.ask({})].map(failureOf);
    expect(await left).to.equal("counter.py ended: out of keys\n");
    expect(await next).to.equal("counter.py ended: out of keys\n");
  });

  it("says that there is no Python", async () => {
    await using python = new PythonLines(program, join(folder, "python3"));
    expect(await failureOf(python.ask({}))).to.match(/^counter\.py ended: Error: spawn .*ENOENT/);
  });

  it("does what it was asked before it ends", async () => {
    let answer: Promise<unknown>;
    {
      await using python = new PythonLines(program);
      answer = python.ask({ name: "last" });
    }
    expect(await answer).to.deep.equal([1, { name: "last" }]);
  });
});
