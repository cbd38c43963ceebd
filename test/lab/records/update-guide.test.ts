import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { eventually } from "../../../harness/eventually";
import { Lab } from "../../../lab";
import { blocksOf } from "../../../harness/docs/blocks";
import { guideUpdaters } from "../../../harness/records/guides";
import { allowUpdaters } from "../../../harness/records/updaters";
import { binDir } from "../../../harness/tools/cache";
import { run } from "../../../harness/tools/run";

describe("the guide to DNS UPDATE", function () {
  this.timeout(60_000);
  const zone = "standard-1.internal.dns";
  const guide = "docs/guides/dns-update.md#nsupdate-and-knsupdate";
  let lab: Lab;
  let folder: string;

  before(async () => {
    lab = await Lab.create({ sites: 3 });
    lab.list[2]?.zones.push(zone);
    await lab.upAll();
    await lab.converged(30);
    const secret = randomBytes(32).toString("base64");
    await allowUpdaters([lab.site("site-c")], guideUpdaters(guide, secret));
    folder = join(lab.folder, "guide");
    await mkdir(folder);
    writeFileSync(join(folder, "the-secret"), `${secret}\n`, { mode: 0o600 });
  });
  after(() => lab[Symbol.asyncDispose]());

  const recipes = () => blocksOf(guide, "bash");

  /** Runs a block of the guide as it stands there, but for the site's address. */
  function follow(block: string): Promise<string> {
    const { address, port } = lab.site("site-c").server;
    const input = block.replace("server 203.0.113.3 53", `server ${address} ${port}`);
    expect(input).to.contain(address);
    const env = { ...process.env, PATH: [binDir(), process.env["PATH"]].join(delimiter) };
    return run("bash", ["-e"], { input, env, cwd: folder, timeoutMs: 20_000 });
  }

  for (const [i, [program, host, address]] of [
    ["nsupdate", "printer", "192.0.2.40"] as const,
    ["knsupdate", "scanner", "192.0.2.41"] as const,
  ].entries())
    it(`has a recipe for ${program} that works as it stands there`, async () => {
      const block = recipes()[i] ?? "";
      expect(block).to.contain(`\n${program} -k`);
      await follow(block);
      await eventually(
        10,
        async () => {
          for (const { server, dns, name } of lab.sites.values()) {
            const { answers } = await dns.query(server, `${host}.hosts.${zone}`, "A");
            expect(
              answers.map((record) => ("address" in record ? record.address : "")),
              name,
            ).to.deep.equal([address]);
          }
        },
        20,
      );
    });

  it("has keys that change no name beyond their own", async () => {
    for (const block of recipes()) {
      const failure = await follow(block.replaceAll(`.hosts.${zone}.`, `.${zone}.`)).catch((error: unknown) =>
        String(error),
      );
      expect(failure).to.match(/expected a TSIG or SIG\(0\)/);
    }
  });
});
