import type { Command } from "commander";

import { UserError } from "../../base/errors";
import { addCommand, printJson, progressTo, withJson } from "../command";
import type { KeyCommandParts } from "../key-commands";

interface Options {
  readonly address?: string;
  readonly mount: string;
  readonly json?: boolean;
}

interface RevokeOptions extends Options {
  readonly site?: string;
  readonly yes?: boolean;
  readonly closed?: boolean;
}

/** `mesh keys`: the TSIG ring in Vault. */
export function register(program: Command): void {
  const keys = addCommand(program, {
    usage: "keys",
    summary: "the key ring in Vault",
    description: "Without Vault the ring turns by dns-mesh:keys. No command prints a secret.",
    examples: ["keys show", "keys rotate", "keys revoke --site site-c --yes"],
  });
  withVault(
    addCommand(keys, { usage: "show", summary: "which keys there are; no secrets", examples: ["keys show --json"] }),
  ).action(async (options: Options) => {
    const { describeKeys, readKeys } = await import("../key-commands");
    const parts = await partsOf(options);
    const found = await readKeys(parts);
    if (options.json === true) printJson(found);
    else for (const line of describeKeys(found)) console.log(line);
  });
  withVault(addCommand(keys, { usage: "rotate", summary: "begins a rotation now", examples: ["keys rotate"] })).action(
    async (options: Options) => {
      const { rotateKeys } = await import("../key-commands");
      await printing(options, rotateKeys);
    },
  );
  withVault(
    addCommand(keys, {
      usage: "revoke",
      summary: "shuts a site out and replaces the whole ring",
      description: "Without --yes it says what it would do.",
      examples: ["keys revoke --site site-c --yes"],
    }),
  )
    .option("--site <NAME>", "the site")
    .option("--yes", "does it")
    .option("--closed", "the site's roles in Vault may be gone already; its tokens are revoked all the same")
    .action(revoke);
}

async function revoke({ site, yes, closed, ...options }: RevokeOptions): Promise<void> {
  const { revocationNotice, revokeSite } = await import("../key-commands");
  if (site === undefined) throw new UserError("the site is missing: --site NAME");
  if (yes !== true) {
    await partsOf(options);
    throw new UserError(revocationNotice(site).join("\n"));
  }
  await printing(options, (parts) => revokeSite({ ...parts, site, isClosed: closed === true }));
}

function withVault(command: Command): Command {
  return withJson(command)
    .option("--address <URL>", "of Vault (VAULT_ADDR)")
    .option("--mount <PATH>", "KV v2 mount of the ring", "dns-mesh")
    .addHelpText("after", "\nThe token comes from VAULT_TOKEN, roots for https from the file VAULT_CACERT.");
}

/** Prints what a command reports as it goes, and with `--json` all of it at its end as well. */
async function printing(options: Options, command: (parts: KeyCommandParts) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const report = progressTo(options);
  const print = (line: string): void => {
    lines.push(line);
    report(line);
  };
  await command({ ...(await partsOf(options)), print });
  if (options.json === true) printJson({ lines });
}

async function partsOf({ address, mount }: Options): Promise<KeyCommandParts> {
  const { freshKey } = await import("../../keyring/fresh-key");
  const { VaultClient } = await import("../../vault/client");
  const { VAULT_ADDR, VAULT_TOKEN: token, VAULT_CACERT: caFile } = process.env;
  const url = (address ?? VAULT_ADDR)?.replace(/\/+$/, "");
  if (url === undefined || !/^https?:\/\/[^/]/.test(url))
    throw new UserError("Vault's address is missing: --address https://vault.example:8200, or VAULT_ADDR");
  if (token === undefined || token === "")
    throw new UserError("VAULT_TOKEN is not set; log in first (vault login) and hand the token over in it");
  const vault = new VaultClient({ address: url, auth: { method: "token", token }, ...(caFile && { caFile }) });
  return { vault, mount, now: Date.now, freshKey, print: console.log };
}
