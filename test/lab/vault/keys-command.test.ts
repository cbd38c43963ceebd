import { expect } from "chai";
import { spawn } from "node:child_process";
import { join } from "node:path";

import { VaultClient, VaultError } from "../../../src/vault/client";
import { ringSecret } from "../../../src/vault/access";
import { MeshVault, vaultMount } from "../../../lab/mesh-vault";

interface Ran {
  readonly status: number | null;
  readonly output: string;
}

describe("mesh keys", function () {
  this.timeout(60_000);
  let vault: MeshVault;

  before(async () => {
    vault = await MeshVault.start();
    await vault.addSite("site-a", []);
  });
  after(() => vault[Symbol.asyncDispose]());

  /** The command as an operator runs it. */
  const keys = (args: readonly string[], env: NodeJS.ProcessEnv = operator()): Promise<Ran> =>
    new Promise((resolve) => {
      const program = join(__dirname, "../../../src/cli/mesh.ts");
      const child = spawn(process.execPath, ["--import=tsx", program, "keys", ...args], {
        env: { PATH: process.env["PATH"], ...env },
      });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => (output += text));
      child.once("close", (status) => {
        resolve({ status, output });
      });
    });
  const operator = () => ({ VAULT_ADDR: vault.operator.address, VAULT_TOKEN: vault.operator.token });

  it("shows names and times, and no secret", async () => {
    const { document } = await vault.ring();
    const { status, output } = await keys(["show"]);
    expect(status).to.equal(0);
    expect(output).to.match(/^version 1 of dns-mesh\/ring\ncurrent {3}mesh-1 {2}hmac-sha256 {2}made 20/);
    const json = await keys(["show", "--json"]);
    expect(JSON.parse(json.output)).to.have.nested.property("keys[0].name", "mesh-1");
    for (const text of [output, json.output]) expect(text).not.to.include(document.current.secret);
  });

  it("begins a rotation, once", async () => {
    const first = await keys(["rotate"]);
    expect(first).to.include({ status: 0 });
    expect(first.output).to.match(/is the next key, and waits until all sites have it/);
    const { document, version } = await vault.ring();
    expect(document.next?.name).to.match(/^mesh-\d{8}-\d{6}-[0-9a-f]{4}$/);
    expect((await keys(["rotate"])).output).to.match(/under way already/);
    expect((await vault.ring()).version).to.equal(version);
    expect(first.output).not.to.include(document.next?.secret);
  });

  it("does nothing irrevocable before --yes, and says what it would cost", async () => {
    const before = await vault.ring();
    const { status, output } = await keys(["revoke", "--site", "site-a"]);
    expect(status).to.equal(2);
    expect(output).to.match(/fail until both ends have.*--yes/s);
    expect(await vault.ring()).to.deep.equal(before);
  });

  it("does not touch the ring when Vault knows no such site", async () => {
    const before = await vault.ring();
    const { status, output } = await keys(["revoke", "--site", "site-z", "--yes"]);
    expect([status, output]).to.deep.equal([
      2,
      'Vault has no role for the site "site-z"; check the name, or pass --closed if its access was closed before\n',
    ]);
    expect(await vault.ring()).to.deep.equal(before);
  });

  it("revokes: closes both ways in, ends tokens that are out, and leaves one fresh key", async () => {
    const held = new VaultClient(await vault.access("site-a", "rotator"));
    await held.readSecret(vaultMount, ringSecret);
    await vault.root.write("sys/auth/dns-mesh-approle", { type: "approle" });
    const role = "auth/dns-mesh-approle/role/site-site-a";
    await vault.root.write(role, { token_policies: ["dns-mesh-site-site-a"] });
    const { document } = await vault.ring();
    const { status, output } = await keys(["revoke", "--site", "site-a", "--yes"]);
    expect(await vault.root.read(role).catch((error: unknown) => error)).to.be.instanceOf(VaultError);
    expect(status, output).to.equal(0);
    const after = (await vault.ring()).document;
    expect(after).to.have.keys("version", "current");
    expect([document.current.name, document.next?.name]).not.to.include(after.current.name);
    for (const role of ["site", "rotator"] as const) {
      const late = new VaultClient(await vault.access("site-a", role));
      for (const client of [held, late]) {
        const error: unknown = await client.readSecret(vaultMount, ringSecret).catch((caught: unknown) => caught);
        expect(error).to.have.nested.property("failure.kind", "denied");
      }
    }
    expect(output).not.to.include(after.current.secret);
    expect(await keys(["revoke", "--site", "site-a", "--yes", "--closed"])).to.include({ status: 0 });
    expect((await vault.ring()).document.current.name).not.to.equal(after.current.name);
  });

  it("revokes tokens that are out with --closed, where an earlier run ended after it had deleted the roles", async () => {
    await vault.addSite("site-b", []);
    const held = new VaultClient(await vault.access("site-b", "site"));
    await held.readSecret(vaultMount, ringSecret);
    for (const role of ["site", "rotator"]) await vault.root.remove(`auth/dns-mesh-site-b/role/${role}`);
    await held.readSecret(vaultMount, ringSecret);
    const { status, output } = await keys(["revoke", "--site", "site-b", "--yes", "--closed"]);
    expect(status, output).to.equal(0);
    const error: unknown = await held.readSecret(vaultMount, ringSecret).catch((caught: unknown) => caught);
    expect(error).to.have.nested.property("failure.kind", "denied");
  });

  for (const [what, args, env, expected, code = 2] of [
    ["a command that is none", ["revok"], undefined, /unknown command 'revok'.*Did you mean revoke/s],
    ["an option that is none", ["show", "--all"], undefined, /unknown option '--all'/],
    ["no site", ["revoke"], undefined, /the site is missing: --site NAME/],
    ["no address", ["show"], { VAULT_TOKEN: "x" }, /Vault's address is missing: --address/],
    ["no token", ["show"], { VAULT_ADDR: "http://127.0.0.1:1" }, /VAULT_TOKEN is not set/],
    [
      "a Vault that is away",
      ["show"],
      { VAULT_ADDR: "http://127.0.0.1:1", VAULT_TOKEN: "x" },
      /Vault does not answer/,
      1,
    ],
    ["another mount", ["show", "--mount", "nowhere"], undefined, /no key ring at nowhere\/ring; bring the shared/],
  ] as const) {
    it(`reports ${what} in a sentence`, async () => {
      const { status, output } = await keys(args, env);
      expect(status).to.equal(code);
      expect(output)
        .to.match(expected)
        .and.not.match(/^\s+at /m);
    });
  }
});
