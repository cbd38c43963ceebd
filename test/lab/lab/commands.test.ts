import { expect } from "chai";
import { createServer } from "node:net";
import { once } from "node:events";
import { LabRun } from "./lab-run";

describe("the lab for users", function () {
  this.timeout(60_000);

  it("carries a script out and ends with its success", async () => {
    await using lab = await LabRun.start(
      ["--sites", "4", "--zones", "6"],
      [
        "wait converged 30",
        "change zone-5.example www A 192.0.2.7",
        "ask site-d www.zone-5.example A",
        "add site berlin",
        "add zone more.example at berlin",
        "kill site-c all",
        "status",
        "wait converged",
        "start site-c",
        "remove zone more.example",
        "remove site berlin",
        "wait converged",
        "ask site-c more.example",
        "status",
      ],
    );
    expect(await lab.ended(), lab.output).to.equal(0);
    expect(lab.output).to.match(/all sites are ready after [\d.]+ s; [1-9][\d.]* MiB a site/);
    expect(lab.output).to.match(/www\.zone-5\.example A changed at site-a: answered by 4 sites, .* all within \d+ ms/);
    expect(lab.output).to.match(/site-d answers www\.zone-5\.example A: NOERROR, 192\.0\.2\.7, after [\d.]+ ms/);
    expect(lab.output).to.match(/berlin at 127\.[\d.]+ is ready; berlin\.example from then on: answered by 5 sites/);
    expect(lab.output).to.match(/^site-c .* down /m);
    expect(lab.output).to.match(/converged after \d+ ms: 4 sites answer alike/);
    expect(lab.output).to.match(/site-c answers more\.example SOA: REFUSED/);
    const last = lab.output.slice(lab.output.lastIndexOf("> status"));
    expect(last).not.to.include("berlin");
    expect(last).to.match(/^site-c +standard +127\.[\d.]+ +up +yes +3 +8 +- +- +-$/m);
  });

  it("takes commands as they are typed, and goes on after a wrong one", async () => {
    await using lab = await LabRun.start(["--sites", "2"]);
    lab.type("explode");
    lab.type("remove site site-a");
    lab.type("change site-b.example www A 999.1.1.1");
    lab.type("change site-b.example www A 192.0.2.9");
    lab.type("quit");
    expect(await lab.ended(), lab.output).to.equal(0);
    expect(lab.output).to.include('! unknown command "explode"');
    expect(lab.output).to.include("! site-a is the primary catalog");
    expect(lab.output).to.match(/! site-b did not take the record: .*(?:parse|malformed|invalid)/i);
    expect(lab.output).to.match(/www\.site-b\.example A changed at site-b: answered by 2 sites/);
  });

  it("ends with a failure where the script cannot be carried out", async () => {
    const script = ["kill site-b knot", "change site-b.example www A 192.0.2.7", "add site"];
    await using lab = await LabRun.start(["--sites", "2"], script);
    expect(await lab.ended(), lab.output).to.equal(1);
    expect(lab.output).to.include("! the Knot of site-b does not run; start site-b first");
    expect(lab.output).to.include("the script ends at line 2");
    expect(lab.output).not.to.include("> add site");
  });

  it("starts nothing for a script that cannot be right", async () => {
    await using lab = await LabRun.start(["--sites", "2"], ["status", "cut site-b", "kill site-x all"]);
    expect(await lab.ended()).to.equal(2);
    expect(lab.output).to.match(/line 2: cut needs a link.*\nline 3: there is no site "site-x"/);
    expect(lab.output).not.to.include("starting");
  });

  it("starts nothing when a port is taken, and says whose", async () => {
    const server = createServer().listen(0, "0.0.0.0");
    await once(server, "listening");
    try {
      const { port } = server.address() as { port: number };
      await using lab = await LabRun.start(["--sites", "2", "--port", String(port)]);
      expect(await lab.ended()).to.equal(1);
      expect(lab.output).to.match(
        new RegExp(`^port ${port} of 127\\.[\\d.]+ \\(site-a\\) cannot be had over TCP.*--port`),
      );
    } finally {
      server.close();
    }
  });
});
