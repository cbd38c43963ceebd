import { messageOf, UserError } from "../../base/errors";
import { readJsonFile } from "../../base/json-file";
import { createLogger, type Logger } from "../../base/log";
import type { Environment } from "../../contract/environment";
import { rotatorEnvironment } from "../../contract/environments";
import { liveSettingsPath, parseLiveSettings } from "../../contract/live-settings";
import { freshKey } from "../../keyring/fresh-key";
import { defaultRotation } from "../../keyring/rotation-settings";
import { parseWelcomePacket } from "../../mesh/welcome";
import { parseVaultAccess } from "../../vault/access";
import { VaultClient } from "../../vault/client";
import { patientDns } from "../patient-dns";
import { readRotatorOptions, rotate } from "./rotate";

/** Milliseconds after which asking the sites is given up; the next run asks again. */
const dnsPatience = 60_000;

/** The program that advances the key ring: `run` does what is due, `rotate` begins a rotation now. */
async function main(
  command: string | undefined,
  { env, log }: { readonly env: Environment; readonly log: Logger },
): Promise<void> {
  if (command !== "run" && command !== "rotate")
    throw new UserError(`unknown command "${command ?? ""}"; use run or rotate`);
  const { packetFile } = rotatorEnvironment.fromEnvironment(env);
  const options = readRotatorOptions(env, await readJsonFile(liveSettingsPath(packetFile), parseLiveSettings));
  const packet = await readJsonFile(options.packetFile, parseWelcomePacket);
  const access = await readJsonFile(options.vaultFile, parseVaultAccess);
  const parts = {
    options,
    packet,
    log,
    freshKey,
    now: Date.now,
    settings: packet.rotation ?? defaultRotation,
    vault: new VaultClient(access),
    mount: access.mount,
    dns: patientDns(dnsPatience),
  };
  await rotate(parts, command === "rotate");
}

const log = createLogger({ write: (line) => process.stdout.write(line), now: Date.now });
main(process.argv[2], { env: process.env, log }).then(
  () => {
    process.exitCode = 0;
  },
  (error: unknown) => {
    log.error(messageOf(error));
    process.exitCode = 1;
  },
);
