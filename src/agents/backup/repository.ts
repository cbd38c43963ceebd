import { join } from "node:path";

import * as z from "zod/mini";

import { messageOf } from "../../base/errors";
import { readText } from "../../base/files";
import { parseJson } from "../../base/json";
import { listOf, objectOf, plainText, readShape, type Shape } from "../../base/shape";
import { backupFiles } from "../../contract/backups";
import { asBackupError, BackupError } from "./failure";
import { type BackupOptions, Restic } from "./restic";

const config = objectOf({ id: plainText });
const snapshots = listOf(objectOf({ id: plainText, time: plainText }));
const summary = objectOf({ snapshot_id: plainText, total_bytes_processed: z.number(), data_added_packed: z.number() });

/** A backup in the repository. */
export type Snapshot = Shape<typeof snapshots>[number];

/** What was pushed, in octets: the backup, what of it was new. */
export interface Pushed {
  readonly snapshot: string;
  readonly size: number;
  readonly added: number;
}

const tag = "dns-mesh";
/** The same where it could not read all files; what it could is a snapshot all the same. */
const incompleteCode = 3;

/** A site's backups, encrypted and deduplicated, in a bucket elsewhere. */
export class Repository {
  readonly #restic: Restic;

  constructor(
    private readonly options: BackupOptions,
    private readonly site: string,
  ) {
    this.#restic = new Restic(options);
  }

  /**
   * The repository's id; it is made when there was none before.
   *
   * @param known - The id that earlier backups went to.
   * @throws BackupError `missing` or `different` when the one that earlier backups went to is not there: whoever emptied
   * the bucket must not get a new history without an alarm.
   */
  async open(known: string | undefined): Promise<string> {
    const found = await this.#id();
    if (found === undefined && known !== undefined)
      throw new BackupError(
        "missing",
        `the repository ${known.slice(0, 10)} is gone, which earlier backups went to; it is not made anew`,
      );
    if (found === undefined) await this.#restic.run(["init"]);
    const id = found ?? (await this.#id());
    if (id === undefined) throw new BackupError("missing", "the repository that was just made is not there");
    if (known !== undefined && id !== known)
      throw new BackupError(
        "different",
        `this is the repository ${id.slice(0, 10)}; earlier backups went to ${known.slice(0, 10)}`,
      );
    return id;
  }

  async #id(): Promise<string | undefined> {
    const { code, stdout } = await this.#restic.run(["cat", "config", "--no-lock"], { accepts: [10] });
    return code === 10 ? undefined : readShape(config, parseJson(stdout, "the repository's config"), "").id;
  }

  /**
   * Pushes a folder. Locks of runs that ended long ago are taken away first, and no others: restic itself lets them stand in
   * the way of all that comes after.
   *
   * @throws BackupError when another run's backup took the folder's place meanwhile; what was pushed by then is no backup.
   */
  async push(folder: string): Promise<Pushed> {
    await this.#restic.run(["unlock", "--quiet"]);
    const before = await readText(join(folder, backupFiles.manifest));
    const backup = ["backup", "--json", "--quiet", "--host", this.site, "--tag", tag, "."];
    const { code, stdout } = await this.#restic.run(backup, { cwd: folder, accepts: [incompleteCode] });
    const found = readShape(summary, Restic.message(stdout, "summary"), "");
    const isWhole = before !== undefined && before === (await readText(join(folder, backupFiles.manifest)));
    if (code !== 0 || !isWhole) {
      const why = isWhole ? "files could not be read" : "another run's backup took its place meanwhile";
      const kept = await this.#remove(found.snapshot_id);
      throw new BackupError("other", `the backup was not pushed as a whole (${why}); what was pushed ${kept}`);
    }
    return { snapshot: found.snapshot_id, size: found.total_bytes_processed, added: found.data_added_packed };
  }

  /** Returns what became of it. */
  #remove(snapshot: string): Promise<string> {
    return this.#restic.run(["forget", "--quiet", snapshot]).then(
      () => "is removed",
      (error: unknown) => `could not be removed, do that by hand: snapshot ${snapshot}: ${messageOf(error)}`,
    );
  }

  /** Whether all that is stored belongs together. @throws BackupError `damaged` */
  async check(): Promise<void> {
    await this.#restic.run(["check", "--json", "--quiet", "--no-lock"]);
  }

  /**
   * Removes what the rules do not keep.
   *
   * @returns why nothing was removed, where the storage refuses that or somebody else has locked the repository.
   */
  async prune(): Promise<string | undefined> {
    const { retention } = this.options;
    if (retention.length === 0) return undefined;
    const rules = retention.map((rule) => `--${rule}`);
    const forget = ["forget", "--quiet", "--host", this.site, "--tag", tag, "--group-by", "host", ...rules, "--prune"];
    try {
      await this.#restic.run(forget);
      return undefined;
    } catch (error) {
      const { reason, message } = asBackupError(error);
      if (reason === "credentials" || reason === "locked") return message;
      throw error;
    }
  }

  /**
   * The last backup, or the last one up to a time.
   *
   * @throws BackupError `missing` when there is none.
   */
  async find(at: string | undefined): Promise<Snapshot> {
    const { stdout } = await this.#restic.run(["snapshots", "--json", "--no-lock", "--host", this.site, "--tag", tag]);
    const all = readShape(snapshots, parseJson(stdout, "the list of backups"), "");
    const limit = at === undefined ? Infinity : Date.parse(at);
    const found = all
      .filter(({ time }) => Date.parse(time) <= limit)
      .reduce<Snapshot | undefined>(
        (a, b) => (a === undefined || Date.parse(b.time) >= Date.parse(a.time) ? b : a),
        undefined,
      );
    if (found !== undefined) return found;
    const first = all.map(({ time }) => time).sort()[0];
    const what = at === undefined ? "no backup" : `no backup of ${at} or before`;
    throw new BackupError(
      "missing",
      `${what} of ${this.site} in the repository${first === undefined ? "" : `; the first is of ${first}`}`,
    );
  }

  /** Brings a backup into a folder, each octet of it verified. */
  async fetch(snapshot: string, folder: string): Promise<void> {
    await this.#restic.run(["restore", snapshot, "--target", folder, "--no-lock", "--json", "--quiet"]);
  }
}
