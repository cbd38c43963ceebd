import { join } from "node:path";

import { ensureFolder, writeAtomically } from "../../base/files";
import type { BackupManifest } from "../../contract/backups";
import type { SocketAddress } from "../../contract/environment";
import type { TsigKey } from "../../dns/tsig-key";
import { section } from "../../knot/config/stanza";

/** Where a drill's Knot lives: an empty folder that nobody misses. */
export class ScratchKnot {
  /** @param folder - Of the drill. */
  constructor(private readonly folder: string) {}

  /** The backup that was fetched. */
  get backup(): string {
    return join(this.folder, "backup");
  }

  get configuration(): string {
    return join(this.folder, "knot.conf");
  }

  get socket(): string {
    return join(this.folder, "run", "knot.sock");
  }

  /** The key by which the drill reads the zones, a file. */
  get keyFile(): string {
    return join(this.folder, "key.json");
  }

  get keys(): string {
    return join(this.folder, "db", "keys");
  }

  /** Writes what a Knot needs that has the backup's zones, and serves them as they are restored, signatures included. */
  async configure(manifest: BackupManifest, at: { readonly dns: SocketAddress; readonly key: TsigKey }): Promise<void> {
    for (const name of ["run", "db", "zones"]) await ensureFolder(join(this.folder, name));
    await writeAtomically(this.keyFile, JSON.stringify(at.key));
    await writeAtomically(this.configuration, this.#text(manifest, at));
  }

  #text({ zones }: BackupManifest, { dns, key }: { readonly dns: SocketAddress; readonly key: TsigKey }): string {
    const template = {
      id: "default",
      storage: `"${join(this.folder, "zones")}"`,
      "zonefile-load": "whole",
      "zonefile-sync": -1,
      "journal-content": "none",
      acl: "drill",
    };
    return (
      `server:\n    rundir: "${join(this.folder, "run")}"\n    listen: ${dns.address}@${dns.port}\n\n` +
      `control:\n    listen: "${this.socket}"\n\n` +
      `database:\n    storage: "${join(this.folder, "db")}"\n\n` +
      `log:\n  - target: stdout\n    any: warning\n\n` +
      section("key", [{ id: key.name, algorithm: key.algorithm, secret: key.secret }]) +
      section("acl", [{ id: "drill", key: key.name, action: "transfer" }]) +
      section("template", [template]) +
      section(
        "zone",
        zones.map(({ zone }) => ({ domain: zone })),
      )
    );
  }
}
