import { expect } from "chai";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";

import { Reader } from "../../../harness/docs/reader";
import { eventually } from "../../../harness/eventually";
import { knotBinaries } from "../../../harness/knot";
import { run } from "../../../harness/tools/run";
import { Lab, type LabSite } from "../../../lab";
import { isInPrivateNetwork, runInPrivateNetwork } from "../../../lab/namespaces";
import { directoryZone } from "../../../lab/plan";
import type { ProblemKind } from "../../../src/agents/sidecar/http/status";
import type { Epoch } from "../../../src/mesh/epoch";
import type { SiteRole } from "../../../src/mesh/model";

/** A busy machine needs them. */
const patience = 60;
/** How much later than the new primary the former one changes its zones. */
const hour = 3600;

/** Links are cut here, so that the steps run in a network of their own. */
if (!isInPrivateNetwork()) {
  describe("promotion of another primary catalog", function () {
    this.timeout(400_000);

    it("loses nothing, and the former primary cannot win with old data", async () => {
      const { code, output } = await runInPrivateNetwork([
        ...[process.execPath, "--import=tsx", require.resolve("mocha/bin/mocha.js")],
        ...["--config", "test/mocharc.json", __filename],
      ]);
      expect(code, output).to.equal(0);
      expect(output).to.match(/\d passing/);
    });
  });
} else {
  describe("the mesh", function () {
    this.timeout(180_000);
    let lab: Lab;

    before(async () => {
      lab = await Lab.create({ sites: 4, replicas: 2, network: "namespaces" });
      lab.list[2]!.role = "secondary-catalog";
      await lab.upAll();
      await lab.converged(patience);
    });
    after(() => lab[Symbol.asyncDispose]());
    afterEach(function () {
      if (this.currentTest?.state === "failed") console.error(lab.logs());
    });

    const pods = (...names: readonly string[]): readonly LabSite[] =>
      (names.length === 0 ? lab.list.map(({ name }) => name) : names).flatMap((name) => lab.pods(name));
    const kinds = async (pod: LabSite): Promise<readonly ProblemKind[]> =>
      (await pod.status()).problems.map(({ kind }) => kind);
    const saysFenced = (...names: readonly string[]) =>
      eventually(patience, async () => {
        for (const pod of pods(...names)) {
          const fenced = (await pod.status()).problems.filter(({ kind }) => kind === "fenced");
          expect(fenced.map(({ message }) => message).join(), pod.podName).to.include(
            "this site goes on as a secondary",
          );
        }
      });
    const calm = () =>
      eventually(patience, async () => {
        for (const pod of pods()) expect(await kinds(pod), pod.podName).to.deep.equal([]);
      });

    /** Every pod by itself: what it serves of the central zones, and what it goes by. */
    const follow = (epoch: Epoch, ...names: readonly string[]) =>
      eventually(patience, async () => {
        const [first, ...rest] = pods(...names);
        const hash = (await first!.status()).applied?.hash;
        for (const pod of [first!, ...rest]) {
          const { answers } = await pod.dns.query(pod.server, `_mesh.${directoryZone}`, "TXT");
          const strings = answers.flatMap((record) => (record.type === "TXT" ? record.strings : []));
          expect(strings, pod.podName).to.include.members([`epoch=${epoch.number}`, `primary=${epoch.primary}`]);
          expect((await pod.status()).applied?.hash, pod.podName).to.equal(hash);
        }
        await lab.converged(1, { sites: pods(...names).map(({ podName }) => podName), zones: lab.zones().slice(0, 2) });
      });

    /** Knot's own tool, which reaches a site that is cut off too. */
    const knotc = async (pod: LabSite, ...args: readonly string[]): Promise<string> => {
      let output = "";
      const onLine = (line: string): void => void (output += `${line}\n`);
      await run(knotBinaries().knotc, ["-s", pod.path("run", "knot.sock"), ...args], { onLine });
      return output;
    };
    const heldAt = (pod: LabSite, text: string) =>
      eventually(patience, async () => {
        expect(await knotc(pod, "zone-read", directoryZone), pod.podName).to.include(text);
      });

    /** What `up` of a site's stack does when its role changes: packet, central zones, and a pod after the other. */
    const bring = async (name: string): Promise<void> => {
      await lab.upSite(name);
      for (const pod of [...lab.pods(name)].reverse()) {
        await pod.stop();
        await pod.start();
        if (!lab.network.isCut(name)) await pod.ready(patience);
      }
      const { number, primary } = lab.plan.epoch;
      if (lab.network.isCut(name))
        for (const pod of lab.pods(name)) await heldAt(pod, `"epoch=${number}" "primary=${primary}"`);
    };

    const promote = async (to: string): Promise<void> => {
      const { primary } = lab.plan;
      lab.plan.listed(primary).role = "secondary-catalog";
      lab.plan.listed(to).role = "primary-catalog";
      await bring(to);
    };

    /** As the runbook says, with the list in a file. */
    const promoteByRunbook = async (to: string): Promise<void> => {
      const { directoryZone, catalogZone } = lab.mesh;
      const file = join(lab.folder, "Pulumi.shared.yaml");
      const list = { directoryZone, catalogZone, sites: lab.list };
      await writeFile(file, `# kept\n${stringify({ config: { "dns-mesh:mesh": list } })}`);
      const reader = new Reader({ folder: lab.folder });
      reader.open("docs/runbooks/primary-lost.md#another-primary");
      const root = join(__dirname, "../../..");
      // npm goes to the project's folder first, and the runbook's reader is there.
      const mesh = `${process.execPath} --import ${require.resolve("tsx")} ${root}/src/cli/mesh.ts`;
      const said = await reader.run([
        ["npm run --silent mesh --", mesh],
        ["site-b", to],
      ]);
      expect(said).to.match(/site-b does not answer\. .*\n.*site-b\.example stays with site-b.*newest copy/);
      expect(said).to.include(`pulumi up -s shared\n  pulumi up -s ${to}\n`);
      expect(reader.next("sh", [["site-b", to]])).to.include(`pulumi up -s shared\npulumi up -s ${to}\n`);
      reader.close();
      const text = await readFile(file, "utf8");
      expect(text).to.match(/^# kept\n/);
      const { config } = parse(text) as { config: { "dns-mesh:mesh": { sites: { name: string; role: SiteRole }[] } } };
      for (const { name, role } of config["dns-mesh:mesh"].sites) lab.plan.listed(name).role = role;
      await bring(to);
    };

    /** Somebody at a site that thinks it is the primary goes on changing the mesh there, an hour after everybody else. */
    const changeAlone = async (name: string, zone: string): Promise<void> => {
      const site = lab.site(name);
      const zones = lab.plan.listed(name).zones;
      zones.push(zone);
      await site.mountCentral(lab.mesh);
      zones.pop();
      await heldAt(site, zone);
      for (const central of lab.zones().slice(0, 2)) await knotc(site, "zone-serial-set", central, `+${hour}`);
      for (const pod of lab.pods(name)) await heldAt(pod, zone);
      const serials = () => Promise.all(lab.pods(name).map((pod) => serialAt(pod)));
      await eventually(patience, async () => {
        expect(new Set(await serials())).to.have.length(1);
      });
    };
    const serialAt = async (pod: LabSite): Promise<number> =>
      (await pod.control.zoneStatus([directoryZone]))[0]?.serial ?? 0;

    const answersEverywhere = async (name: string, value: string): Promise<void> => {
      await eventually(patience, async () => {
        for (const pod of pods()) {
          const { answers } = await pod.dns.query(pod.server, name, "TXT");
          expect(answers[0], `${name} at ${pod.podName}`).to.deep.include({ strings: [value] });
        }
      });
    };

    it("goes by the first epoch", async () => {
      await follow({ number: 1, primary: "site-a" });
      await calm();
    });

    it("goes on with another primary while the former one is cut off and changed there", async () => {
      await lab.network.cut("site-a");
      await changeAlone("site-a", "stale.example");
      const last = { owner: "last.site-a.example", ttl: 60, type: "TXT", data: '"while cut off"' };
      await lab.site("site-a").control.zoneReplace("site-a.example", last);
      lab.list[1]!.zones.push("new.example");
      await promote("site-b");
      await follow({ number: 2, primary: "site-b" }, "site-b", "site-c", "site-d");
      await lab.converged(patience, { sites: ["site-b", "site-b/1", "site-d", "site-d/1"], zones: ["new.example"] });
    });

    it("follows the new one alone once the former one is back, although that has the higher serial", async () => {
      expect(await serialAt(lab.site("site-a"))).to.be.greaterThan(await serialAt(lab.site("site-b")));
      await lab.network.heal("site-a");
      await saysFenced("site-a");
      await follow({ number: 2, primary: "site-b" });
      for (const pod of pods("site-b", "site-c", "site-d")) {
        expect(pod.log(), pod.podName).not.to.include('"zone":"stale.example"');
        expect(await pod.files(), pod.podName).not.to.include("stale.example");
      }
      // What its owner changed in a zone of its own meanwhile is not lost.
      await answersEverywhere("last.site-a.example", "while cut off");
      await lab.converged(patience);
    });

    it("has the former primary stay a secondary over restarts, until its stack says so", async () => {
      for (const pod of pods("site-a")) pod.killWorker();
      await lab.site("site-a").stop("SIGKILL");
      await lab.site("site-a").start();
      await saysFenced("site-a");
      await follow({ number: 2, primary: "site-b" });
      await rm(lab.site("site-a").path("central"), { recursive: true });
      await bring("site-a");
      await follow({ number: 2, primary: "site-b" });
      await calm();
    });

    it("goes on when the primary is dead, and takes it in as a secondary when it is back", async () => {
      await lab.change("site-b.example", { name: "last.site-b.example", type: "TXT", value: '"last words"' }, patience);
      await lab.network.cut("site-b");
      await changeAlone("site-b", "unheard.example");
      for (const pod of pods("site-b")) await pod.stop("SIGKILL");
      await lab.network.heal("site-b");
      await promoteByRunbook("site-c");
      await follow({ number: 3, primary: "site-c" }, "site-a", "site-c", "site-d");
      await Promise.all(pods("site-b").map((pod) => pod.start()));
      await saysFenced("site-b");
      await follow({ number: 3, primary: "site-c" });
      for (const pod of pods()) expect(await pod.files(), pod.podName).not.to.include("unheard.example");
      await answersEverywhere("last.site-b.example", "last words");
      await rm(lab.site("site-b").path("central"), { recursive: true });
      await bring("site-b");
      await calm();
    });

    it("comes to one primary when two promotions cross, from two copies of the shared stack's state", async () => {
      const roles = lab.list.map(({ role }) => role);
      const { epoch } = lab.plan;
      await lab.network.cut("site-b");
      await lab.network.cut("site-c");
      await promote("site-b");
      lab.list.forEach((site, i) => (site.role = roles[i]!));
      lab.plan.epoch = epoch;
      await promote("site-a");
      expect(lab.plan.epoch).to.deep.equal({ number: 4, primary: "site-a" });
      for (const pod of pods("site-b")) await heldAt(pod, '"epoch=4" "primary=site-b"');
      await lab.network.heal("site-b");
      await lab.network.heal("site-c");
      await saysFenced("site-b", "site-c");
      await follow({ number: 4, primary: "site-a" });
      // One of the copies promotes once more, above both.
      await promote("site-b");
      await follow({ number: 5, primary: "site-b" });
      await bring("site-a");
      await bring("site-c");
      await lab.converged(patience);
      await calm();
    });
  });
}
