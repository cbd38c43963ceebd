import { expect } from "chai";
import { execFile } from "node:child_process";
import { join } from "node:path";

import { exitCodes } from "../../../../src/cli/exit-codes";

const program = join(__dirname, "../../../../src/cli/mesh.ts");
const configMap = {
  ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "coredns", resourceVersion: "17" } },
  data: { Corefile: ".:53 {\n    forward . /etc/resolv.conf\n}\n" },
};

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** `mesh corefile` as it is called, with a ConfigMap on its standard input. */
const corefile = (input: unknown, ...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, ["--import=tsx", program, "corefile", ...args], (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code), out, err });
    });
    child.stdin?.end(JSON.stringify(input));
  });

describe("mesh corefile", function () {
  this.timeout(60_000);

  it("gives kubectl the ConfigMap with the zones, by the version that it read, and takes them out of that", async () => {
    const added = await corefile(configMap, "add", "--to", "10.96.0.53", "--zone", "internal.dns.");
    expect([added.status, added.err]).to.deep.equal([exitCodes.fine, ""]);
    const changed = JSON.parse(added.out) as typeof configMap;
    expect(changed.metadata).to.deep.equal(configMap.metadata);
    expect(changed.data.Corefile).to.match(/^# dns-mesh begin [^]*internal\.dns:53 \{[^]*forward \. 10\.96\.0\.53\n/);
    const { out } = await corefile(changed, "remove");
    expect(JSON.parse(out)).to.deep.equal(configMap);
  });

  it("gives it nothing where it refuses", async () => {
    const { status, out, err } = await corefile(configMap, "add", "--zone", "internal.dns");
    expect([status, out]).to.deep.equal([exitCodes.usage, ""]);
    expect(err).to.match(/^there is nobody to ask; .*--to/);
  });
});
