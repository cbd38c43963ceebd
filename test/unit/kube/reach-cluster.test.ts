import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors";
import { requireCluster } from "../../../src/kube/reach-cluster";

function kubeconfig(server: string): string {
  return JSON.stringify({
    contexts: [{ name: "site-a", context: { cluster: "a", user: "admin" } }],
    clusters: [{ name: "a", cluster: { server } }],
    users: [{ name: "admin", user: { token: "hidden" } }],
  });
}

describe("reaching a cluster", () => {
  let folder: string;
  let path: string;
  let listener: Server;
  let port: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-reach-"));
    path = join(folder, "config");
    listener = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    port = (listener.address() as { port: number }).port;
  });

  afterEach(() => {
    listener.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function failure(choice: { kubeconfig: string; context: string }): Promise<string> {
    const error: unknown = await requireCluster(choice, 500).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(UserError);
    return (error as UserError).message;
  }

  it("accepts a server that takes connections", async () => {
    writeFileSync(path, kubeconfig(`https://127.0.0.1:${port}`));
    expect(await requireCluster({ kubeconfig: path, context: "site-a" })).to.equal(path);
  });

  it("names the contexts that there are when the wanted one is not among them", async () => {
    writeFileSync(path, kubeconfig(`https://127.0.0.1:${port}`));
    expect(await failure({ kubeconfig: path, context: "nowhere" })).to.contain('"nowhere" (it has site-a)');
  });

  it("says that a server refuses, and that nothing was changed", async () => {
    await new Promise<void>((resolve) =>
      listener.close(() => {
        resolve();
      }),
    );
    writeFileSync(path, kubeconfig(`https://127.0.0.1:${port}`));
    expect(await failure({ kubeconfig: path, context: "site-a" })).to.match(
      /unreachable: .*ECONNREFUSED.*Nothing was changed/,
    );
  });

  it("says that a kubeconfig is missing", async () => {
    expect(await failure({ kubeconfig: join(folder, "none"), context: "site-a" })).to.contain("no kubeconfig");
  });

  it("shows nothing of a file that is not YAML", async () => {
    writeFileSync(path, "token: 'hidden\n  : [");
    expect(await failure({ kubeconfig: path, context: "site-a" })).not.to.contain("hidden");
  });
});
