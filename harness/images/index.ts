import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { ensureTools, toolPath } from "../tools";
import { cacheDir } from "../tools/cache";
import { knotResolverRoot, resticProgram } from "../tools/debian";
import type { Progress } from "../tools/install";
import { knotPrograms, type KnotSource, knotSource } from "../tools/knot";
import { withLock } from "../tools/lock";
import { type ImageSettings, packImage } from "./archive";
import { dropOld } from "./old";
import { addBusybox, addFile, createRoot, libraries } from "./rootfs";

/** An image that the harness makes and how. */
interface Recipe {
  readonly settings: ImageSettings;
  /** What else than the recipe decides what is in it. */
  readonly inputs: readonly string[];
  readonly fill: (root: string) => Promise<void> | void;
}

/** An image on disk. */
export interface ImageArchive {
  readonly name: string;
  readonly archive: string;
}

/** Images by what they are for. */
export interface Images {
  readonly pause: ImageArchive;
  readonly knot: ImageArchive;
  readonly node: ImageArchive;
  readonly restic: ImageArchive;
}

function nodeProgram(): string {
  const own = join(__dirname, "../../node_modules/node/bin/node");
  return realpathSync(existsSync(own) ? own : process.execPath);
}

function nodeVersion(): string {
  const file = join(__dirname, "../../node_modules/node/package.json");
  if (!existsSync(file)) return process.versions.node;
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Holds a pod's namespaces open, and does nothing else. */
function pauseRecipe(): Recipe {
  return {
    settings: { name: "localhost/dns-mesh/pause:1", command: ["/bin/sleep", "2147483647"] },
    inputs: [],
    fill: (root) => {
      addBusybox(root);
    },
  };
}

/** Knot DNS with its tools and their libraries, each at the path where Debian has it, run by its usual user. */
function knotRecipe({ version, programs, loader }: KnotSource): Recipe {
  return {
    settings: {
      name: `localhost/dns-mesh/knot:${version}`,
      command: ["knotd", "-c", "/config/knot.conf"],
      user: "53:53",
    },
    inputs: [version, String(loader === undefined)],
    fill: async (root) => {
      addBusybox(root);
      for (const [name, program] of programs) {
        addFile(root, program, knotPrograms[name as keyof typeof knotPrograms]);
        for (const library of await libraries(program, loader)) {
          const target = loader ? join("usr/lib", basename(loader.folder), basename(library)) : merged(library);
          addFile(root, library, target);
        }
      }
      if (loader) addFile(root, loader.path, join("usr", linkerFolder, basename(loader.path)));
    },
  };
}

/** Where programs look for their dynamic linker. */
const linkerFolder = process.arch === "arm64" ? "lib" : "lib64";

/** A path with `/lib` where a merged root has it. */
function merged(path: string): string {
  return path.replace(/^\/lib/, "usr/lib");
}

/** Node with the machine's own C library. */
function nodeRecipe(): Recipe {
  const version = nodeVersion();
  return {
    settings: {
      name: `localhost/dns-mesh/node:${version.split(".")[0] ?? version}`,
      command: ["node"],
      user: "1000:1000",
    },
    inputs: [version],
    fill: async (root) => {
      addBusybox(root);
      const program = nodeProgram();
      addFile(root, program, "usr/bin/node");
      for (const library of await libraries(program)) addFile(root, library, merged(library));
      const certificates = "/etc/ssl/certs/ca-certificates.crt";
      if (existsSync(certificates)) addFile(root, certificates, certificates);
    },
  };
}

/** restic, a static program, and what copies it. */
function resticRecipe(): Recipe {
  const program = resticProgram();
  return {
    settings: { name: "localhost/dns-mesh/restic:1", command: ["/usr/bin/restic"] },
    inputs: [program],
    fill: (root) => {
      addBusybox(root);
      addFile(root, program, "usr/bin/restic");
    },
  };
}

/** Knot Resolver with its modules, without its manager, at the paths where Debian has them. */
async function resolverRecipe(): Promise<Recipe> {
  const { path: debian, version } = await knotResolverRoot(() => undefined);
  return {
    settings: { name: `localhost/dns-mesh/knot-resolver:${version}`, command: ["kresd"], user: "53:53" },
    inputs: [version],
    fill: (root) => {
      addBusybox(root);
      for (const path of ["usr/lib", "usr/share/dns", "usr/share/luajit-2.1", "etc/knot-resolver"])
        cpSync(join(debian, path), join(root, path), {
          ...{ recursive: true, verbatimSymlinks: true },
          filter: (source) => !/\/(python3|gconv|systemd)$/.test(source),
        });
      addFile(root, join(debian, "usr/sbin/kresd"), "usr/sbin/kresd");
      const linker = join("usr", linkerFolder);
      if (existsSync(join(debian, linker)))
        cpSync(join(debian, linker), join(root, linker), { recursive: true, verbatimSymlinks: true });
    },
  };
}

/** CoreDNS, a static program. */
function coreDnsRecipe(): Recipe {
  const program = realpathSync(toolPath("coredns"));
  return {
    settings: { name: "localhost/dns-mesh/coredns:1", command: ["coredns"] },
    inputs: [program],
    fill: (root) => {
      addBusybox(root);
      addFile(root, program, "usr/bin/coredns");
    },
  };
}

const recipeSources = ["index.ts", "archive.ts", "rootfs.ts"].map((file) =>
  readFileSync(join(__dirname, file), "utf8"),
);

const keyLength = 12;

async function ensureImage(recipe: Recipe): Promise<ImageArchive> {
  const { name } = recipe.settings;
  const key = createHash("sha256")
    .update(JSON.stringify([...recipeSources, ...recipe.inputs]))
    .digest("hex");
  const folder = join(cacheDir(), "images");
  const archive = join(folder, `${name.split("/").pop()?.replace(":", "-") ?? "image"}-${key.slice(0, keyLength)}.tar`);
  if (existsSync(archive)) return { name, archive };
  mkdirSync(folder, { recursive: true });
  return withLock(`${archive}.lock`, async () => {
    if (!existsSync(archive)) {
      const root = mkdtempSync(join(tmpdir(), "dns-mesh-image-"));
      try {
        createRoot(root);
        await recipe.fill(root);
        await packImage(root, recipe.settings, archive);
        const prefix = basename(archive).slice(0, -keyLength - ".tar".length);
        dropOld(folder, (one) => one.startsWith(prefix) && one.endsWith(".tar"));
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    }
    return { name, archive };
  });
}

/** The image of a site's resolver, which clusters do not have unless they are given it. */
export async function ensureResolverImage(): Promise<ImageArchive> {
  return ensureImage(await resolverRecipe());
}

/** The same of CoreDNS, which `ensureTools` has built. */
export function ensureCoreDnsImage(): Promise<ImageArchive> {
  return ensureImage(coreDnsRecipe());
}

/**
 * The images that clusters run, made when they are not in the cache yet, and so are the programs in them. A changed recipe or version makes
 * a new one.
 */
export async function ensureImages(progress: Progress = () => undefined): Promise<Images> {
  await ensureTools(["knot", "restic"], progress);
  const [pause, knot, node, restic] = await Promise.all(
    [pauseRecipe(), knotRecipe(await knotSource()), nodeRecipe(), resticRecipe()].map(ensureImage),
  );
  if (!pause || !knot || !node || !restic) throw new Error("an image is missing");
  return { pause, knot, node, restic };
}
