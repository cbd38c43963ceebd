import { FullLoad } from "../harness/load/full-load";
import { loadedLab } from "../harness/mesh/loaded-lab";
import { ensureTools } from "../harness/tools";
import { Lab } from "../lab";
import { MeshVault } from "../lab/mesh-vault";
import { LabRotator, rotateOnce } from "../lab/rotator";
import { table } from "../src/base/table";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";

const options = {
  sites: wholeNumber(3, { least: 2, most: 26 }),
  rotations: wholeNumber(3, { most: 1000 }),
};

/** Steps follow each other as fast as the sites' looks at Vault (every half second here) allow. */
const settings = { every: 86_400, patience: 60, overlap: 1, margin: 2.5 };

function log(line: string): void {
  console.error(line);
}

/** Rotates the key ring of a mesh at full load, and counts what went wrong: nothing may. */
async function rotations(values: Values<typeof options>): Promise<object> {
  await ensureTools(["knot", "vault"], log);
  log(`starting Vault and a mesh of ${values.sites} sites`);
  await using vault = await MeshVault.start();
  await using lab = await Lab.create({ sites: values.sites, vault });
  await lab.upAll();
  await lab.converged(60);
  const rotator = new LabRotator({ lab, vault, site: lab.plan.primary, settings });
  await using load = FullLoad.start(loadedLab(lab));
  for (let i = 1; i <= values.rotations; i++) {
    await rotateOnce(rotator);
    log(`rotation ${i} of ${values.rotations}: ${(await vault.ring()).document.current.name} is the current key`);
  }
  const { failures, ...counts } = await load.stop();
  for (const failure of failures) log(failure);
  const { transfers, notifies, answers } = counts;
  console.log(
    table([
      [`during ${values.rotations} rotations`, "tried", "failed"],
      ["transfers", transfers.tried, transfers.failed].map(String),
      ["NOTIFYs", notifies.tried, notifies.refused].map(String),
      ["answers", answers.tried, answers.lost].map(String),
    ]),
  );
  return { rotations: values.rotations, ...counts };
}

export const bench = defineBench(module, {
  about: `What fails of transfers, NOTIFYs and answers while the key ring of a mesh at full load is rotated: nothing may.`,
  options,
  seconds: (values) => 40 + 2 * values.sites + 20 * values.rotations,
  smallest: ["--sites", "2", "--rotations", "1"],
  run: rotations,
});
