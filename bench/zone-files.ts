import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle } from "../components/bundle";
import { run } from "../harness/tools/run";
import { table } from "../src/base/table";
import { defineBench } from "./support/bench";
import { type Values, wholeNumber } from "./support/options";
import { endedChildrenCpuMs } from "./support/processes";
import { round } from "./support/statistics";

const options = { records: wholeNumber(100_000, { least: 10, most: 1_000_000 }) };

/** What a command took, and what it printed. */
interface Run {
  /** Of all its threads. */
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly out: string;
}

/**
 * What `mesh import` of a zone file and `mesh export` of its DnsRecords cost, each as its own process, as a user calls it,
 * and BIND's reader of zone files beside them. Processor time beside the time, so that other work on the machine counts little.
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
    const row = (what: string, { seconds, cpuSeconds }: Run): string[] => [what, String(seconds), String(cpuSeconds)];
    console.log(
      table([
        [`${records} records`, "s", "CPU s"],
        row("mesh import: a zone file as YAML", imported),
        row("mesh export: YAML as a zone file", exported),
        row("named-checkzone, which only reads the zone file", checked),
      ]),
    );
    return {
      records,
      ...{ importSeconds: imported.seconds, importCpuSeconds: imported.cpuSeconds },
      ...{ exportSeconds: exported.seconds, exportCpuSeconds: exported.cpuSeconds },
      ...{ bindSeconds: checked.seconds, bindCpuSeconds: checked.cpuSeconds },
    };
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
  const [before, began] = [endedChildrenCpuMs(), performance.now()];
  const out = await run(program, args, { timeoutMs: 600_000 });
  const seconds = round((performance.now() - began) / 1000, 2);
  return { cpuSeconds: (endedChildrenCpuMs() - before) / 1000, seconds, out };
}

export const bench = defineBench(module, {
  about: `What mesh import of a zone file and mesh export of its DnsRecords take, each a process of its own, and BIND's reader of zone
files beside them.`,
  options,
  seconds: ({ records }) => 5 + 0.0002 * records,
  smallest: ["--records", "10"],
  run: measureFiles,
});
