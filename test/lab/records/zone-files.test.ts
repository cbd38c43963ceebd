import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatRecord } from "../../../src/dns/rdata";
import type { ResourceRecord } from "../../../src/dns/record";
import { exportZone, importZone } from "../../../src/records/convert";
import { readZoneFile, type ZoneFile } from "../../../src/records/zone-file";
import { pythonOf } from "../../../harness/tools/python";

const run = promisify(execFile);
const root = join(__dirname, "../../..");
const zones = join(__dirname, "zones");
const files = readdirSync(zones).filter((file) => file.endsWith(".zone"));

/** Each record on a line of its own, sorted. */
const lines = (records: readonly ResourceRecord[]): string[] => records.map(formatRecord).toSorted();

const dnspython = `
import sys, dns.zone, dns.rdatatype
zone = dns.zone.from_file(sys.argv[1], origin=sys.argv[2] + '.', relativize=False, check_origin=False)
for name, ttl, rdata in zone.iterate_rdatas():
    print(name.canonicalize(), ttl, dns.rdatatype.to_text(rdata.rdtype), rdata.to_digestable().hex())
`;

describe("zone files before BIND and dnspython", function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-zone-files-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function open(file: string): { text: string; path: string; zone: ZoneFile } {
    const path = join(zones, file);
    const text = readFileSync(path, "utf8");
    return { text, path, zone: readZoneFile(text) };
  }

  /** Our reading, written plainly, in a file. */
  function rewritten({ zone, records }: ZoneFile): string {
    const path = join(folder, `${zone}.zone`);
    writeFileSync(path, `${lines(records.map(({ record }) => record)).join("\n")}\n`);
    return path;
  }

  /** The records that BIND reads, as it writes them; types that we cannot read left out. */
  async function readByBind(zone: string, path: string): Promise<string[]> {
    const args = ["-D", "-q", "-o", "-", "-s", "full", "-i", "none", "-k", "ignore", zone, path];
    const { stdout } = await run("named-checkzone", args);
    return stdout
      .split("\n")
      .filter((line) => line !== "" && !/\sHINFO\s/.test(line))
      .map((line) => line.replace(/\s+/g, " ").toLowerCase())
      .toSorted();
  }

  async function readByDnspython(zone: string, path: string): Promise<string[]> {
    const { stdout } = await run(pythonOf("python"), ["-c", dnspython, path, zone]);
    return stdout.split("\n").toSorted();
  }

  for (const file of files) {
    it(`reads ${file} as BIND does`, async () => {
      const { zone, path } = open(file);
      expect(zone.records).to.have.lengthOf.at.least(7);
      expect(await readByBind(zone.zone, rewritten(zone))).to.deep.equal(await readByBind(zone.zone, path));
    });

    // dnspython takes no quoted data in $GENERATE, and gives records without a TTL the SOA's minimum even when the SOA has a TTL of its own.
    if (file !== "old-dump.zone")
      it(`reads ${file} as dnspython does`, async () => {
        const { zone, path } = open(file);
        expect(await readByDnspython(zone.zone, rewritten(zone))).to.deep.equal(await readByDnspython(zone.zone, path));
      });

    it(`brings each record of ${file} through DnsRecords and back`, () => {
      const { zone } = open(file);
      const { objects, leftOut } = importZone(zone);
      const back = readZoneFile(exportZone(objects).text);
      const own = leftOut.map(({ line }) => line);
      const kept = zone.records.filter(({ line }) => !own.includes(line)).map(({ record }) => record);
      expect(lines(back.records.map(({ record }) => record))).to.deep.equal([...new Set(lines(kept))]);
      expect(new Set(objects.map(({ metadata }) => metadata.name)).size).to.equal(objects.length);
    });
  }

  it("goes through the command, which reports what it leaves out", async () => {
    const command = (...args: string[]) => run("npm", ["run", "--silent", "mesh", "--", ...args], { cwd: root });
    const made = await command("import", join(zones, "company.zone"));
    expect(made.stderr).to.match(/company\.zone: line 4: left out: the SOA record is the zone's own/);
    const objects = join(folder, "company.yaml");
    writeFileSync(objects, made.stdout);
    const { stdout } = await command("export", objects);
    expect(stdout).to.equal(exportZone(importZone(open("company.zone").zone).objects).text);
    const wrong = await command("import", join(zones, "company.zone"), "--zone", "other.example").catch(String);
    expect(wrong).to.contain("the file is of the zone company.example, not of other.example");
  });
});
