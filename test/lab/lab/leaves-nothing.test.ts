import { expect } from "chai";
import { LabRun } from "./lab-run";

describe("a lab that ends", function () {
  this.timeout(60_000);

  for (const network of ["loopback", "namespaces"]) {
    it(`leaves no process and no file when it is killed outright (${network})`, async () => {
      const delayed = network === "namespaces" ? ["delay site-b 5"] : [];
      await using lab = await LabRun.start(["--sites", "3", "--network", network, "--hold"], [...delayed, "status"]);
      await lab.says(/holding until Ctrl-C/);
      const processes = lab.processes();
      // Shell's child, guardian, three Knots, three agents at least.
      expect(processes.length).to.be.at.least(8);
      process.kill(lab.pid, "SIGKILL");
      await lab.leavesNothing(processes);
    });
  }

  it("leaves nothing when what started it is killed", async () => {
    await using lab = await LabRun.start(["--sites", "2", "--hold"], ["status"]);
    await lab.says(/holding until Ctrl-C/);
    const processes = lab.processes();
    lab.killParent();
    await lab.leavesNothing(processes);
  });

  it("leaves nothing when it is told to end while it starts", async () => {
    await using lab = await LabRun.start(["--sites", "8"]);
    await lab.says(/starting 8 sites/);
    const processes = lab.processes();
    process.kill(lab.pid, "SIGTERM");
    expect(await lab.ended()).to.equal(130);
    await lab.leavesNothing(processes);
  });
});
