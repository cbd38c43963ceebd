import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { bundle } from "../components/bundle";
import { storageKeys, type StorageServer } from "../harness/backups/storage";
import { freePort } from "../harness/free-port";
import { knotBinaries } from "../harness/knot";
import { binDir } from "../harness/tools/cache";
import { backupEnvironment, type OptionsOf } from "../src/contract/environments";
import { LabProcess, Log } from "./process";
import type { LabSite } from "./site";

/** A run that is under way. */
export interface BegunRun {
  readonly ended: Promise<BackupRun>;
  /** Ends the program, and restic with it. */
  kill(): void;
  /** Whether no process of it is left, not even one that the machine has still to clear away: restic takes the lock of that for held. */
  isGone(): boolean;
}

/** How a run of the backup's program ended. */
export interface BackupRun {
  readonly code: number | null;
  /** What it logged. */
  readonly log: string;
}

type Options = OptionsOf<typeof backupEnvironment>;

/** What the jobs of a site with backups have and do: the same program, with folders in the place of mounts. */
export class SiteBackups implements AsyncDisposable {
  private constructor(
    private readonly site: LabSite,
    private readonly storage: StorageServer,
    private readonly folder: string,
  ) {}

  /** Gives a site backups, as its stack does. */
  static async of(site: LabSite, storage: StorageServer): Promise<SiteBackups> {
    const folder = await mkdtemp(join(tmpdir(), "mesh-backups-"));
    await mkdir(join(folder, "storage"));
    await writeFile(join(folder, "storage", "access-key"), storageKeys.accessKey);
    await writeFile(join(folder, "storage", "secret-key"), storageKeys.secretKey);
    await writeFile(join(folder, "storage", "ca.crt"), storage.ca);
    await writeFile(join(folder, "password"), "password-of-the-repository-51c7");
    await writeFile(join(folder, "backup.js"), bundle("backup"));
    const backups = new SiteBackups(site, storage, folder);
    await backups.mountToken();
    return backups;
  }

  /** The Secret by which the agent knows the program. */
  async mountToken(): Promise<void> {
    await writeFile(this.site.path("etc", "backup-token"), randomBytes(32).toString("hex"));
  }

  /** A path among the jobs' own files. */
  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** What stands in files and must not stand elsewhere. */
  async secrets(): Promise<readonly string[]> {
    const files = [this.path("password"), this.path("storage", "secret-key"), this.site.path("etc", "backup-token")];
    return Promise.all(files.map((file) => readFile(file, "utf8")));
  }

  /** Runs `backup`, `restore`, `fetch` or `drill` to its end. */
  async run(command: string, changes: Partial<Options> = {}): Promise<BackupRun> {
    return this.begin(command, changes).ended;
  }

  /** Begins a run, for those who want to end it in the middle. */
  begin(command: string, changes: Partial<Options> = {}): BegunRun {
    const node = join(__dirname, "..", "node_modules", ".bin", "node");
    const env = { PATH: process.env["PATH"], ...backupEnvironment.toEnvironment({ ...this.#options(), ...changes }) };
    const child = spawn(node, [this.path("backup.js"), command], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (log += text));
    const ended = new Promise<BackupRun>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        resolve({ code, log });
      });
    });
    const kill = (): void => {
      // As a container is ended: the program and restic with it.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    const isGone = (): boolean => {
      try {
        process.kill(-(child.pid ?? 0), 0);
        return false;
      } catch {
        return true;
      }
    };
    return { ended, kill, isGone };
  }

  /** A whole restore drill: its init container, a Knot, and the comparison. */
  async drill(
    spoil: (backup: string) => Promise<void> = () => Promise.resolve(),
  ): Promise<BackupRun & { readonly knot: string }> {
    const scratch = this.path("scratch");
    await rm(scratch, { recursive: true, force: true });
    const changes = { folder: scratch, drillDns: { address: "127.0.0.1", port: await freePort() } };
    const fetched = await this.run("fetch", changes);
    if (fetched.code !== 0) return { ...fetched, knot: "" };
    await spoil(join(scratch, "backup"));
    const log = new Log();
    const knot = new LabProcess({ command: [knotBinaries().knotd, "-c", join(scratch, "knot.conf")], log });
    try {
      return { ...(await this.run("drill", changes)), knot: log.text };
    } finally {
      await knot.end("SIGKILL");
    }
  }

  #options(): Options {
    return {
      packetFile: this.site.path("etc", "welcome.json"),
      repository: `s3:${this.storage.url}/bucket/${this.site.name}`,
      passwordFile: this.path("password"),
      storageFolder: this.path("storage"),
      caFile: this.path("storage", "ca.crt"),
      tokenFile: this.site.path("etc", "backup-token"),
      restic: join(binDir(), "restic"),
      folder: this.site.path("storage", "backup"),
      retention: [],
      patienceMs: 120_000,
      awayMs: 2000,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
