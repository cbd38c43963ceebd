import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { UserError } from "../../src/base/errors";
import { installed, linkTool, onPath, type Progress, recipeHash } from "./install";
import { run } from "./run";

/** JSON files in a folder of a module, copied minified into a folder of ours, with top-level fields of ours. */
interface JsonFiles {
  readonly module: string;
  readonly from: string;
  readonly into: string;
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A tool that the Go toolchain builds from a module of ours. */
export interface GoTool {
  readonly name: string;
  readonly version: string;
  /** Programs that it gives; several are links to the one that is built. */
  readonly programs: readonly [string, ...string[]];
  readonly package: string;
  /** Folder here with the module that it is built from; several tools can share one, and what they have in common compiles once. @default its name */
  readonly module?: string;
  /** Modules that this tool needs in another version than its module says, with that version. */
  readonly pinned?: Readonly<Record<string, string>>;
  /** Modules that a folder of ours is in the place of, with the sources in it. */
  readonly replaced?: Readonly<Record<string, { readonly folder: string; readonly files: readonly string[] }>>;
  /** JSON files of a module that are compiled in. */
  readonly embeds?: JsonFiles;
  /** A folder of a module that is kept beside the programs. */
  readonly keeps?: { readonly module: string; readonly folder: string };
  readonly flags: readonly string[];
  readonly usual: string;
  /** How a program on PATH tells its version. */
  readonly versionArguments: (program: string) => readonly string[];
  /** Whether that version on PATH does as well. */
  readonly fits: RegExp;
}

/** Nobody debugs these programs: a sixth of the compiler's work goes into what a debugger would read. */
const asUsual = "-gcflags=all=-dwarf=false";

/** For programs whose speed nothing is measured by: compiles in two thirds of the time. */
const withoutInlining = `${asUsual} -l`;

/** What `@pulumi/kubernetes` in package.json asks for. */
const providerVersion = "4.34.2";

const component = "k8s.io/component-base/version";

/** What is built with Go, and how. */
export const goTools = {
  kubernetes: {
    name: "kubernetes",
    version: "v1.34.3",
    programs: ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"],
    module: "clusters",
    package: "./kubernetes",
    flags: [
      asUsual,
      "-ldflags",
      `-s -w -X ${component}.gitVersion=v1.34.3 -X ${component}.gitMajor=1 -X ${component}.gitMinor=34`,
    ],
    usual: "9 min",
    versionArguments: (program) => (program === "kubectl" ? ["version", "--client"] : ["--version"]),
    fits: /v1\.34\.\d+/,
  },
  pulumi: {
    name: "pulumi",
    version: "v3.259.0",
    programs: ["pulumi"],
    module: "clusters",
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    // Without a version the Automation API refuses the engine.
    flags: [asUsual, "-ldflags", "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0"],
    usual: "4 min",
    versionArguments: () => ["version"],
    fits: /^v3\.(259|2[6-9]\d|[3-9]\d\d)\./m,
  },
  provider: {
    name: "pulumi-resource-kubernetes",
    version: `v${providerVersion}`,
    programs: ["pulumi-resource-kubernetes"],
    module: "clusters",
    package: "./provider",
    // It was written against these; newer ones have other types.
    pinned: { "github.com/pulumi/pulumi/pkg/v3": "v3.215.0", "github.com/pulumi/pulumi/sdk/v3": "v3.215.0" },
    replaced: {
      "github.com/pulumi/pulumi-kubernetes/sdk/v4": {
        folder: "without-components",
        files: [
          "go.mod",
          "go/kubernetes/kubernetes.go",
          "go/kubernetes/yaml/v2/yaml.go",
          "go/kubernetes/helm/v4/helm.go",
        ],
      },
    },
    embeds: {
      module: "github.com/pulumi/pulumi-kubernetes/provider/v4",
      from: "cmd/pulumi-resource-kubernetes",
      into: "provider",
      files: { "schema.json": { version: providerVersion }, "terraform-mapping.json": {} },
    },
    flags: [asUsual, "-ldflags", `-s -w -X main.version=${providerVersion}`],
    usual: "6 min",
    versionArguments: () => ["-version"],
    // Pulumi's own cannot tell its version.
    fits: /^(?!)/,
  },
  vault: {
    name: "vault",
    version: "v1.21.1",
    programs: ["vault"],
    package: "github.com/hashicorp/vault",
    replaced: {
      "github.com/hashicorp/go-discover": {
        folder: "without-discovery",
        files: ["go.mod", "discover.go", "provider/k8s/k8s.go"],
      },
    },
    flags: [withoutInlining, "-tags", "minimal", "-ldflags", "-s -w"],
    usual: "5 min",
    versionArguments: () => ["version"],
    fits: /Vault v1\.(1[5-9]|2\d)\./,
  },
  policies: {
    name: "kube-network-policies",
    version: "v0.8.0",
    programs: ["kube-network-policies"],
    package: "sigs.k8s.io/kube-network-policies/cmd",
    flags: [withoutInlining, "-ldflags", "-s -w"],
    usual: "2 min",
    // It cannot tell its version, so that one on PATH never fits.
    versionArguments: () => ["-h"],
    fits: /kube-network-policies v0\.8\./,
  },
  kubeconform: {
    name: "kubeconform",
    version: "v0.8.0",
    programs: ["kubeconform"],
    package: "github.com/yannh/kubeconform/cmd/kubeconform",
    flags: [withoutInlining, "-ldflags", "-s -w -X main.version=v0.8.0"],
    usual: "10 s",
    versionArguments: () => ["-v"],
    fits: /v0\.([6-9]|\d\d)\./,
  },
  "external-dns": {
    name: "external-dns",
    version: "v0.20.0",
    programs: ["external-dns"],
    package: "sigs.k8s.io/external-dns",
    flags: [asUsual, "-ldflags", "-s -w -X sigs.k8s.io/external-dns/pkg/apis/externaldns.Version=v0.20.0"],
    usual: "5 min",
    versionArguments: () => ["--version"],
    fits: /^v0\.(19|2\d)\./m,
  },
  coredns: {
    name: "coredns",
    version: "v1.12.1",
    programs: ["coredns"],
    package: ".",
    // Without a C library, as it is released.
    flags: [withoutInlining, "-tags", "netgo,osusergo", "-ldflags", "-s -w"],
    usual: "2 min",
    versionArguments: () => ["-version"],
    fits: /^CoreDNS-1\.1[2-9]\./m,
  },
  pebble: {
    name: "pebble",
    version: "v2.8.0",
    programs: ["pebble"],
    package: "github.com/letsencrypt/pebble/v2/cmd/pebble",
    flags: [withoutInlining, "-ldflags", "-s -w -X main.version=v2.8.0"],
    usual: "20 s",
    versionArguments: () => ["-version"],
    fits: /v2\.([6-9]|\d\d)\./,
  },
  "cert-manager": {
    name: "cert-manager",
    version: "v1.21.2",
    programs: ["cert-manager-controllers"],
    package: ".",
    keeps: { module: "github.com/cert-manager/cert-manager", folder: "deploy/crds" },
    flags: [withoutInlining, "-ldflags", "-s -w"],
    usual: "3 min",
    versionArguments: () => ["-version"],
    // A program on PATH would have no definitions beside it.
    fits: /^(?!)/,
  },
  gitops: {
    name: "gitops",
    version: "v1",
    programs: ["kstatus", "argo-health", "flux-health", "actionlint"],
    package: ".",
    // As the clusters, with whose packages it has most in common.
    flags: [asUsual, "-ldflags", "-s -w"],
    usual: "1 min",
    versionArguments: () => [],
    // Programs on PATH by these names would be others.
    fits: /^(?!)/,
  },
  versitygw: {
    name: "versitygw",
    version: "v1.8.0",
    programs: ["versitygw"],
    package: "github.com/versity/versitygw/cmd/versitygw",
    flags: [withoutInlining, "-ldflags", "-s -w -X main.Version=v1.8.0"],
    usual: "2 min",
    versionArguments: () => ["--version"],
    fits: /v1\.([89]|\d\d)\./,
  },
} as const satisfies Record<string, GoTool>;

/** The programs on PATH when all of them are there and fit, by name. */
async function suitable(tool: GoTool): Promise<Map<string, string> | undefined> {
  const found = new Map<string, string>();
  for (const program of tool.programs) {
    const path = onPath(program);
    if (path === undefined) return undefined;
    const said = await run(path, tool.versionArguments(program), { timeoutMs: 20_000 }).catch(() => "");
    if (!tool.fits.test(said)) return undefined;
    found.set(program, path);
  }
  return found;
}

/** Links a tool's programs into the cache's `bin`: those on PATH when they fit, otherwise our own, built when need be. */
export async function ensureGoTool(tool: GoTool, progress: Progress): Promise<void> {
  const template = join(__dirname, tool.module ?? tool.name);
  const programs = tool.package.startsWith(".") ? [join(tool.package, "main.go")] : [];
  const replaced = Object.values(tool.replaced ?? {}).flatMap(({ folder, files }) =>
    files.map((file) => join(folder, file)),
  );
  const files = ["go.mod", "go.sum", ...programs, ...replaced];
  const sources = files.map((file) => readFileSync(join(template, file), "utf8"));
  const settings = [tool.pinned, tool.replaced, tool.embeds].filter((setting) => setting !== undefined);
  const recipe = recipeHash(...sources, ...tool.flags, ...settings.map((setting) => JSON.stringify(setting)));
  const present = await suitable(tool);
  for (const [program, path] of present ?? []) linkTool(program, path);
  if (present) return;
  const folder = await installed(
    {
      title: `${tool.name} ${tool.version}`,
      folder: `${tool.name}-${tool.version}-${recipe}`,
      usual: tool.usual,
      build: (draft, tell) => compile(tool, { template, draft, tell }),
    },
    progress,
  );
  for (const program of tool.programs) linkTool(program, join(folder, tool.programs.length > 1 ? program : tool.name));
}

async function compile(tool: GoTool, build: { template: string; draft: string; tell: Progress }): Promise<void> {
  const go = onPath("go");
  if (go === undefined)
    throw new UserError(`${tool.name} is not on PATH and needs Go 1.26 or newer to be built: install Go`);
  const module = join(build.draft, "module");
  cpSync(build.template, module, { recursive: true });
  const output = join(build.draft, tool.name);
  // The compiler's heap may grow fivefold before it is collected: a tenth less CPU, and a GiB or two for the largest packages.
  const env = { GOGC: "400", ...process.env, GOFLAGS: "-buildvcs=false", GOWORK: "off" };
  const inModule = { cwd: module, env };
  // Downloads the module where it is not there yet, which `go list` would not.
  const folderOf = async (path: string): Promise<string> =>
    (
      JSON.parse(await run(go, ["mod", "download", "-json", path], { ...inModule, timeoutMs: 10 * 60_000 })) as {
        Dir: string;
      }
    ).Dir;
  const replacements = [
    ...Object.entries(tool.pinned ?? {}).map(([path, version]) => `${path}=${path}@${version}`),
    ...Object.entries(tool.replaced ?? {}).map(([path, { folder }]) => `${path}=./${folder}`),
  ];
  for (const replacement of replacements) await run(go, ["mod", "edit", `-replace=${replacement}`], inModule);
  if (tool.embeds !== undefined) copyJson(tool.embeds, await folderOf(tool.embeds.module), module);
  await run(go, ["build", "-v", "-mod=mod", ...tool.flags, "-o", output, tool.package], {
    ...inModule,
    timeoutMs: 45 * 60_000,
    onLine: build.tell,
  });
  if (tool.keeps !== undefined) {
    const source = join(await folderOf(tool.keeps.module), tool.keeps.folder);
    cpSync(source, join(build.draft, basename(tool.keeps.folder)), { recursive: true });
  }
  rmSync(module, { recursive: true });
  for (const program of tool.programs) if (program !== tool.name) symlinkSync(tool.name, join(build.draft, program));
}

function copyJson({ from, into, files }: JsonFiles, source: string, module: string): void {
  for (const [file, fields] of Object.entries(files)) {
    const content = JSON.parse(readFileSync(join(source, from, file), "utf8")) as object;
    writeFileSync(join(module, into, file), JSON.stringify({ ...content, ...fields }));
  }
}
