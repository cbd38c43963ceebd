import type { Lab } from "../../lab/lab";
import type { LabSite } from "../../lab/site";
import { readInputs } from "../../src/agents/sidecar/inputs/inputs";
import { readAgentOptions } from "../../src/agents/sidecar/inputs/options";
import { siteSource } from "../../src/agents/sidecar/own-zones/zone-source";
import type { LoadedMesh, LoadedSite } from "../load/full-load";

/** A lab as the load on a mesh sees it. Its sites take zones with what lies in their files. */
export function loadedLab(lab: Lab): LoadedMesh {
  return {
    sites: [...lab.sites.values()].map((site) => loadedSite(lab, site)),
    zones: () => lab.zones(),
    converged: (seconds) => lab.converged(seconds),
  };
}

function loadedSite(lab: Lab, site: LabSite): LoadedSite {
  const { name, server } = site;
  const zone = `${name}.example`;
  return {
    name,
    server,
    change: async (text) => {
      await site.control.zoneReplace(zone, { owner: `t.${zone}`, ttl: 1, type: "TXT", data: `"${text}"` });
      await site.http("POST", "/announce");
    },
    sourceOf: async (other) => {
      const options = readAgentOptions(site.environment());
      const inputs = await readInputs(options, Date.now());
      return siteSource({ inputs, site: other, address: lab.site(other).address });
    },
    listen: (listener) => {
      const listening = site.onLog(listener);
      return {
        [Symbol.asyncDispose]: () => {
          listening[Symbol.dispose]();
          return Promise.resolve();
        },
      };
    },
  };
}
