import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { UserError } from "../../src/base/errors";
import { cacheDir } from "./cache";
import { installed, onPath, type Progress, recipeHash } from "./install";
import { run } from "./run";

/** The module whose versions count: external-dns's own, and what it reads itself. */
const template = join(__dirname, "external-dns");

const gateway = (of: string): string => `config/crd/experimental/gateway.networking.k8s.io_${of}.yaml`;
const wanted: Readonly<Record<string, readonly string[]>> = {
  "sigs.k8s.io/gateway-api": ["gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes"].map(
    gateway,
  ),
  "sigs.k8s.io/external-dns": ["config/crd/standard/dnsendpoints.externaldns.k8s.io.yaml"],
};

function folderName(): string {
  const sums = ["go.mod", "go.sum"].map((file) => readFileSync(join(template, file), "utf8"));
  return `definitions-${recipeHash(...sums, JSON.stringify(wanted))}`;
}

/** Puts the definitions of kinds that others have into the cache, as their Go modules have them. */
export async function ensureDefinitions(progress: Progress): Promise<void> {
  const go = onPath("go");
  if (go === undefined)
    throw new UserError("go is not on PATH, and fetches definitions from their modules: install Go");
  await installed(
    {
      title: "definitions of Gateway API and DNSEndpoint",
      folder: folderName(),
      usual: "10 s",
      build: async (draft) => {
        const module = join(draft, "module");
        cpSync(template, module, { recursive: true });
        mkdirSync(join(draft, "crds"));
        for (const [path, files] of Object.entries(wanted)) {
          const env = { ...process.env, GOWORK: "off", GOFLAGS: "-mod=mod" };
          const said = await run(go, ["mod", "download", "-json", path], { cwd: module, env, timeoutMs: 600_000 });
          const { Dir: folder } = JSON.parse(said) as { Dir: string };
          for (const file of files) copyFileSync(join(folder, file), join(draft, "crds", basename(file)));
        }
      },
    },
    progress,
  );
}

/** Files with the definitions of Gateway API's kinds, and of DNSEndpoint. {@link ensureDefinitions} puts them there. */
export function definitionFiles(): string[] {
  const folder = join(cacheDir(), folderName(), "crds");
  return readdirSync(folder).map((file) => join(folder, file));
}
