import { parseArgs } from "node:util";

import { messageOf, UserError } from "../base/errors";
import { freshKey } from "../keyring/fresh-key";
import { VaultClient, VaultError } from "../vault/client";
import { type KeyCommandParts, revocationNotice, revokeSite, rotateKeys, showKeys } from "./key-commands";

const usage = `npm run keys -- show                        which keys there are; no secrets
npm run keys -- rotate                      begins a rotation now
npm run keys -- revoke --site NAME --yes    shuts a site out and replaces the whole ring

  --address URL   of Vault (VAULT_ADDR)
  --mount PATH    KV v2 mount (dns-mesh)
  --closed        the site's roles in Vault may be gone already; its tokens are revoked all the same

The token comes from VAULT_TOKEN, roots for https from the file VAULT_CACERT.`;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

function parse(args: readonly string[]) {
  const options = { address: text, mount: text, site: text, yes: flag, closed: flag, help: flag };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UserError(`${messageOf(error)}\n${usage}`, { cause: error });
  }
}

function clientOf(address: string | undefined): VaultClient {
  const { VAULT_ADDR, VAULT_TOKEN: token, VAULT_CACERT: caFile } = process.env;
  const url = (address ?? VAULT_ADDR)?.replace(/\/+$/, "");
  if (url === undefined || !/^https?:\/\/[^/]/.test(url))
    throw new UserError("Vault's address is missing: --address https://vault.example:8200, or VAULT_ADDR");
  if (token === undefined || token === "")
    throw new UserError("VAULT_TOKEN is not set; log in first (vault login) and hand the token over in it");
  return new VaultClient({ address: url, auth: { method: "token", token }, ...(caFile && { caFile }) });
}

/** For operators, who have a token of their own. */
async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const [command, ...rest] = positionals;
  const print = console.log;
  if (values.help === true || command === undefined) {
    print(usage);
    return;
  }
  if (rest.length > 0 || !["show", "rotate", "revoke"].includes(command))
    throw new UserError(`there is no "${positionals.join(" ")}"\n${usage}`);
  if (command === "revoke" && values.site === undefined) throw new UserError("the site is missing: --site NAME");
  const vault = clientOf(values.address);
  const parts: KeyCommandParts = { vault, mount: values.mount ?? "dns-mesh", now: Date.now, freshKey, print };
  if (command === "show") return showKeys(parts);
  if (command === "rotate") return rotateKeys(parts);
  const site = values.site ?? "";
  if (values.yes !== true) throw new UserError(revocationNotice(site).join("\n"));
  return revokeSite({ ...parts, site, isClosed: values.closed === true });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isPlain = error instanceof UserError || error instanceof VaultError;
  console.error(isPlain ? error.message : error);
  process.exitCode = 1;
});
