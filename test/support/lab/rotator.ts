import { writeFile } from "node:fs/promises";

import type { RotatorOptions } from "../../../src/agents/rotator/options";
import { rotate, type Rotated } from "../../../src/agents/rotator/rotate";
import { createLogger } from "../../../src/agents/log";
import { DnsClient } from "../../../src/io/dns-client";
import { freshKey } from "../../../src/io/fresh-key";
import { VaultClient } from "../../../src/io/vault-client";
import type { RotationSettings } from "../../../src/mesh/rotation-settings";
import { welcomePacket } from "../../../src/mesh/welcome";
import type { Lab } from "./lab";
import { type MeshVault, vaultMount } from "./mesh-vault";

/** The rotator of a site of a lab. Each call of {@link run} is one of the runs that a CronJob makes. */
export class LabRotator {
  /** Everything that it logged. */
  log = "";

  constructor(
    private readonly o: {
      readonly lab: Lab;
      readonly vault: MeshVault;
      readonly site: string;
      readonly settings: RotationSettings;
    },
  ) {}

  /** @param asked - Whether a rotation is to begin now. */
  async run(asked = false): Promise<Rotated> {
    const { lab, vault, site, settings } = this.o;
    const { server } = lab.site(site);
    const vaultFile = lab.site(site).path("etc", "vault-rotator.json");
    const access = await vault.access(site, "rotator");
    await writeFile(vaultFile, JSON.stringify(access));
    const packetFile = lab.site(site).path("etc", "welcome.json");
    const options: RotatorOptions = { packetFile, vaultFile, pods: [server], remotePort: server.port };
    const write = (line: string): void => {
      this.log += line;
    };
    const parts = {
      ...{ options, settings, freshKey, now: Date.now, mount: vaultMount },
      packet: welcomePacket(lab.mesh, site, "PEM"),
      vault: new VaultClient(access),
      dns: new DnsClient({ timeoutMs: 500 }),
      log: createLogger({ write, now: Date.now }),
    };
    return rotate(parts, asked);
  }
}
