import { expect } from "chai";
import { allWork, everFired, work, type WorkPlace } from "../../../harness/monitoring/ordinary-work";
import { askedQuery, rows } from "../../../harness/monitoring/panels";
import { WatchedLab } from "../../../harness/monitoring/watched-lab";
import { ensureTools } from "../../../harness/tools";
import { Lab } from "../../../lab";
import { MeshVault } from "../../../lab/mesh-vault";
import { LabRotator } from "../../../lab/rotator";

const settings = { every: 86_400, patience: 60, overlap: 1, margin: 2.5 };

/** Ten minutes of the rules are a minute here; `npm run bench:alerts` does the same for an hour, at the rules' own pace. */
describe("alerts during ordinary work", function () {
  this.timeout(240_000);

  it("are silent: sites join and leave, pods are replaced, agents crash, keys rotate", async () => {
    await ensureTools(["prometheus", "vault"]);
    await using vault = await MeshVault.start();
    await using lab = await Lab.create({ sites: 3, vault });
    await lab.upAll();
    await lab.converged(30);
    await using watched = await WatchedLab.start(lab, { timeFactor: 1 / 10, probed: ["site-b.example"] });
    const rotator = new LabRotator({ lab, vault, site: lab.plan.primary, settings });
    const place: WorkPlace = { lab, watched, rotator };
    for (const [turn, piece] of allWork.entries()) await work(piece, place, turn);
    expect(await everFired(watched), lab.logs().slice(-8000)).to.deep.equal([]);
    // Not because nothing is judged; and what shows only with Vault is shown.
    for (const { title, queries } of rows.flatMap(({ panels }) => panels.filter(({ needs }) => needs === "vault")))
      for (const query of queries)
        expect(await watched.prometheus.query(askedQuery(query)), title).to.have.length.above(0);
    expect(await watched.prometheus.brokenRules()).to.deep.equal([]);
    expect(await watched.prometheus.query("max_over_time(dns_mesh_agent_ready[10m])")).to.have.length.above(3);
  });
});
