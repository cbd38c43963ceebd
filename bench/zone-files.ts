import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle } from "../components/bundle";
import { table } from "../src/base/table";
import { runBench, type Values, wholeNumber } from "./support/options";

const options = { records: wholeNumber(100_000, { least: 10, most: 1_000_000 }) };

/** What a command took, and what it printed. */
interface Run {
  /** Of all its threads. */
  readonly cpuSeconds: number;
  readonly out: string;
}

/**
 * What `mesh import` of a zone file and `mesh export` of its DnsRecords cost, each as its own process, as a user calls it,
 * and BIND's reader of zone files beside them. Processor time, so that other work on the machine counts little.
 */
async function measureFiles({ records }: Values<typeof options>): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "bench-zone-files-"));
  try {
    const program = join(folder, "mesh.js");
    const [zone, objects] = [join(folder, "zone"), join(folder, "objects.yaml")];
    await writeFile(program, bundle("mesh"));
    await writeFile(zone, zoneText(records));
    const checked = await run(["named-checkzone", "large.example", zone]);
    const imported = await run([process.execPath, program, "import", zone]);
    await writeFile(objects, imported.out);
    const exported = await run([process.execPath, program, "export", objects]);
    const again = exported.out.split("\n").length - 2;
    // "ns" is one more than what was asked for.
    if (again !== records + 1) throw new Error(`${records} records and one more went in, ${again} came out`);
    const seconds = {
      importCpuSeconds: imported.cpuSeconds,
      exportCpuSeconds: exported.cpuSeconds,
      bindCpuSeconds: checked.cpuSeconds,
    };
    console.log(
      table([
        [`${records} records`, "CPU s"],
        ["mesh import: a zone file as YAML", String(seconds.importCpuSeconds)],
        ["mesh export: YAML as a zone file", String(seconds.exportCpuSeconds)],
        ["named-checkzone, which only reads the zone file", String(seconds.bindCpuSeconds)],
      ]),
    );
    return { records, ...seconds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Addresses of both kinds, texts and aliases. */
function zoneText(records: number): string {
  const lines = Array.from({ length: records }, (_, i) => {
    const [high, low] = [i >> 16, i & 0xffff];
    const kind = i % 10;
    if (kind < 6) return `h${i} A 10.${high}.${low >> 8}.${low & 0xff}\n`;
    if (kind < 8) return `h${i} AAAA 2001:db8::${high.toString(16)}:${low.toString(16)}\n`;
    return kind === 8 ? `h${i} TXT "v=spf1 include:x${i}.example -all"\n` : `h${i} CNAME h${i - 1}\n`;
  });
  return `$ORIGIN large.example.\n$TTL 3600\n@ SOA ns host 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n${lines.join("")}`;
}

/** Runs a command to its end; the shell says what it took, since a process of Node cannot ask that of a child. */
async function run(command: readonly string[]): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), "bench-run-"));
  const [out, times] = [join(folder, "out"), join(folder, "times")];
  try {
    const script = 'out=$1 times=$2; shift 2; TIMEFORMAT="%U %S"; { time "$@" >"$out" 2>/dev/null; } 2>"$times"';
    const child = spawn("bash", ["-c", script, "bench", out, times, ...command], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${command.slice(1).join(" ")} ended with ${code}`);
    const [user = 0, system = 0] = (await readFile(times, "utf8")).trim().split(" ").map(Number);
    return { cpuSeconds: Math.round((user + system) * 100) / 100, out: await readFile(out, "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

void runBench(options, measureFiles);
