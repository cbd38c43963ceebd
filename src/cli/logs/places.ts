import { UserError } from "../../base/errors";
import { inParallel } from "../../base/in-parallel";
import { briefly, clusterClient } from "../../kube/cluster-client";
import { sitesWithClusters } from "../agent-reports";
import type { MeshAccess } from "../mesh-access";
import { placeOf } from "../place";
import { requireSiteOf } from "../site-of-mesh";
import { clusterLogs, silentPlace } from "./cluster-logs";
import { fileLogs } from "./file-logs";
import type { LogPlace } from "./gather";

/** Whose logs are wanted. */
export interface LogChoice {
  /** @default all */
  readonly sites?: readonly string[];
  /** @default all */
  readonly containers?: readonly string[];
  readonly previous?: boolean;
}

/** Where logs are, and sites of which nothing says where. */
export interface LogPlaces {
  readonly places: readonly LogPlace[];
  readonly notAsked: readonly string[];
}

const width = 8;

/**
 * Finds the logs of a mesh's sites: in their clusters, or where a lab keeps them.
 *
 * @throws UserError for a site that the mesh does not have, and where nothing says where any logs are.
 */
export async function logPlaces(access: MeshAccess, choice: LogChoice): Promise<LogPlaces> {
  const names = access.mesh.sites.map(({ name }) => name);
  const strange = choice.sites?.filter((site) => !names.includes(site)) ?? [];
  if (strange.length > 0)
    throw new UserError(`${access.from} has no site ${strange.join(", ")}; it has ${names.join(", ")}`);
  const wanted = names.filter((name) => choice.sites?.includes(name) ?? true);
  return access.isLab ? labPlaces(access, wanted, choice) : clusterPlaces(access, wanted, choice);
}

function labPlaces(access: MeshAccess, wanted: readonly string[], { containers }: LogChoice): LogPlaces {
  const { logs } = access;
  if (logs === undefined) throw new UserError(`${access.from} does not say where the lab keeps logs`);
  const places = wanted.map((site) => {
    const files = logs.filter((log) => log.site === site && (containers?.includes(log.container) ?? true));
    return fileLogs(site, files, access.from);
  });
  return { places, notAsked: [] };
}

async function clusterPlaces(
  access: MeshAccess,
  wanted: readonly string[],
  { containers, previous }: LogChoice,
): Promise<LogPlaces> {
  const { known, unknown } = sitesWithClusters(access);
  const asked = wanted.filter((site) => known.includes(site));
  const notAsked = wanted.filter((site) => unknown.includes(site));
  if (asked.length === 0)
    throw new UserError(
      "no cluster is known: run this in the folder of the sites' stack files (Pulumi.SITE.yaml with dns-mesh:context), or name the list there with --file",
    );
  const places = new Map<string, LogPlace>();
  await inParallel(width, asked, async (site) => {
    try {
      const { namespace, ...where } = placeOf(site, {}, access.folder);
      const kube = await clusterClient(where, briefly);
      await requireSiteOf(access.mesh, { kube, namespace }, site);
      places.set(
        site,
        clusterLogs({ site, namespace, kube, ...(containers && { containers }), ...(previous && { previous }) }),
      );
    } catch (error) {
      places.set(site, silentPlace(site, error));
    }
  });
  return { places: asked.flatMap((site) => places.get(site) ?? []), notAsked };
}
