import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { VaultKeeper } from "../../../../../src/agents/sidecar/credentials/vault-keeper";
import { createLogger } from "../../../../../src/base/log";

describe("the keeper of what comes from Vault", () => {
  let folder: string;
  let server: Server;
  let asked: string[];
  /** What the secret's path answers, one after the other. */
  let ring: (object | undefined)[];

  const document = {
    version: 1,
    current: { name: "k", algorithm: "hmac-sha256", secret: Buffer.alloc(32, 7).toString("base64") },
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keeper-"));
    asked = [];
    server = createServer((request, response) => {
      request.resume();
      const path = (request.url ?? "").replace("/v1/", "");
      asked.push(path);
      const login = path.endsWith("/login");
      const body = login ? { auth: { client_token: "t", lease_duration: 3600 } } : ring.splice(0, 1)[0];
      response.writeHead(body === undefined ? 404 : 200);
      response.end(JSON.stringify(body ?? { errors: [] }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const auth = { method: "jwt", path: "site-a", role: "site", tokenFile: join(folder, "token") };
    await writeFile(join(folder, "token"), "jwt");
    await writeFile(join(folder, "vault.json"), JSON.stringify({ address, mount: "dns-mesh", auth }));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it("logs in once, however often and however short it asks before the first start", async () => {
    const tries = 2;
    // The first tries find no secret, the later ones with less time left for each.
    ring = [...Array<undefined>(tries), { data: { data: document, metadata: { version: 1 } } }];
    let now = 0;
    const keeper = new VaultKeeper({
      options: {
        packetFile: join(folder, "welcome.json"),
        ringFile: join(folder, "ring.json"),
        vaultFile: join(folder, "vault.json"),
        runtime: {
          ...{ storage: join(folder, "storage"), rundir: "/run", listen: [], remotePort: 53, replicas: { self: 0 } },
          secure: { listen: [] },
        },
      },
      now: () => (now += 4500),
      random: () => 0,
      log: createLogger({ write: () => undefined, now: () => now }),
    });
    await keeper.prepare();
    expect(asked.filter((path) => path.endsWith("/login"))).to.have.length(1);
    expect(JSON.parse(await readFile(join(folder, "ring.json"), "utf8"))).to.deep.equal(document);
  });
});
