import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";

import { buildSync } from "esbuild";

import { siteSource } from "../../src/agents/sidecar/own-zones/zone-source";
import { effectiveRing, type RingDocument } from "../../src/keyring/ring-document";
import { readInPod } from "../clusters/read-in-pod";
import type { LoadedMesh, LoadedSite } from "../load/full-load";
import { type RunningMesh, zoneNames } from "./running-mesh";

/** Seconds that one call changes a zone for: entering a container takes longer than a change. */
const changingSeconds = 5;

interface MeshToLoad {
  readonly mesh: RunningMesh;
  /** The ring as a site finds it that has just looked. */
  readonly ring: () => Promise<RingDocument>;
}

/** A mesh in clusters as the load on a mesh sees it. Its sites take zones with the certificates on their pods' volumes. */
export async function loadedMesh(parts: MeshToLoad): Promise<LoadedMesh> {
  const { mesh } = parts;
  const program = changeProgram();
  return {
    sites: await Promise.all(mesh.sites.map(({ name }) => loadedSite({ ...parts, program }, name))),
    zones: () => mesh.zones(),
    converged: (seconds) => mesh.converged(seconds),
  };
}

/** `change-zone.ts` as one line of JavaScript. */
function changeProgram(): string {
  const entryPoints = [join(__dirname, "change-zone.ts")];
  const { outputFiles } = buildSync({ entryPoints, bundle: true, write: false, platform: "node", minify: true });
  return outputFiles.map(({ text }) => text).join("");
}

async function loadedSite(parts: MeshToLoad & { readonly program: string }, name: string): Promise<LoadedSite> {
  const { mesh, program } = parts;
  const cluster = mesh.cluster(name);
  const inside = (container: "knot" | "agent") => ({ namespace: "dns-system", pod: "knot-0", container });
  const file = (path: string): Promise<string> => readInPod(cluster, inside("knot"), `/storage/mesh/${path}`);
  const packet = await mesh.packet(name);
  const [certificate, privateKey] = await Promise.all([file("tls/tls.crt"), file("tls/tls.key")]);
  const runtime = { remotePort: 53, secure: { listen: [], remotePort: 853 } };
  const identity = { certificate, privateKey, roots: packet.ca };
  // One that does not fit would be refused at each transfer, and nobody would see why.
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey)))
    throw new Error(`certificate and key on the volume of ${name} do not fit`);
  const [own = ""] = mesh.sites.filter((site) => site.name === name).flatMap(zoneNames);
  return {
    name,
    server: { address: cluster.siteAddress, port: 53 },
    change: async (text) => {
      await cluster.execInPod(inside("agent"), ["node", "-e", program, own, text, String(changingSeconds)]);
    },
    sourceOf: async (other) =>
      siteSource({
        inputs: { packet, ring: effectiveRing(await parts.ring(), Date.now()), identity, runtime },
        site: other,
        address: mesh.cluster(other).siteAddress,
      }),
    listen: (listener) => {
      const since = `--since-time=${new Date().toISOString()}`;
      return {
        [Symbol.asyncDispose]: async () => {
          const logs = (container: string): Promise<string> =>
            cluster.kubectl(["-n", "dns-system", "logs", "knot-0", "-c", container, since]);
          listener(await logs("knot"));
          listener(knotLines(await logs("agent")));
        },
      };
    },
  };
}

/** What the agent passed on of Knot's log, as Knot wrote it; its own lines stay as they are. */
function knotLines(log: string): string {
  const lines = log.split("\n").map((line) => {
    if (!line.includes('"from":"knot"')) return line;
    const { time, level, message } = JSON.parse(line) as { time: string; level: string; message: string };
    return `${time} ${level}: ${message}`;
  });
  return lines.join("\n");
}
