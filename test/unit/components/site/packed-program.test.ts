import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle, programNames } from "../../../../components/bundle";
import { packProgram } from "../../../../components/site/packed-program";

describe("a packed program", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-packed-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** As a kubelet mounts a ConfigMap. */
  function mount(name: string, text: string): void {
    const { data, binaryData } = packProgram(name, text);
    for (const [file, content] of Object.entries(data)) writeFileSync(join(folder, file), content);
    for (const [file, content] of Object.entries(binaryData))
      writeFileSync(join(folder, file), Buffer.from(content, "base64"));
  }
  const run = (...args: string[]): string => execFileSync(process.execPath, args, { stdio: "pipe" }).toString();

  it("runs as the file that it was before, with its arguments, also by a link", () => {
    const text =
      "console.log(JSON.stringify([__filename, process.argv[2], require.main === module, require('node:os').EOL, 'ü']))";
    mount("agent", text);
    const file = join(folder, "agent.js");
    expect(JSON.parse(run(file, "worker"))).to.deep.equal([file, "worker", true, "\n", "ü"]);
    symlinkSync(file, join(folder, "link.js"));
    expect(JSON.parse(run(join(folder, "link.js"), "prepare"))).to.deep.equal([file, "prepare", true, "\n", "ü"]);
  });

  it("tells in which file it failed", () => {
    mount("agent", "\nthrow new Error('broken');");
    expect(() => run(join(folder, "agent.js"))).to.throw(`${join(folder, "agent.js")}:2`);
  });

  it("is the same for the same text, and less than half of it for our own", () => {
    for (const name of programNames) {
      const packed = packProgram(name, bundle(name));
      expect(packed).to.deep.equal(packProgram(name, bundle(name)));
      const octets = [...Object.values(packed.data), ...Object.values(packed.binaryData)].join("").length;
      expect(octets, name).to.be.lessThan(0.5 * Buffer.byteLength(bundle(name)));
    }
  });
});
