import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { Repository } from "../../../../src/agents/backup/repository";

/** Says what a restic of ours would, notes how it was called, and does what a test has it do meanwhile. */
const fake = (meanwhile: string, code: number): string => `#!/bin/sh
while [ "$1" = --no-cache ] || [ "$1" = --cacert ]; do [ "$1" = --cacert ] && shift; shift; done
echo "$*" >> "$TMPDIR/calls"
[ "$1" = backup ] || exit 0
${meanwhile}
echo '{"message_type":"summary","snapshot_id":"5f","total_bytes_processed":1,"data_added_packed":1}'
exit ${code}
`;

describe("a backup's way into the repository", () => {
  let folder: string;
  let tmp: string | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "repository-"));
    tmp = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder;
    for (const name of ["access-key", "secret-key", "password"]) await writeFile(join(folder, name), "x");
    await writeFile(join(folder, "manifest.json"), "first");
  });
  afterEach(async () => {
    if (tmp === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = tmp;
    await rm(folder, { recursive: true });
  });

  const push = async (meanwhile = "", code = 0): Promise<string> => {
    const restic = join(folder, "restic");
    await writeFile(restic, fake(meanwhile, code));
    await chmod(restic, 0o700);
    const options = {
      ...{ packetFile: "", repository: "r", tokenFile: "", folder, retention: [], patienceMs: 5000, awayMs: 1000 },
      ...{ passwordFile: join(folder, "password"), storageFolder: folder, restic, caFile: join(folder, "ca") },
    };
    return new Repository(options, "site-a").push(folder).then(({ snapshot }) => snapshot, String);
  };
  const calls = async (): Promise<readonly string[]> =>
    (await readFile(join(folder, "calls"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0] ?? "");

  it("begins with the locks of runs that were killed", async () => {
    expect(await push()).to.equal("5f");
    expect(await calls()).to.deep.equal(["unlock", "backup"]);
  });

  it("ends, and leaves nothing, when another run's backup took the folder's place, or files could not be read", async () => {
    expect(await push("echo second > manifest.json")).to.match(/another run's backup took its place.*is removed/);
    expect(await push("", 3)).to.match(/files could not be read.*is removed/);
    expect(await calls()).to.deep.equal(["unlock", "backup", "forget", "unlock", "backup", "forget"]);
  });
});
