import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

import { type Checkout, checkOut } from "../../../harness/docs/checkout";
import { eventually } from "../../../harness/eventually";
import { run } from "../../../harness/tools/run";

/** Commands that run in a folder, by their process ids. */
function programsIn(folder: string): readonly number[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .map(Number)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return readlinkSync(`/proc/${pid}/cwd`) === folder && command.includes("/cmd/run/index.js");
      } catch {
        return false;
      }
    });
}

describe("an engine that is killed", function () {
  this.timeout(180_000);
  let checkout: Checkout;

  before(async () => {
    checkout = await checkOut();
  });
  after(() => {
    checkout[Symbol.dispose]();
  });

  it("leaves no program that goes on without it", async () => {
    const { folder } = checkout;
    const env = { ...checkout.env, PULUMI_CONFIG_PASSPHRASE: "x", PULUMI_BACKEND_URL: `file://${folder}` };
    const stack = "organization/dns-mesh/shared";
    await run("pulumi", ["stack", "init", stack], { cwd: folder, env });
    const engine = spawn("pulumi", ["up", "-s", stack, "--yes"], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(engine, "exit");
    let said = "";
    engine.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    await eventually(60, () => {
      expect(said).to.contain("create");
      expect(programsIn(folder)).to.have.length(1);
    });
    engine.kill("SIGKILL");
    await ended;
    await eventually(30, () => {
      expect(programsIn(folder)).to.deep.equal([]);
    });
  });
});
