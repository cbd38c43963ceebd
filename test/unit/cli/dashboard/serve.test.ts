import { expect } from "chai";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { UserError } from "../../../../src/base/errors";
import { serveDashboard } from "../../../../src/cli/dashboard/serve";
import type { MeshAccess } from "../../../../src/cli/mesh-access";
import { meshProgram } from "../../../../src/cli/program";
import { parseMesh } from "../../../../src/settings/parse";

/** Why something was refused. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    expect(error).to.be.instanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error("it was not refused");
}

describe("mesh dashboard", () => {
  for (const [args, message] of [
    [["--port", "x"], '--port takes a number from 0 to 65535, not "x"'],
    [["--port", "80.5"], '--port takes a number from 0 to 65535, not "80.5"'],
    [["--port", "70000"], '--port takes a number from 0 to 65535, not "70000"'],
    [["--every", "0"], '--every takes seconds from 0.5 to 3600, not "0"'],
    [["--every", ""], '--every takes seconds from 0.5 to 3600, not ""'],
    [["--verify", "never"], '--verify takes minutes from 0.1 to 1440, not "never"'],
    [["--listen", "localhost"], '--listen takes an IP address of this machine, not "localhost"'],
  ] as const)
    it(`refuses ${args.join(" ")} before it reads anything`, async () => {
      expect(await refusal(meshProgram().parseAsync(["dashboard", ...args], { from: "user" }))).to.equal(message);
    });

  it("says what to do where its port is taken, or its address is not this machine's", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const mesh = parseMesh({
      ...{ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns" },
      sites: [{ name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: [] }],
    });
    const access = { mesh, from: "the list", isLab: true, pods: [] } as unknown as MeshAccess;
    const options = { port, address: "127.0.0.1", names: [], everySeconds: 5, clusters: false, isJson: false };
    try {
      expect(await refusal(serveDashboard(access, options))).to.match(/^port \d+ of 127\.0\.0\.1 is taken: --port N/);
      expect(await refusal(serveDashboard(access, { ...options, address: "192.0.2.77" }))).to.equal(
        "this machine has no address 192.0.2.77",
      );
    } finally {
      other.close();
    }
  });
});
