import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { rotate, type Rotated } from "../../src/agents/rotator/rotate";
import { createLogger } from "../../src/base/log";
import { DnsClient } from "../../src/dns/client/dns-client";
import { freshKey } from "../../src/keyring/fresh-key";
import type { RotationSettings } from "../../src/keyring/rotation-settings";
import type { VaultClient } from "../../src/vault/client";
import type { RunningMesh } from "./running-mesh";

/** The rotator of a site in a cluster with settings that no stack has. It runs outside, and asks from there. */
export class MeshRotator {
  /** Everything that it logged. */
  log = "";

  constructor(
    private readonly options: {
      readonly mesh: RunningMesh;
      readonly vault: VaultClient;
      readonly site: string;
      readonly settings: RotationSettings;
    },
  ) {}

  /** @param asked - Whether a rotation is to begin now. */
  async run(asked = false): Promise<Rotated> {
    const { mesh, vault, site, settings } = this.options;
    const options = {
      packetFile: "",
      vaultFile: "",
      localKeyFile: await this.#localKey(),
      pods: [{ address: mesh.cluster(site).siteAddress, port: 53 }],
      remotePort: 53,
    };
    const write = (line: string): void => {
      this.log += line;
    };
    return rotate(
      {
        options,
        settings,
        vault,
        freshKey,
        now: Date.now,
        mount: "dns-mesh",
        packet: await mesh.packet(site),
        dns: new DnsClient({ timeoutMs: 1500 }),
        log: createLogger({ write, now: Date.now }),
      },
      asked,
    );
  }

  async #localKey(): Promise<string> {
    const { mesh, site } = this.options;
    const secret = ["-n", "dns-system", "get", "secret", "tsig-local-key", "-o", "jsonpath={.data.key\\.json}"];
    const file = join(mesh.workDir, `local-key-of-${site}.json`);
    const text = Buffer.from(await mesh.cluster(site).kubectl(secret), "base64").toString();
    await writeFile(file, text, { mode: 0o600 });
    return file;
  }
}
