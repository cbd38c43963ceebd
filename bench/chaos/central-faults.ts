import { randomBytes } from "node:crypto";

import { knotBinaries } from "../../harness/knot";
import { run } from "../../harness/tools/run";
import type { Lab, LabSite } from "../../lab";
import { catalogZone, directoryZone } from "../../lab/plan";
import { writeAtomically } from "../../src/base/files";
import { zoneFileName } from "../../src/base/names";
import { stampSerial } from "../../src/dns/master-file";
import { renderCatalog } from "../../src/mesh/catalog";
import { renderDirectory } from "../../src/mesh/directory";
import { signEpoch } from "../../src/mesh/epoch";
import type { Mesh } from "../../src/mesh/model";
import type { FaultKind } from "./fault";

/** What a stack that went wrong writes, or a volume that was set back. */
export type CentralFault = Extract<FaultKind, `central-${string}`>;

/** Texts of the central zones; what is left out is as the list has it. */
interface CentralTexts {
  readonly directory?: string;
  readonly catalog?: string;
}

/** By so many seconds a serial that is set back is older than any that the run has made. */
const setBackSeconds = 7 * 86_400;
/** For Knot to do what it is asked for. */
const controlSeconds = 5;

/** Has the primary serve wrong central zones. Returns how to mount those of the list again. */
export async function spoilCentralZones(lab: Lab, kind: CentralFault): Promise<() => Promise<void>> {
  const { mesh, plan } = lab;
  const primary = lab.site(plan.primary);
  if (kind === "central-older") await setBack(primary, spoiltMesh(kind, { mesh, plan }));
  else await primary.mountCentral(mesh, spoiltTexts(kind, { mesh, plan }));
  return () => lab.up();
}

function spoiltTexts(kind: Exclude<CentralFault, "central-older">, lab: Pick<Lab, "mesh" | "plan">): CentralTexts {
  switch (kind) {
    case "central-half": {
      const lines = renderDirectory(lab.mesh).split("\n");
      return { directory: `${lines.slice(0, Math.ceil(lines.length / 2)).join("\n")}\n` };
    }
    case "central-random":
      return { directory: randomBytes(2000).toString("latin1"), catalog: randomBytes(2000).toString("latin1") };
    default: {
      const mesh = spoiltMesh(kind, lab);
      return { directory: renderDirectory(mesh), catalog: renderCatalog(mesh) };
    }
  }
}

/** The mesh that whole central zones show in the place of the list's. */
export function spoiltMesh(
  kind: Exclude<CentralFault, "central-half" | "central-random">,
  { mesh, plan }: Pick<Lab, "mesh" | "plan">,
): Mesh {
  switch (kind) {
    case "central-empty":
      return { ...mesh, sites: [] };
    case "central-shrunk":
      return { ...mesh, sites: mesh.sites.filter(({ name }) => name === plan.primary) };
    case "central-former":
      return formerMesh({ mesh, plan });
    case "central-older":
      return withoutLast(mesh);
  }
}

/** As before the last site joined. Within the limits of removal, so that no limit keeps a site from following it. */
function withoutLast(mesh: Mesh): Mesh {
  return { ...mesh, sites: mesh.sites.slice(0, -1) };
}

/** As in the epoch before, signed by the shared stack of then: the second site had the primary catalog. */
function formerMesh({ mesh, plan }: Pick<Lab, "mesh" | "plan">): Mesh {
  const [first, second, ...others] = withoutLast(mesh).sites;
  if (first === undefined || second === undefined) throw new Error("a mesh of one site had no other primary");
  const sites = [{ ...first, role: second.role }, { ...second, role: first.role }, ...others];
  const former = { number: plan.epoch.number - 1, primary: second.name };
  return { ...mesh, sites, epoch: signEpoch(directoryZone, former, plan.signer.privateKey) };
}

/** As on a volume that was set back: what Knot has of the zones is gone, and it serves the files with their own serials. */
async function setBack(site: LabSite, mesh: Mesh): Promise<void> {
  const serial = Math.floor(Date.now() / 1000) - setBackSeconds;
  const texts = new Map([
    [directoryZone, renderDirectory(mesh)],
    [catalogZone, renderCatalog(mesh)],
  ]);
  const control = ["-s", site.path("run", "knot.sock"), "-b", "-t", String(controlSeconds), "-f"];
  try {
    for (const [zone, text] of texts)
      await writeAtomically(site.path("storage", "zones", zoneFileName(zone)), stampSerial(text, serial));
    await run(knotBinaries().knotc, [...control, "zone-purge", ...texts.keys(), "+expire", "+journal"]);
    await run(knotBinaries().knotc, [...control, "zone-reload", ...texts.keys()]);
  } catch {
    // Another fault has the volume, or Knot: what it has is not set back then.
  }
}
