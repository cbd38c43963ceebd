import { expect } from "chai";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { blocksOf } from "../../../harness/docs/blocks";
import { eventually } from "../../../harness/eventually";
import { ensureTools } from "../../../harness/tools";
import { run } from "../../../harness/tools/run";
import { LabRun, lastMs } from "./lab-run";

/** Steps of one lab's life, each on what the one before left. */
describe("links of a lab in namespaces", function () {
  this.timeout(90_000);
  let lab: LabRun;
  let said = 0;

  before(async () => {
    await ensureTools(["prometheus"]);
    const [start = ""] = blocksOf("docs/guides/ten-minutes.md#a-mesh-of-four-sites", "sh");
    const [, options = ""] = /npm run lab -- (.*)/.exec(start) ?? [];
    expect(options).to.equal("--sites 4 --network namespaces");
    lab = await LabRun.start(options.split(" "));
    await lab.says(/type a command/);
  });
  after(async () => {
    lab.type("quit");
    await lab.ended();
    await lab[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.output);
  });

  /** What the lab says to a command. */
  async function command(line: string, answer: RegExp, seconds = 60): Promise<string> {
    said = lab.output.length;
    lab.type(line);
    await lab.says(answer, seconds, said);
    return lab.output.slice(said);
  }

  /** Milliseconds until a site answered, the least of three: a busy machine makes any one of them longer. */
  async function leastOfThree(site: string): Promise<number> {
    const asked = /after ([\d.]+) ms/;
    const times: number[] = [];
    for (let i = 0; i < 3; i++) times.push(lastMs(await command(`ask ${site} site-b.example`, asked), asked));
    return Math.min(...times);
  }

  /** Each site forgets where the router is and looks for it, as it does by itself from time to time. */
  async function lookForGateways(): Promise<void> {
    for (const { pid } of lab.processes()) {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep\0infinity")) continue;
      const look = "ip neigh flush dev eth0; echo > /dev/udp/169.254.1.1/9; ip neigh";
      await eventually(5, async () => {
        const found = await run("nsenter", [`--net=/proc/${pid}/ns/net`, "--", "bash", "-c", look]);
        expect(found).to.contain("169.254.1.1");
      });
    }
    await delay(300);
  }

  it("are quick as long as nobody asks for anything else", async () => {
    await command("wait converged 30", /converged after/);
    expect(await leastOfThree("site-c")).to.be.lessThan(100);
  });

  it("delay every packet in both directions, and the mesh works", async () => {
    await command("delay site-c 60 10", /site-c take 60 ms longer/);
    expect(await leastOfThree("site-c")).to.be.at.least(100);
    await lookForGateways();
    expect(await leastOfThree("site-c")).to.be.at.least(100);
    expect(await leastOfThree("site-d")).to.be.lessThan(100);
    await command("change site-b.example www A 192.0.2.1", /answered by 4 sites/);
    await command("delay site-c 0", /take 0 ms longer/);
    expect(await leastOfThree("site-c")).to.be.lessThan(100);
  });

  it("leave a cut site behind while the others go on, and it catches up when healed", async () => {
    await command("cut site-d", /site-d is cut off/);
    await command("change site-b.example www A 192.0.2.2", /answered by 3 sites/);
    const away = await command("status", /site-d .*\n/);
    expect(away).to.match(/site-d +standard +10\.77\.0\.4 +cut +\? +\? +5 +1 /);
    await command("ask site-d www.site-b.example A", /site-d does not answer/);
    await command("heal site-d", /site-d is connected again/);
    await command("wait converged 60", /converged after \d+ ms: 4 sites/);
    await command("ask site-d www.site-b.example A", /NOERROR, 192\.0\.2\.2/);
  });

  it("are cut one way too: nothing reaches the site, or nothing comes out of it", async () => {
    for (const direction of ["in", "out"]) {
      await command(`cut site-d ${direction}`, /nothing (reaches|comes out of) site-d/);
      await command("ask site-d site-d.example", /site-d does not answer/);
      await command("heal site-d", /site-d is connected again/);
      await command("ask site-d site-d.example", /site-d answers/);
    }
    await command("wait converged 60", /converged after/);
  });

  /** What the lab answers to a line of the short path. */
  const answers: readonly (readonly [line: RegExp, answer: RegExp])[] = [
    [/^wait converged/, /converged after \d+ ms: 4 sites/],
    [/^change .*\.7\b/, /answered by 4 sites/],
    [/^change .*\.8\b/, /answered by 3 sites/],
    [/^mesh dig/, /192\.0\.2\.7[\s\S]*mesh dig \S+ A ended with 0/],
    [/^mesh verify/, /mesh verify ended with 0/],
    [/^watch/, /a Prometheus watches the lab, at http:\/\/127\.0\.0\.1:\d+/],
    [/^cut/, /site-d is cut off/],
    [/^heal/, /site-d is connected again/],
    [/^wait alert/, /firing +critical +DnsMeshSiteDown site-d: No pod of site site-d is ready.*site-down\.md/],
    [/^alerts/, /firing +critical +DnsMeshSiteDown site-d/],
    [/^wait quiet/, /no alert fires/],
  ];

  /** Types what a section of the short path has its reader type. `mesh status` ends as the mesh is. */
  async function follow([block = ""]: readonly string[], status: RegExp): Promise<void> {
    for (const text of block.trim().split("\n")) {
      const line = text.replace(/\s+#.*$/, "");
      const expected = line === "mesh status" ? status : answers.find(([begins]) => begins.test(line))?.[1];
      if (expected === undefined) throw new Error(`nothing is expected of: ${line}`);
      await command(text, expected, 120);
    }
  }

  it("are cut before a Prometheus and heal, by the short path", async function () {
    this.timeout(300_000);
    const fine = /mesh status ended with 0/;
    const broken = /site-d[\s\S]*mesh status ended with 1/;
    await follow(blocksOf("docs/guides/ten-minutes.md#a-record-at-every-site", "lab"), fine);
    await follow(blocksOf("docs/guides/ten-minutes.md#a-link-breaks", "lab"), broken);
    await follow(blocksOf("docs/guides/ten-minutes.md#and-back", "lab"), fine);
  });

  it("lose a fifth of a site's packets, and the mesh converges all the same", async () => {
    await command("loss site-b 20", /20 % of the packets/);
    await command("change site-b.example www A 192.0.2.3", /answered by 4 sites/);
    await command("add zone lossy.example at site-b", /lossy\.example added at site-b: answered by 4 sites/);
    await command("add zone far.example at site-c", /far\.example added at site-c: answered by 4 sites/);
    await command("wait converged 60", /converged after/);
    await command("loss site-b 100", /100 % of the packets/);
    await command("ask site-b far.example", /site-b does not answer/);
    await command("loss site-b 0", /0 % of the packets/);
    await command("wait converged 60", /converged after/);
  });
});
