import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { parse } from "yaml";

import { bundle } from "../components/bundle";
import { type Checkout, checkOut } from "../harness/docs/checkout";
import { type ControlPlane, startControlPlane } from "../harness/plugins/control-plane";
import { standInForPods } from "../harness/plugins/pod-stand-in";
import { ensureTools } from "../harness/tools";
import { sparing } from "../harness/tools/cache";
import { UserError } from "../src/base/errors";
import { table } from "../src/base/table";
import type { UpOutcome } from "../src/cli/up/bring-up";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";
import { endedChildrenCpuMs } from "./support/processes";
import { median } from "./support/statistics";

const options = { sites: wholeNumber(3, { least: 2, most: 250 }), rounds: wholeNumber(5, { most: 50 }) };

/** What is done to one site's stack again and again, none of which changes anything. */
const operations = {
  preview: ["preview", "--expect-no-changes"],
  // What `mesh up` has the engine do with each stack.
  up: ["up", "--yes", "--skip-preview", "--expect-no-changes"],
  upWithPreview: ["up", "--yes", "--expect-no-changes"],
} as const;

const upAll = ["up", "--yes", "--parallel", "4", "--json"];
/** The first `up` is not what is measured: the engine writes its state once for each stack, and collects its garbage more rarely. */
const inAHurry = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true", ...sparing() };

/** A process from its start to its end. The CPU is that of its own children as well: language host, program, plugins. */
interface Ran {
  readonly ms: number;
  readonly cpuMs: number;
  readonly out: string;
}

/**
 * How long Pulumi takes for a site of which nothing has changed, and `mesh up` for a mesh with one change in its list. All sites are
 * namespaces of one cluster: a real API server with its controllers, whose pods are said to run. The engine and the Kubernetes
 * plugin are the real ones; the language host and the plugins for random values and certificates are stand-ins.
 */
async function bringingUp({ sites, rounds }: Values<typeof options>): Promise<object> {
  await ensureTools(["kubernetes", "pulumi", "provider"], log);
  await using plane = await startControlPlane();
  await using pods = new AsyncDisposableStack();
  pods.use(await standInForPods(plane, { address: "192.0.2.1" }));
  using checkout = await checkOut();
  const mesh = await newMesh({ checkout, plane, sites });
  log(`mesh up of ${sites} sites, for the first time`);
  const first = await mesh(...upAll, "--new");
  // From here on the engine writes its own log, as every user's does.
  await run(checkout, ["rm", "../.pulumi/logs"]);
  const results: Partial<Record<keyof typeof operations, Ran>> = {};
  for (const [name, args] of Object.entries(operations) as [keyof typeof operations, readonly string[]][]) {
    const runs: Ran[] = [];
    for (let i = 0; i < rounds; i++) runs.push(await pulumi(checkout, ...args, "--stack", siteName(1)));
    results[name] = middle(runs);
    log(`pulumi ${args.join(" ")}: ${results[name].ms} ms, of the CPU ${results[name].cpuMs} ms`);
  }
  await mesh("zone", "add", "new.example", "--site", siteName(sites - 1));
  log("mesh up with one zone more");
  const change = await mesh(...upAll);
  const { done } = JSON.parse(change.out) as UpOutcome;
  const touched = done.filter(({ changes }) => changes > 0);
  const figures = {
    ...{ sites, firstMs: first.ms, changeMs: change.ms, changeCpuMs: change.cpuMs },
    ...{ stacks: done.length, touched: touched.length, changes: done.reduce((sum, { changes }) => sum + changes, 0) },
    ...Object.fromEntries(
      Object.entries(results).flatMap(([name, { ms, cpuMs }]) => [
        [`${name}Ms`, ms],
        [`${name}CpuMs`, cpuMs],
      ]),
    ),
  };
  console.log(table([["figure", ""], ...Object.entries(figures).map(([name, value]) => [name, String(value)])]));
  log(`touched: ${touched.map(({ stack, changes }) => `${stack} (${changes})`).join(", ")}`);
  return figures;
}

function siteName(at: number): string {
  return `site-${at + 1}`;
}

/** Writes the files of a mesh whose sites are namespaces of one cluster. Returns what runs the bundled `mesh` there. */
async function newMesh(given: {
  readonly checkout: Checkout;
  readonly plane: ControlPlane;
  readonly sites: number;
}): Promise<(...args: string[]) => Promise<Ran>> {
  const { checkout, plane, sites } = given;
  const { folder, env } = checkout;
  const program = join(folder, "dist", "mesh.js");
  await mkdir(join(folder, "dist"));
  await writeFile(program, bundle("mesh"));
  const watched = progress({ stacks: sites + 1, log });
  const mesh = (...args: string[]): Promise<Ran> => {
    const [isUp, isFirst] = [args[0] === "up", args.includes("--new")];
    const hurried = isFirst ? { ...env, ...inAHurry } : env;
    return run({ folder, env: hurried }, [process.execPath, program, ...args], isUp ? watched() : {});
  };
  const names = Array.from({ length: sites }, (_, at) => siteName(at));
  const config = parse(await readFile(plane.kubeconfig, "utf8")) as { contexts: object[] };
  const contexts = names.map((name) => ({ ...config.contexts[0], name }));
  await mkdir(join(folder, "../.kube"));
  await writeFile(
    join(folder, "../.kube/config"),
    JSON.stringify({ ...config, contexts, "current-context": siteName(0) }),
    { mode: 0o600 },
  );
  const state = join(folder, "../state");
  await mkdir(state);
  Object.assign(env, { PULUMI_BACKEND_URL: `file://${state}`, PULUMI_CONFIG_PASSPHRASE: "of a bench" });
  await run(checkout, ["rm", "Pulumi.shared.yaml", "Pulumi.site-a.yaml", "Pulumi.site-b.yaml"]);
  const listed = names.flatMap((name, at) => [
    "--site",
    `${name}=192.0.2.${at + 1}`,
    "--zone",
    `${name}=${name}.example`,
  ]);
  await mesh("init", ...listed);
  for (const name of names) {
    const file = join(folder, `Pulumi.${name}.yaml`);
    const settings = `  dns-mesh:namespace: ${name}\n  dns-mesh:service: { verifyAddress: false }\n`;
    await writeFile(file, `${await readFile(file, "utf8")}${settings}`);
  }
  return mesh;
}

function pulumi(checkout: Checkout, ...args: string[]): Promise<Ran> {
  return run(checkout, ["pulumi", ...args, "--non-interactive"]);
}

async function run(
  { folder, env }: Pick<Checkout, "folder" | "env">,
  [program, ...args]: readonly [string, ...(readonly string[])],
  { onLine, limitSeconds = 300 }: Watching = {},
): Promise<Ran> {
  const [began, cpuBefore] = [performance.now(), endedChildrenCpuMs()];
  const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, all] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => ((out += text), (all += text)));
  child.stderr.on("data", (text: Buffer) => (all += text.toString("utf8")));
  if (onLine !== undefined) createInterface({ input: child.stderr }).on("line", onLine);
  // As Ctrl-C: what is under way ends in order.
  const limit = setTimeout(() => child.kill("SIGINT"), limitSeconds * 1000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(limit);
  const ms = Math.round(performance.now() - began);
  if (ms >= limitSeconds * 1000)
    throw new UserError(`${program} ${args.join(" ")} took over ${limitSeconds} s:\n${all}`);
  if (code !== 0) throw new UserError(`${program} ${args.join(" ")} ended with ${String(code)}:\n${all}`);
  return { ms, cpuMs: endedChildrenCpuMs() - cpuBefore, out };
}

/** How a process is watched. */
interface Watching {
  /** Gets what it writes to its standard error. */
  readonly onLine?: (line: string) => void;
  /** After which it is ended. @default 300 */
  readonly limitSeconds?: number;
}

/** Says how far a `mesh up` is, once for each tenth of the stacks, and when the rest will be done at this rate. */
function progress({ stacks, log }: { readonly stacks: number; readonly log: (line: string) => void }): () => Watching {
  return () => {
    const began = performance.now();
    let done = 0;
    const onLine = (line: string): void => {
      if (!/^\S+: (?:up, \d|nothing to do)/.test(line)) return;
      done += 1;
      if (done % Math.ceil(stacks / 10) > 0) return;
      const seconds = (performance.now() - began) / 1000;
      const left = (seconds / done) * (stacks - done);
      log(`  ${done} of ${stacks} stacks after ${Math.round(seconds)} s, ${Math.round(left)} s left`);
    };
    return { onLine, limitSeconds: 120 + 30 * stacks };
  };
}

function middle(runs: readonly Ran[]): Ran {
  return { ms: median(runs.map(({ ms }) => ms)), cpuMs: median(runs.map(({ cpuMs }) => cpuMs)), out: "" };
}

function log(line: string): void {
  console.error(line);
}

export const bench = defineBench(module, {
  about: `How long pulumi up and preview of a site take when nothing has changed, and mesh up of a mesh with one zone more in its list.
All sites are namespaces of one real API server whose pods are said to run; the language host is a stand-in.`,
  options,
  seconds: ({ sites, rounds }) => 60 + 12 * sites + 20 * rounds,
  smallest: ["--sites", "2", "--rounds", "1"],
  run: bringingUp,
});
