import { expect } from "chai";
import { parse } from "yaml";
import { checkOut, type Checkout } from "../../../harness/docs/checkout";
import { Reader, type Replacement } from "../../../harness/docs/reader";
import { MeshVault } from "../../../lab/mesh-vault";
import { parseStackConfig } from "../../../src/settings/site-settings";

describe("guide and runbooks about keys, before a real Vault", function () {
  this.timeout(120_000);
  let vault: MeshVault;
  let checkout: Checkout;
  let reader: Reader;
  let access: Replacement[];

  before(async () => {
    [vault, checkout] = await Promise.all([MeshVault.start(), checkOut()]);
    for (const site of ["site-a", "site-c", "site-x"]) await vault.addSite(site, []);
    reader = new Reader({ folder: checkout.folder, env: checkout.env, timeoutMs: 60_000 });
    const { address, token } = vault.operator;
    access = [
      ["https://vault.example:8200", address],
      ["VAULT_TOKEN=…", `VAULT_TOKEN=${token}`],
    ];
  });
  after(async () => {
    checkout[Symbol.dispose]();
    await vault[Symbol.asyncDispose]();
  });

  /** Names of the keys in the ring. */
  const keys = async (): Promise<readonly (string | undefined)[]> => {
    const { previous, current, next } = (await vault.ring()).document;
    return [previous, current, next].map((key) => key?.name);
  };

  it("show and rotate as the guide says, with settings that a stack takes", async () => {
    reader.open("docs/guides/keys.md#with-vault-it-rotates-by-itself");
    const { config } = parse(reader.next("yaml")) as { config: Record<string, unknown> };
    const site = { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones: [] };
    const settings: Record<string, unknown> = {
      mesh: { directoryZone: "dns.internal", catalogZone: "catalog.internal", sites: [site] },
      vault: { address: "https://vault.example:8200" },
      rotation: config["dns-mesh:rotation"],
    };
    const text = (key: string): string | undefined =>
      settings[key] === undefined ? undefined : JSON.stringify(settings[key]);
    expect(parseStackConfig({ get: text }, "shared")).to.have.nested.property("shared.rotation.every", 30 * 86_400);
    const [, before] = await keys();
    expect(await reader.run(access))
      .to.match(/^current +mesh-1 /m)
      .and.match(/is the next key/);
    reader.close();
    expect(await keys()).to.satisfy(
      ([, current, next]: (string | undefined)[]) => current === before && next !== undefined,
    );
  });

  it("shut a site out by the runbook for a key", async () => {
    const before = await keys();
    reader.open("docs/runbooks/compromised-key.md#with-vault");
    // A terminal goes on after the first look, whose status says that nothing was done.
    const shown = await reader.shell(`set +e\n${reader.next("sh", access)}`);
    reader.close();
    expect(shown).to.match(/--yes/);
    const [previous, current, next] = await keys();
    expect([previous, next]).to.deep.equal([undefined, undefined]);
    expect(before).not.to.include(current);
  });

  it("shut a site out by the runbook for a site", async () => {
    const before = await keys();
    reader.open("docs/runbooks/compromised-site.md#runbook-a-site-fell-into-other-hands");
    expect(reader.next("sh")).to.match(/^pulumi up -s shared\npulumi up -s site-a /);
    await reader.run();
    reader.close();
    expect(before).not.to.include((await keys())[1]);
  });
});
