import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { MeshVault, vaultMount } from "../../../lab/mesh-vault";
import { VaultStore } from "../../../src/agents/sidecar/keys/copy-store";
import { restoreKeys } from "../../../src/agents/sidecar/keys/restoring";
import { makeCopy } from "../../../src/agents/sidecar/keys/sealing";
import { createLogger } from "../../../src/base/log";
import { zoneKeysSecret } from "../../../src/mesh/trust";
import type { VaultAccess } from "../../../src/vault/access";

const secret = zoneKeysSecret("site-a");

describe("zones' keys in a real Vault", function () {
  this.timeout(30_000);
  let vault: MeshVault;
  let folder: string;

  before(async () => {
    vault = await MeshVault.start();
    for (const site of ["site-a", "site-b"]) await vault.addSite(site, []);
    folder = await mkdtemp(join(tmpdir(), "zone-keys-"));
  });
  after(async () => {
    await vault[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const store = async (site: string, more: Partial<VaultAccess> = {}): Promise<VaultStore> => {
    const file = join(folder, `${site}.json`);
    await writeFile(file, JSON.stringify(await vault.access(site, "site", more)));
    return new VaultStore(file, Date.now);
  };
  const copy = (generation: number, ...keys: readonly number[]) => {
    const pems = keys.map((key) => [`keys/${String(key).repeat(40)}.pem`, Buffer.from(`private ${key}`)] as const);
    const files = new Map([["data.mdb", Buffer.from(`states ${generation}`)] as const, ...pems]);
    return makeCopy(files, { site: "site-a", generation, madeAt: "2026-11-29T00:00:00.000Z", zones: [] }, undefined);
  };
  const failure = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

  it("are kept, replaced by newer ones, and by no older or other ones", async () => {
    const own = await store("site-a");
    expect(await own.read()).to.deep.equal({ kind: "none" });
    expect(await own.keep(copy(1, 1))).to.deep.equal({ kind: "kept" });
    expect(await own.read()).to.deep.equal({ kind: "copy", copy: copy(1, 1) });
    expect(await own.keep(copy(2, 1, 2))).to.deep.equal({ kind: "kept" });
    for (const wrong of [copy(1, 1), copy(3, 7)]) expect(await own.keep(wrong)).to.have.property("kind", "refused");
    expect((await vault.root.readSecret(vaultMount, secret)).data).to.deep.equal(copy(2, 1, 2));
  });

  it("are not written over what somebody else wrote in between, or over what is no copy", async () => {
    const own = await store("site-a");
    const read = await vault.root.readSecret(vaultMount, secret);
    await vault.root.writeSecret({ mount: vaultMount, name: secret, data: {}, cas: read.version });
    expect(String(await failure(own.keep(copy(3, 1))))).to.contain("version must be 1");
    expect(await own.read()).to.have.property("kind", "unknown");
    await vault.root.writeSecret({ mount: vaultMount, name: secret, data: read.data, cas: read.version + 1 });
    expect(await own.keep(copy(3, 1))).to.deep.equal({ kind: "kept" });
  });

  it("are neither read nor written by another site", async () => {
    const { zoneKeys } = await vault.access("site-a", "site");
    const other = await store("site-b", { ...(zoneKeys && { zoneKeys }) });
    expect(await other.read())
      .to.deep.include({ kind: "unknown" })
      .and.to.have.property("reason")
      .that.contains("denied");
    expect(String(await failure(other.keep(copy(9, 1))))).to.contain("denied");
  });

  it("come to a new volume, which does not start without them while Vault is away", async () => {
    const own = await store("site-a");
    const log = createLogger({ write: () => undefined, now: Date.now });
    const clock = { now: 0 };
    const now = (): number => (clock.now += 20_000);
    const restore = () => restoreKeys({ store: own, storage: folder, site: "site-a", signs: true, now, log });
    vault.cut();
    expect(String(await failure(restore()))).to.match(/Vault may hold those[^]*Vault does not answer/);
    vault.heal();
    await restore();
    expect(await readFile(join(folder, "db", "keys", "data.mdb"), "utf8")).to.equal("states 3");
  });
});
