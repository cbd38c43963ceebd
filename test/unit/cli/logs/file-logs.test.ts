import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../../../harness/eventually";
import { LogFile } from "../../../../lab/log-file";
import { fileLogs } from "../../../../src/cli/logs/file-logs";
import { LogReader } from "../../../../src/cli/logs/gather";

describe("the logs of a lab", () => {
  let folder: string;
  let access: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-logs-"));
    access = join(folder, "access.json");
    writeFileSync(access, "{}");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const { signal } = new AbortController();
  const placeOf = (file: string) =>
    fileLogs("site-a", [{ site: "site-a", pod: "knot-0", container: "knot", file }], access);
  const messagesOf = async (file: string): Promise<string[]> => {
    const { entries, failures } = await new LogReader([placeOf(file)], { signal }).gather();
    expect(failures).to.deep.equal([]);
    return entries.map(({ message }) => message);
  };

  it("are whole lines behind the time at which they came, and no file before the first", async () => {
    const file = join(folder, "log", "knot.log");
    expect(await messagesOf(file)).to.deep.equal([]);
    const log = new LogFile(file);
    log.add("one\ntw");
    expect(await messagesOf(file)).to.deep.equal(["one"]);
    log.add("o\nthree\n");
    expect(await messagesOf(file)).to.deep.equal(["one", "two", "three"]);
  });

  it("lose nothing where a file was put aside once, and stay small", async () => {
    const file = join(folder, "knot.log");
    const log = new LogFile(file, { mostOctets: 100 });
    for (let i = 0; i < 6; i++) log.add(`line ${i}\n`);
    expect(await messagesOf(file)).to.deep.equal([0, 1, 2, 3, 4, 5].map((i) => `line ${i}`));
    for (let i = 6; i < 1000; i++) log.add(`line ${i}\n`);
    const kept = await messagesOf(file);
    expect(kept.length).to.be.within(4, 10);
    expect(kept.at(-1)).to.equal("line 999");
  });

  it("are followed through a file that is put aside, until the lab is gone", async () => {
    const file = join(folder, "knot.log");
    const log = new LogFile(file, { mostOctets: 100 });
    const lines: string[] = [];
    const ending = new AbortController();
    const [source] = (await placeOf(file).look())?.sources ?? [];
    log.add("line 0\n");
    const onLine = (line: string): void => void lines.push(line.replace(/^\S+ /, ""));
    const read = source?.read({ follow: true, signal: ending.signal, onLine });
    const have = (count: number): Promise<void> =>
      eventually(
        5,
        () => {
          expect(lines).to.have.length(count);
        },
        5,
      );
    await have(1);
    for (let i = 1; i < 8; i++) {
      log.add(`line ${i}\n`);
      await have(i + 1);
    }
    expect(lines).to.deep.equal(Array.from({ length: 8 }, (_, i) => `line ${i}`));
    rmSync(folder, { recursive: true });
    await read;
    expect(await placeOf(file).look()).to.equal(undefined);
    ending.abort();
  });

  it("are not written any more for a site that was dropped", () => {
    const log = new LogFile(join(folder, "log", "knot.log"));
    log.add("one\n");
    rmSync(join(folder, "log"), { recursive: true });
    log.add("late\n");
  });
});
