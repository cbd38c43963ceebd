import { expect } from "chai";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lintZones } from "../../../src/cli/lint";
import { readZoneFile } from "../../../src/records/zone-file";

/** What a program says of a zone, and whether it takes it. */
function ask(program: string, ...args: string[]): Promise<{ readonly ok: boolean; readonly said: string }> {
  return new Promise((resolve) => {
    execFile(program, args, (error, out, err) => {
      resolve({ ok: error === null, said: `${out}${err}` });
    });
  });
}

/** Zones with one fault each that named-checkzone knows of too, and what it says of it. */
const faults = [
  [
    "dangling-target",
    "a MX 10 gone",
    /gone\.example \(out of zone\) has no addresses|gone\.example' .*has no address records/,
  ],
  ["dangling-target", "_x._tcp SRV 0 0 1 gone", /gone\.example' .*has no address records/],
  ["target-is-alias", "a MX 10 mail\nmail CNAME ns", /mail\.example' is a CNAME/],
  ["lame-ns", "sub NS gone", /gone\.example' .*has no address records/],
  ["lame-ns", "sub NS alias\nalias CNAME ns", /alias\.example' .*is a CNAME/],
  ["missing-glue", "sub NS ns.sub", /ns\.sub\.example' has no REQUIRED GLUE/],
  ["cname-and-other", "both CNAME ns\nboth TXT x", /both\.example: CNAME and other data/],
] as const;

describe("mesh lint beside named-checkzone", function () {
  this.timeout(30_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-mesh-lint-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function look(text: string) {
    const whole = `$ORIGIN example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n${text}\n`;
    const file = join(folder, "zone");
    await writeFile(file, whole);
    const records = readZoneFile(whole).records.map(({ record }) => record);
    return {
      ours: lintZones([{ name: "example", records }]).map(({ rule }) => rule),
      named: await ask("named-checkzone", "-i", "local", "-M", "fail", "-S", "fail", "example", file),
    };
  }

  for (const [rule, text, said] of faults)
    it(`finds ${rule} in "${text.replace("\n", "; ")}" as it does`, async () => {
      const found = await look(text);
      expect([...new Set(found.ours)]).to.deep.equal([rule]);
      expect(found.named.said).to.match(said);
    });

  it("finds nothing where it finds nothing", async () => {
    const { ours, named } = await look(
      "www CNAME ns\na MX 10 ns\n_x._tcp SRV 0 0 1 ns\nsub NS ns.sub\nns.sub A 192.0.2.9",
    );
    expect(ours).to.deep.equal([]);
    expect(named, named.said).to.include({ ok: true });
  });
});
