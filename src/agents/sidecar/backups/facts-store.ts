import { messageOf } from "../../../base/errors";
import { readText, writeAtomically } from "../../../base/files";
import { readJsonText } from "../../../base/json-file";
import { type BackupFacts, type BackupReport, factsWith, parseFacts } from "../../../contract/backups";
import type { Problems } from "../http/status";

const nothing: BackupFacts = { failures: {} };

/** Keeps on the volume what runs of the backup's program reported, and shows failures as problems. */
export class BackupFactsStore {
  #facts = nothing;
  #unread: string | undefined;
  #restore: readonly string[] = [];

  constructor(
    private readonly path: string,
    private readonly problems: Pick<Problems, "set">,
  ) {}

  get facts(): BackupFacts {
    return this.#facts;
  }

  /** Whether nothing is known because what was known cannot be read: then no repository may be taken for the first one. */
  get unread(): string | undefined {
    return this.#unread;
  }

  /** Reads what a predecessor left. */
  async load(): Promise<void> {
    try {
      const text = await readText(this.path);
      this.#facts = text === undefined ? nothing : readJsonText({ text, from: this.path }, parseFacts);
    } catch (error) {
      this.#unread = messageOf(error);
    }
    this.#show();
  }

  /** Takes a report. */
  async report(report: BackupReport): Promise<void> {
    this.#facts = factsWith(this.#facts, report);
    this.#show();
    // What cannot be read stays for whoever looks into it, and goes on standing in the way after a restart.
    if (this.#unread === undefined) await writeAtomically(this.path, `${JSON.stringify(this.#facts)}\n`);
  }

  /** Shows what of a restore could not be put back, as sentences. */
  showRestore(failures: readonly string[]): void {
    if (failures.length === 0 && this.#restore.length === 0) return;
    this.#restore = failures;
    this.#show();
  }

  #show(): void {
    const { backup, drill } = this.#facts.failures;
    this.problems.set("backup", [
      ...this.#restore,
      ...(this.#unread === undefined ? [] : [`what is known of backups cannot be read: ${this.#unread}`]),
      ...(backup === undefined ? [] : [`the last backup failed (${backup.reason}): ${backup.message}`]),
      ...(drill === undefined ? [] : [`the last restore drill failed (${drill.reason}): ${drill.message}`]),
    ]);
  }
}
