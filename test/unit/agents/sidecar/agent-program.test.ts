import { expect } from "chai";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle } from "../../../../components/bundle";
import { eventually } from "../../../../harness/eventually";

describe("the agent's program", function () {
  this.timeout(30_000);
  let folder: string;
  let taken: Server;
  let port: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "agent-program-"));
    await writeFile(join(folder, "agent.js"), bundle("agent"));
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    port = typeof address === "object" ? (address?.port ?? 0) : 0;
  });
  afterEach(async () => {
    taken.close();
    await rm(folder, { recursive: true });
  });

  const start = (command: string) => {
    const env = {
      DNS_MESH_PACKET: join(folder, "welcome.json"),
      DNS_MESH_KEYS: join(folder, "ring.json"),
      DNS_MESH_LOCAL_KEY: join(folder, "local.json"),
      DNS_MESH_STORAGE: join(folder, "storage"),
      DNS_MESH_RUNDIR: join(folder, "run"),
      DNS_MESH_LISTEN: "127.0.0.1@53",
      DNS_MESH_LISTEN_SECURE: "127.0.0.1@853",
      DNS_MESH_KNOT: "127.0.0.1@9",
      DNS_MESH_HTTP: `127.0.0.1@${port}`,
      DNS_MESH_POD: "knot-0",
    };
    const child = spawn(process.execPath, [join(folder, "agent.js"), command], { env, stdio: ["ignore", "pipe", 2] });
    const run = { log: "", ended: new Promise<number | null>((resolve) => child.once("exit", resolve)) };
    child.stdout?.on("data", (chunk: Buffer) => (run.log += chunk.toString()));
    return Object.assign(run, {
      async [Symbol.asyncDispose]() {
        child.kill("SIGTERM");
        await run.ended;
      },
    });
  };

  it("ends with an error, and its last words, when it cannot go on; and is started again until it can", async () => {
    await using agent = start("agent");
    await eventually(15, () => {
      expect(agent.log).to.include("EADDRINUSE");
      expect(agent.log).to.match(/"the agent exited and is restarted".*"code":1/);
    });
    await new Promise((resolve) => taken.close(resolve));
    await eventually(15, async () => {
      expect((await fetch(`http://127.0.0.1:${port}/live`)).status).to.equal(200);
    });
    // A pod that was not made for a guard has none.
    expect(existsSync(join(folder, "run", "guard"))).to.equal(false);
  });
});
