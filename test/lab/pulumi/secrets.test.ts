import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import program from "../../../program";
import { startVault, type VaultServer } from "../../../harness/plugins/vault-server";
import { processesDuring } from "../../../harness/process-watch";
import { createDriver, type MeshDriver, type OperationResult } from "../../../harness/pulumi/driver";
import { SecretSearch, secretsInState } from "../../../harness/secret-search";
import { exampleList } from "../../unit/components/example-mesh";

/** Each file below a folder, with its content. */
function filesIn(folder: string): [string, string][] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), "utf8")]);
}

/** What an operation told: on the terminal, and to who follows its events. */
function told({ stdout, events }: OperationResult): string {
  return `${stdout}\n${JSON.stringify(events)}`;
}

for (const where of ["in the state", "in Vault"] as const) {
  describe(`secrets of the shared stack, kept ${where}`, function () {
    this.timeout(120_000);
    let vault: VaultServer | undefined;
    let workDir: string;
    let driver: MeshDriver;
    let search: SecretSearch;
    let exported: unknown;
    const texts = new Map<string, string>();

    before(async () => {
      // Messages that would not be sent otherwise.
      process.env["DNS_MESH_DEBUG"] = "1";
      vault = where === "in Vault" ? await startVault() : undefined;
      workDir = mkdtempSync(join(tmpdir(), "dns-mesh-secrets-"));
      const env = vault && { VAULT_TOKEN: vault.token };
      const run = program as () => Promise<Record<string, unknown>>;
      driver = createDriver({ workDir, program: run, ...(env && { env }) });
      const settings = { ...(vault && { "dns-mesh:vault": { address: vault.address } }) };
      await driver.setConfig("shared", { "dns-mesh:mesh": exampleList, ...settings });
      const { result, processes } = await processesDuring(async () => {
        texts.set("the first preview", told(await driver.preview("shared")));
        return driver.up("shared");
      });
      texts.set("the first up", told(result));
      texts.set("process lists", processes);
      const fewer = { ...exampleList, sites: exampleList.sites.slice(0, 2) };
      await driver.setConfig("shared", { "dns-mesh:mesh": fewer, ...settings });
      texts.set("a preview of a change", told(await driver.preview("shared")));
      texts.set("a refresh", told(await driver.refresh("shared")));
      const open = Object.entries(await driver.outputs("shared")).filter(([, { secret }]) => !secret);
      texts.set("outputs", JSON.stringify(open));
      exported = (await driver.exportState("shared")).deployment;
      search = new SecretSearch(secretsInState(exported));
      for (const [name, text] of filesIn(workDir)) texts.set(`file ${name}`, text);
      await driver.setConfig("shared", { "dns-mesh:mesh": fewer, ...settings, "dns-mesh:protect": "false" });
      await driver.up("shared");
      texts.set("destruction", told(await driver.destroy("shared")));
    });
    after(async () => {
      delete process.env["DNS_MESH_DEBUG"];
      await vault?.[Symbol.asyncDispose]();
      rmSync(workDir, { recursive: true, force: true });
    });

    it("are known: the ring's, and the authority's and every site's where Vault does not issue", () => {
      const privateKeys = search.secrets.filter(({ value }) => value.includes("PRIVATE KEY"));
      const { resources } = exported as { resources: { urn: string }[] };
      const ownerOf = ({ name }: { name: string }) => resources[Number(/^resources\.(\d+)\./.exec(name)?.[1])]?.urn;
      // That of the key which signs epochs, as PEM and as OpenSSH has it.
      const owners = privateKeys.map((secret) => ownerOf(secret)?.split("::").at(-1));
      if (where === "in Vault") expect(owners).to.deep.equal(["mesh-epochs-key", "mesh-epochs-key"]);
      else expect(privateKeys.length).to.be.at.least(1 + exampleList.sites.length);
      expect(search.secrets.length - privateKeys.length).to.be.at.least(1);
      const seen = new Set(search.in(JSON.stringify(exported)).map(({ secret }) => secret));
      expect([...seen]).to.have.members([...new Set(search.secrets.map(({ name }) => name))]);
    });

    it("are nowhere in the clear: state, outputs, previews, events, process lists", () => {
      expect([...texts.keys()]).to.include.members(["file shared.json", "process lists"]);
      expect(texts.get("the first up")).to.match(/RegisterResource RPC finished/);
      for (const [place, text] of texts) {
        expect(text, place).not.to.equal("");
        expect(search.in(text), place).to.deep.equal([]);
      }
    });
  });
}
