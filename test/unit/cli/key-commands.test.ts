import { expect } from "chai";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { revokeSite } from "../../../src/cli/key-commands";
import { VaultClient } from "../../../src/vault/client";
import { vaultEntrances } from "../../../src/mesh/trust";

const secret = Buffer.alloc(32).toString("base64");
const key = (name: string) => ({ name, algorithm: "hmac-sha256" as const, secret });
const site = "site-x";
const logins = vaultEntrances(site).map(({ login }) => login);

/** What of a Vault a revocation touches, behind Vault's HTTP API. One request fails, before or after it took effect. */
class FailingVault implements AsyncDisposable {
  readonly roles = new Set(vaultEntrances(site).flatMap(({ roles }) => roles));
  /** Paths that live tokens came from. */
  readonly tokens = new Set(logins);
  ring = { version: 1, keys: ["old"] };
  /** Tokens that could have read a ring when it was written. */
  readonly readersOfNewRing: string[] = [];
  failAt: { readonly request: number; readonly tookEffect: boolean } | undefined;
  requests = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const fails = this.failAt?.request === ++this.requests;
        if (fails && this.failAt?.tookEffect === false) return void response.writeHead(503).end();
        const path = (request.url ?? "").replace("/v1/", "");
        const { status, body } = this.#serve(request.method ?? "", path, Buffer.concat(chunks).toString());
        response.writeHead(fails ? 503 : status).end(fails ? "" : JSON.stringify(body));
      });
    });
  }

  #serve(method: string, path: string, body: string): { status: number; body?: unknown } {
    const prefix = "sys/leases/revoke-prefix/";
    if (path.startsWith(prefix)) this.tokens.delete(path.slice(prefix.length));
    else if (path === "dns-mesh/data/ring" && method === "GET") return { status: 200, body: this.#readRing() };
    else if (path === "dns-mesh/data/ring") return { status: 200, body: this.#writeRing(body) };
    else if (method === "DELETE") this.roles.delete(path);
    else return { status: this.roles.has(path) ? 200 : 404, body: {} };
    return { status: 204 };
  }

  #readRing() {
    const data = { version: 1, current: key(this.ring.keys[0] ?? "") };
    return { data: { data, metadata: { version: this.ring.version } } };
  }

  #writeRing(body: string) {
    const { data } = JSON.parse(body) as { data: { current: { name: string } } };
    this.ring = { version: this.ring.version + 1, keys: [data.current.name] };
    this.readersOfNewRing.push(...this.tokens, ...this.roles);
    return { data: { version: this.ring.version } };
  }

  async client(): Promise<VaultClient> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo;
    return new VaultClient({ address: `http://127.0.0.1:${port}`, auth: { method: "token", token: "root" } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Revokes, and where that fails half way does as the message says. Returns what was shown. */
async function revokeUntilDone(vault: FailingVault): Promise<string> {
  const printed: string[] = [];
  const client = await vault.client();
  const run = (isClosed: boolean) =>
    revokeSite({
      ...{ vault: client, mount: "dns-mesh", site, isClosed },
      ...{ now: () => 0, freshKey: () => key("new"), print: (line: string) => printed.push(line) },
    });
  await run(false).catch((error: unknown) => {
    printed.push(String(error));
    vault.failAt = undefined;
    return run(String(error).includes("--closed"));
  });
  return printed.join("\n");
}

describe("revoking a site", () => {
  for (const tookEffect of [false, true]) {
    const when = tookEffect ? "after it took effect" : "before it did anything";
    it(`leaves no token and no role, whichever request failed ${when}`, async () => {
      for (let request = 1; ; request++) {
        await using vault = new FailingVault();
        vault.failAt = { request, tookEffect };
        const shown = await revokeUntilDone(vault);
        const at = `request ${request} failed: ${shown}`;
        expect([...vault.roles], at).to.deep.equal([]);
        expect([...vault.tokens], at).to.deep.equal([]);
        expect(vault.ring.keys, at).to.deep.equal(["new"]);
        expect(vault.readersOfNewRing, at).to.deep.equal([]);
        expect(shown).not.to.include(secret);
        if (vault.requests < request) break;
      }
    });
  }

  it("says that the site is not shut out yet when the second step fails, and how to go on", async () => {
    await using vault = new FailingVault();
    const rolesThere = vault.roles.size;
    // The ring, each role, each deletion, and then the first prefix.
    vault.failAt = { request: 1 + 2 * rolesThere + 1, tookEffect: false };
    const shown = await revokeUntilDone(vault);
    expect(shown).to.match(/revoke-prefix\/auth\/dns-mesh-site-x\/login: Vault cannot serve now/);
    expect(shown).to.contain("site-x is not shut out yet. Run this again with --closed");
  });

  it("takes a site without any role for a mistyped name, and touches nothing", async () => {
    await using vault = new FailingVault();
    vault.roles.clear();
    const client = await vault.client();
    const parts = { vault: client, mount: "dns-mesh", site, isClosed: false };
    const failed: unknown = await revokeSite({
      ...parts,
      ...{ now: () => 0, freshKey: () => key("new"), print: () => undefined },
    }).catch((error: unknown) => error);
    expect(String(failed)).to.contain('Vault has no role for the site "site-x"');
    expect([vault.tokens.size, vault.ring.version]).to.deep.equal([logins.length, 1]);
  });
});
