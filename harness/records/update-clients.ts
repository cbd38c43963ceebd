import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { DnsServer } from "../../src/dns/client/dns-client";
import type { TsigKey } from "../../src/dns/tsig-key";
import { toolPath } from "../tools";
import { CommandError, run } from "../tools/run";

/** Others' programs that change zones by DNS UPDATE: BIND's and Knot's. */
export type UpdateClient = "nsupdate" | "knsupdate";

/** What a client said, and whether it said that all went well. */
export interface UpdateAnswer {
  readonly ok: boolean;
  readonly said: string;
}

/** The key as a file that the client reads. */
function keyFile(client: UpdateClient, key: TsigKey): string {
  const { name, algorithm, secret } = key;
  if (client === "knsupdate") return `${algorithm}:${name}:${secret}\n`;
  return `key "${name}" {\n  algorithm ${algorithm};\n  secret "${secret}";\n};\n`;
}

/** Runs nsupdate or knsupdate as a user does: the key in a file, the commands on its input, without `server` and `send`. */
export async function sendUpdate(update: {
  readonly client: UpdateClient;
  readonly server: DnsServer;
  readonly key: TsigKey;
  readonly commands: readonly string[];
  readonly folder: string;
  readonly tcp?: boolean;
}): Promise<UpdateAnswer> {
  const folder = join(update.folder, "keys");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${update.client}-${update.key.name}.key`);
  writeFileSync(file, keyFile(update.client, update.key), { mode: 0o600 });
  const input = [`server ${update.server.address} ${update.server.port}`, ...update.commands, "send", ""].join("\n");
  const program = update.client === "nsupdate" ? "nsupdate" : toolPath("knsupdate");
  try {
    const said = await run(program, [...(update.tcp === true ? ["-v"] : []), "-k", file], { input, timeoutMs: 20_000 });
    return { ok: true, said };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { ok: false, said: error.message };
  }
}
