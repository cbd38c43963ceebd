import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle } from "../components/bundle";
import { run } from "../harness/tools/run";
import { table } from "../src/base/table";
import { runBench, type Values, wholeNumber } from "./support/options";
import { endedChildrenCpuMs } from "./support/processes";

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
    const checked = await measured("named-checkzone", "large.example", zone);
    const imported = await measured(process.execPath, program, "import", zone);
    await writeFile(objects, imported.out);
    const exported = await measured(process.execPath, program, "export", objects);
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

/** Runs a command to its end, alone: what it takes is what this process's children took meanwhile. */
async function measured(program: string, ...args: readonly string[]): Promise<Run> {
  const before = endedChildrenCpuMs();
  const out = await run(program, args, { timeoutMs: 600_000 });
  return { cpuSeconds: (endedChildrenCpuMs() - before) / 1000, out };
}

void runBench(options, measureFiles);
