import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";

import { VaultClient, VaultError } from "../../../src/vault/client";
import { ringSecret, type VaultAccess } from "../../../src/vault/access";
import { issue, makeAuthority } from "../../../harness/certificates";
import { MeshVault, vaultMount } from "../../../lab/mesh-vault";

describe("the client of a real Vault", function () {
  this.timeout(30_000);
  let vault: MeshVault;
  let folder: string;

  before(async () => {
    vault = await MeshVault.start();
    folder = await mkdtemp(join(tmpdir(), "vault-client-"));
    await vault.enablePki();
    for (const site of ["site-a", "site-b"]) await vault.addSite(site, ["192.0.2.1"]);
  });
  after(async () => {
    await vault[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const clientOf = (access: VaultAccess, now?: () => number): VaultClient =>
    new VaultClient({ ...access, ...(now && { now }), timeoutMs: 2000 });
  const failure = async (work: Promise<unknown>): Promise<VaultError> => {
    const caught: unknown = await work.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(caught instanceof VaultError)) throw new Error("no VaultError", { cause: caught });
    return caught;
  };

  it("logs in with a service account's token and reads the ring with its version", async () => {
    const client = clientOf(await vault.access("site-a", "site"));
    const { data, version } = await client.readSecret(vaultMount, ringSecret);
    expect({ document: data, version }).to.deep.equal(await vault.ring());
  });

  it("logs in by AppRole", async () => {
    await vault.root.write("sys/auth/dns-mesh-approle", { type: "approle" });
    const role = "auth/dns-mesh-approle/role/site-x";
    await vault.root.write(role, { token_policies: ["dns-mesh-site-site-a"], token_ttl: 600 });
    const { data } = await vault.root.write(`${role}/secret-id`, {});
    await vault.root.write(`${role}/role-id`, { role_id: "the-role" });
    const files = { roleIdFile: join(folder, "role-id"), secretIdFile: join(folder, "secret-id") };
    await writeFile(files.roleIdFile, "the-role\n");
    await writeFile(files.secretIdFile, (data as { secret_id: string }).secret_id);
    const auth = { method: "approle" as const, path: "dns-mesh-approle", ...files };
    const client = clientOf({ address: vault.address, mount: vaultMount, auth });
    expect((await client.readSecret(vaultMount, ringSecret)).version).to.equal(1);
    await writeFile(files.secretIdFile, "another");
    const other = clientOf({ address: vault.address, mount: vaultMount, auth });
    expect((await failure(other.readSecret(vaultMount, ringSecret))).failure.kind).to.equal("denied");
  });

  it("lets one of two writers win who read the same version", async () => {
    const name = "race";
    expect(await vault.root.writeSecret({ mount: vaultMount, name, data: { n: 0 }, cas: 0 })).to.equal(1);
    const write = (n: number) => vault.root.writeSecret({ mount: vaultMount, name, data: { n }, cas: 1 });
    const results = await Promise.allSettled([write(1), write(2)]);
    const lost = results.filter((result) => result.status === "rejected");
    expect(lost.map(({ reason }) => (reason as VaultError).failure.kind)).to.deep.equal(["lostRace"]);
    expect((await vault.root.readSecret(vaultMount, name)).version).to.equal(2);
  });

  it("gives a site no right to write the ring, and says so without the token or the ring", async () => {
    const access = await vault.access("site-a", "site");
    const { document } = await vault.ring();
    const write = { mount: vaultMount, name: ringSecret, data: document, cas: 1 };
    const error = await failure(clientOf(access).writeSecret(write));
    expect(error.failure.kind).to.equal("denied");
    expect(error.message).to.match(/^POST dns-mesh\/data\/ring: Vault denies it \(.*permission denied/);
    expect(JSON.stringify(error) + error.message).not.to.include(document.current.secret);
  });

  it("tells a foreign token, an absent secret and a Vault that is away apart", async () => {
    const access = await vault.access("site-a", "site");
    const { tokenFile } = (await vault.access("site-b", "site")).auth as { tokenFile: string };
    const foreign = clientOf({ ...access, auth: { ...access.auth, tokenFile } as VaultAccess["auth"] });
    expect((await failure(foreign.readSecret(vaultMount, ringSecret))).failure.kind).to.equal("denied");
    expect((await failure(vault.root.readSecret(vaultMount, "nothing"))).failure.kind).to.equal("absent");
    vault.cut();
    const away = await failure(clientOf(access).readSecret(vaultMount, ringSecret));
    vault.heal();
    expect(away.failure.kind).to.equal("unreachable");
  });

  it("speaks to a Vault whose certificate is of the roots in its file, and to no other", async () => {
    const [ours, foreign] = [makeAuthority(), makeAuthority()];
    const { cert, key } = issue({ ca: ours, name: "vault.example", ips: ["127.0.0.1"] });
    const server = createServer({ cert, key }, (socket) => {
      const far = connect(Number(new URL(vault.address).port), "127.0.0.1");
      socket.pipe(far).pipe(socket);
      for (const end of [socket, far]) end.on("error", () => undefined);
    });
    server.on("tlsClientError", () => undefined);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const caFile = join(folder, "ca.crt");
      const access = await vault.access("site-a", "site", { address, caFile });
      await writeFile(caFile, ours.cert);
      expect((await clientOf(access).readSecret(vaultMount, ringSecret)).version).to.equal(1);
      await writeFile(caFile, foreign.cert);
      const { failure: refused } = await failure(clientOf(access).readSecret(vaultMount, ringSecret));
      expect(refused.kind).to.equal("unreachable");
    } finally {
      server.close();
    }
  });

  it("tells a sealed Vault from one that is away", async () => {
    await using other = await MeshVault.start();
    await other.root.write("sys/seal", {});
    expect((await failure(other.root.readSecret(vaultMount, ringSecret))).failure.kind).to.equal("unavailable");
  });

  it("logs in again before a token ends, and when Vault has dropped it", async () => {
    let now = Date.now();
    const client = clientOf(await vault.access("site-a", "site"), () => now);
    const tokens = async () => {
      const { data } = await vault.root.read("auth/token/accessors?list=true");
      return (data as { keys: unknown[] }).keys.length;
    };
    const read = () => client.readSecret(vaultMount, ringSecret);
    await read();
    const before = await tokens();
    await read();
    expect(await tokens()).to.equal(before);
    now += 401_000;
    await read();
    expect(await tokens()).to.equal(before + 1);
    await vault.root.write("sys/leases/revoke-prefix/auth/dns-mesh-site-a/login", {});
    await read();
  });

  it("has a certificate made for the site's name and address, and no other's", async () => {
    const client = clientOf(await vault.access("site-a", "site"));
    const issued = await client.issue(vault.pki("site-a"));
    const certificate = new X509Certificate(issued.certificate);
    expect(certificate.subjectAltName).to.equal("DNS:site-a.dns.internal, IP Address:192.0.2.1");
    const issuer = new X509Certificate(await client.issuer("dns-mesh-pki"));
    expect(certificate.verify(issuer.publicKey)).to.equal(true);
    const other = { ...vault.pki("site-a"), commonName: "site-b.dns.internal" };
    expect((await failure(client.issue(other))).failure.kind).to.equal("rejected");
    expect((await failure(client.issue(vault.pki("site-b")))).failure.kind).to.equal("denied");
  });
});
