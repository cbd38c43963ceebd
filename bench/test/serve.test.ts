import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { questions } from "../../harness/load/dnsperf";
import { Lab } from "../../lab";
import { renderKnotConf } from "../../src/knot/config/site-config";
import { startBareKnot, workersOf } from "../baselines/bare-knot";
import { benchZone, benchZones } from "../baselines/text";
import { askDuringChurn } from "../support/churn";
import { compareServers } from "../support/rounds";

const zones = benchZones(6);

describe("what a site answers under load", function () {
  this.timeout(90_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mesh-load-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function file(text: string): Promise<string> {
    const path = join(folder, `questions-${text.length}`);
    await writeFile(path, text);
    return path;
  }

  it("is everything, while it reloads and other zones come and go", async () => {
    await using lab = await Lab.create(3);
    for (const [i, name] of zones.entries()) lab.list[i % 3]?.zones.push({ name, zoneFile: benchZone(name, 3) });
    await lab.upAll();
    await lab.up();
    await lab.converged(60);
    const site = lab.site("site-c");
    const load = { questions: await file(questions({ zones, hosts: 3, absent: false })), seconds: 5, rate: 500 };
    const report = await askDuringChurn({ lab, site, load });
    expect(report.asked).to.be.greaterThan(2000);
    expect(report.lost).to.equal(0);
    expect(report.reloads).to.be.greaterThan(5);
    expect(report.churnRounds).to.be.greaterThan(0);

    const gone = { ...load, questions: await file("www.absent.example A\nhost-1.zone-1.example A\n"), seconds: 1 };
    const other = await askDuringChurn({ lab, site, load: gone });
    expect(other.lost).to.be.closeTo(other.asked / 2, 1);
  });

  it("is compared with a bare Knot's answers, in turns", async () => {
    const runtime = {
      ...{ storage: "/s", rundir: "/r", listen: [], remotePort: 53 },
      secure: { listen: [], remotePort: 853 },
      workers: { udp: 1, tcp: 3, background: 2 },
    };
    const conf = renderKnotConf(runtime, "tls");
    const workers = workersOf(conf);
    expect(workers).to.deep.equal({ udp: 1, tcp: 3, background: 2 });
    const texts = Object.fromEntries(zones.map((zone) => [zone, benchZone(zone, 3)]));
    await using one = await startBareKnot({ workers, zones: texts });
    await using other = await startBareKnot({ workers, zones: texts });
    const both = [one, other].map(({ server, pid }, i) => ({ name: String(i), server, pid }));
    const asked = await file(questions({ zones, hosts: 3, absent: true }));
    const rounds = await compareServers(both, { questions: asked, rounds: 2, seconds: 1 });
    expect([...rounds].map(([name, { length }]) => [name, length])).to.deep.equal([
      ["0", 2],
      ["1", 2],
    ]);
    for (const round of [...rounds.values()].flat()) {
      expect(round.perSecond).to.be.greaterThan(1000);
      expect(round.cpuMicros).to.be.within(0.1, 1000);
      expect(round.busy).to.be.within(0.001, 2);
    }
    const wrong = await file("www.absent.example A\n");
    const failed = await compareServers(both, { questions: wrong, rounds: 1, seconds: 1 }).catch(String);
    expect(failed).to.contain("answered REFUSED");
  });
});
