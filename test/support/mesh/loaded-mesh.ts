import type { LoadedMesh, LoadedSite } from "../../../bench/support/full-load";
import { siteSource } from "../../../src/agents/agent/zone-source";
import { effectiveRing, parseRingDocument } from "../../../src/mesh/ring-document";
import { eventually } from "../eventually";
import { zoneNames, type RunningMesh } from "./running-mesh";

/** Changes that one call makes: entering a container takes longer than a change. */
const changesAtOnce = 25;

/** Changes a zone so often. */
const changes = `
for i in $(seq ${changesAtOnce}); do
  knotc -s /rundir/knot.sock zone-begin "$0"
  knotc -s /rundir/knot.sock zone-unset "$0" t TXT || :
  knotc -s /rundir/knot.sock zone-set "$0" t 1 TXT "\\"$1-$i\\""
  knotc -s /rundir/knot.sock zone-commit "$0"
done`;

/** Tells the agent meanwhile, as often, as whoever changes an own zone does. */
const announcements = `
(async () => {
  for (let i = 0; i < ${changesAtOnce}; i++) {
    const { ok, status } = await fetch("http://127.0.0.1:8053/announce", { method: "POST" });
    if (!ok) throw new Error("the agent answered " + status);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
})()`;

/** A mesh in clusters as the load on a mesh sees it. Its sites take zones with what lies on their pods' volumes. */
export async function loadedMesh(mesh: RunningMesh): Promise<LoadedMesh> {
  return {
    sites: await Promise.all(mesh.sites.map(({ name }) => loadedSite(mesh, name))),
    zones: () => mesh.zones(),
    converged: (seconds) => mesh.converged(seconds),
  };
}

async function loadedSite(mesh: RunningMesh, name: string): Promise<LoadedSite> {
  const cluster = mesh.cluster(name);
  const inside = (container: "knot" | "agent", command: readonly string[]): Promise<string> =>
    cluster.execInPod({ namespace: "dns-system", pod: "knot-0", container }, command);
  const packet = await mesh.packet(name);
  const file = (path: string): Promise<string> => inside("knot", ["cat", `/storage/mesh/${path}`]);
  const [certificate, privateKey] = await Promise.all([file("tls/tls.crt"), file("tls/tls.key")]);
  const own = mesh.sites.filter((site) => site.name === name).flatMap(zoneNames);
  return {
    name,
    server: { address: cluster.siteAddress, port: 53 },
    change: async (text) => {
      const changing = own.map((zone) => inside("knot", ["sh", "-ec", changes, zone, text]));
      await Promise.all([...changing, inside("agent", ["node", "-e", announcements])]);
    },
    sourceOf: async (other) => {
      // Under load, what a short command writes in a container does not always come out.
      const document = await eventually(5, async () => parseRingDocument(JSON.parse(await file("ring.json"))));
      const ring = effectiveRing(document, Date.now());
      const identity = { certificate, privateKey, roots: packet.ca };
      return siteSource({
        inputs: { packet, ring, identity },
        runtime: { remotePort: 53, secure: { listen: [], remotePort: 853 } },
        site: other,
        address: mesh.cluster(other).siteAddress,
      });
    },
    listen: (listener) => {
      const since = new Date().toISOString();
      const logs = ["-n", "dns-system", "logs", "knot-0", "-c", "knot", `--since-time=${since}`];
      return {
        [Symbol.asyncDispose]: async () => {
          listener(await cluster.kubectl(logs));
        },
      };
    },
    operations: () => mesh.knotc(name, "stats", "mod-stats.server-operation"),
  };
}
