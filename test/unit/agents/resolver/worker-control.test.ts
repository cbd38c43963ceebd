import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../../../harness/eventually";
import { WorkerControl } from "../../../../src/agents/resolver/worker-control";
import { isThere } from "../../../../src/base/files";
import { resolverFiles, resolverScript } from "../../../../src/contract/resolver";

describe("the control socket of a process of Knot Resolver", () => {
  let folder: string;
  let control: WorkerControl;
  const servers: Server[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-mesh-"));
    await mkdir(resolverFiles(folder).control(0), { recursive: true });
    control = new WorkerControl(folder, 100);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) server.close();
    await rm(folder, { recursive: true });
  });

  /** A process as Knot Resolver 6 is at this socket: it prompts, and prints what a line of Lua comes to. */
  async function worker(answer: (line: string) => string | undefined): Promise<void> {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (data: Buffer) => {
        const line = answer(data.toString());
        if (line === undefined) return;
        if (line === "end") socket.end();
        else socket.write(`> ${line}\n> `);
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(resolverFiles(folder).control(0), "4711"), resolve));
  }

  it("tells which configuration the process runs, and that an older one has none", async () => {
    let version = "'running 0af3 now'";
    await worker(() => version);
    expect(await control.state(0)).to.deep.equal({ kind: "answers", version: "0af3" });
    version = "'running nil now'";
    expect(await control.state(0)).to.deep.equal({ kind: "answers", version: undefined });
  });

  it("tells what the process counted, and nothing of one that hangs or counts nothing", async () => {
    let line: string | undefined = "'counted answer.total=12 answer.servfail=3 so far'";
    await worker(() => line);
    expect([...((await control.counts(0)) ?? [])]).to.deep.equal([
      ["answer.total", 12],
      ["answer.servfail", 3],
    ]);
    line = undefined;
    expect(await control.counts(0)).to.equal(undefined);
    line = "error occurred here (config filename:lineno is at the bottom, if config is involved): stats";
    expect(await control.counts(0)).to.equal(undefined);
    expect(await control.counts(1)).to.equal(undefined);
  });

  it("tells one that hangs from one that is not there", async () => {
    expect(await control.state(0)).to.deep.equal({ kind: "away" });
    await writeFile(join(resolverFiles(folder).control(0), "12"), "");
    expect(await control.state(0)).to.deep.equal({ kind: "away" });
    await worker(() => undefined);
    expect(await control.state(0)).to.deep.equal({ kind: "silent" });
  });

  it("ends the process, by the shell alone where it does not take that", async () => {
    const { end } = resolverFiles(folder);
    let answer: string | undefined = "end";
    await worker(() => answer);
    await control.restart(0);
    expect(await isThere(end(0))).to.equal(false);
    answer = undefined;
    await control.restart(0);
    expect(await isThere(end(0))).to.equal(true);
  });
});

describe("the shell's part beside the resolver's agent", function () {
  this.timeout(20_000);
  let folder: string;
  let shell: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-mesh-"));
  });
  afterEach(async () => {
    const ended = new Promise((resolve) => shell?.once("exit", resolve));
    // All that it started is in its group.
    if (shell?.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  });

  it("starts both processes once there is a configuration, and ends one that hangs, which starts anew", async () => {
    const program = join(folder, "kresd");
    // Takes no notice of anything, and says that it was there by a file of its own.
    await writeFile(program, '#!/bin/sh\ntrap "" TERM\ntouch "$4/seen.$$"\nexec sleep 60\n');
    await chmod(program, 0o755);
    const path = `${folder}:${process.env["PATH"] ?? ""}`;
    shell = spawn("sh", ["-c", resolverScript, "resolver", folder], {
      env: { ...process.env, PATH: path },
      stdio: "ignore",
      detached: true,
    });
    const seen = async (worker: number) =>
      (await readdir(join(folder, String(worker))).catch(() => [])).filter((name) => name.startsWith("seen."));
    await eventually(5, async () => expect(await isThere(join(folder, "1"))).to.equal(true));
    expect([...(await seen(0)), ...(await seen(1))]).to.deep.equal([]);
    await writeFile(resolverFiles(folder).configuration, "");
    await eventually(5, async () => expect([(await seen(0)).length, (await seen(1)).length]).to.deep.equal([1, 1]));
    await writeFile(resolverFiles(folder).end(0), "");
    await eventually(8, async () => expect(await seen(0)).to.have.length(2));
    expect(await seen(1)).to.have.length(1);
    expect(await isThere(resolverFiles(folder).end(0))).to.equal(false);
  });
});
