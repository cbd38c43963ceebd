import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { rotate, type Rotated, type RotatorOptions } from "../src/agents/rotator/rotate";
import { UserError } from "../src/base/errors";
import { createLogger } from "../src/base/log";
import { DnsClient } from "../src/dns/client/dns-client";
import { freshKey } from "../src/keyring/fresh-key";
import type { RotationSettings } from "../src/keyring/rotation-settings";
import { welcomePacket } from "../src/mesh/welcome";
import { VaultClient } from "../src/vault/client";
import type { Lab } from "./lab";
import { type MeshVault, vaultMount } from "./mesh-vault";

/** The rotator of a site of a lab. Each call of {@link run} is one of the runs that a CronJob makes. */
export class LabRotator {
  /** Everything that it logged. */
  log = "";

  constructor(
    private readonly options: {
      readonly lab: Lab;
      readonly vault: MeshVault;
      readonly site: string;
      readonly settings: RotationSettings;
      /** Waited for before each write. */
      readonly beforeWrite?: () => Promise<void>;
    },
  ) {}

  /** @param asked - Whether a rotation is to begin now. */
  async run(asked = false): Promise<Rotated> {
    const { lab, vault, site, settings, beforeWrite } = this.options;
    const { server } = lab.site(site);
    const vaultFile = lab.site(site).path("etc", "vault-rotator.json");
    const access = await vault.access(site, "rotator");
    await writeFile(vaultFile, JSON.stringify(access));
    const client = new VaultClient(access);
    const packetFile = lab.site(site).path("etc", "welcome.json");
    const localKeyFile = lab.site(site).path("etc", "local.json");
    const options: RotatorOptions = { packetFile, vaultFile, localKeyFile, pods: [server], remotePort: server.port };
    const write = (line: string): void => {
      this.log += line;
    };
    const parts = {
      options,
      settings,
      freshKey,
      now: Date.now,
      mount: vaultMount,
      packet: welcomePacket(lab.mesh, site, "PEM"),
      vault: {
        readSecret: (...of: Parameters<VaultClient["readSecret"]>) => client.readSecret(...of),
        writeSecret: async (secret: Parameters<VaultClient["writeSecret"]>[0]) => {
          await beforeWrite?.();
          return client.writeSecret(secret);
        },
      },
      dns: new DnsClient({ timeoutMs: 1500 }),
      log: createLogger({ write, now: Date.now }),
    };
    return rotate(parts, asked);
  }
}

/** A rotator of any mesh: each call is one of the runs that a CronJob makes. */
interface Rotator {
  run(asked?: boolean): Promise<Rotated>;
}

/** Between two runs of a rotation that is hurried. */
const runEveryMs = 250;

/** Begins a rotation, and has the rotator run until the new key is the current one. Two minutes at the most. */
export async function rotateOnce(rotator: Rotator): Promise<void> {
  await rotator.run(true);
  for (const end = Date.now() + 120_000; Date.now() < end;) {
    // A run that cannot read the sites is made up for by the next one, as in a cluster.
    const rotated = await rotator.run().catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
    });
    if (rotated?.steps.includes("promote") === true) return;
    await delay(runEveryMs);
  }
  throw new Error("the rotation did not end within two minutes");
}
