import { randomBytes } from "node:crypto";

import type { Lab } from "../../lab";
import { renderCatalog } from "../../src/mesh/catalog";
import { renderDirectory } from "../../src/mesh/directory";
import type { Mesh } from "../../src/mesh/model";
import type { FaultKind } from "./fault";

/** What a stack that went wrong writes. */
export type CentralFault = Extract<FaultKind, `central-${string}`>;

/** Mounts wrong central zones at the primary. Returns how to mount those of the list again. */
export async function spoilCentralZones(lab: Lab, kind: CentralFault): Promise<() => Promise<void>> {
  await lab.site(lab.plan.primary).mountCentral(lab.mesh, textsOf(kind, lab.mesh, lab.plan.primary));
  return () => lab.up();
}

function textsOf(kind: CentralFault, mesh: Mesh, primary: string) {
  switch (kind) {
    case "central-empty": {
      const nothing: Mesh = { ...mesh, sites: [] };
      return { directory: renderDirectory(nothing), catalog: renderCatalog(nothing) };
    }
    case "central-half": {
      const lines = renderDirectory(mesh).split("\n");
      return { directory: `${lines.slice(0, Math.ceil(lines.length / 2)).join("\n")}\n` };
    }
    case "central-shrunk": {
      const alone: Mesh = { ...mesh, sites: mesh.sites.filter(({ name }) => name === primary) };
      return { directory: renderDirectory(alone), catalog: renderCatalog(alone) };
    }
    case "central-random":
      return { directory: randomBytes(2000).toString("latin1"), catalog: randomBytes(2000).toString("latin1") };
  }
}
