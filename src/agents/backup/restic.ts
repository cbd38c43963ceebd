import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { rootCertificates } from "node:tls";

import { messageOf } from "../../base/errors";
import { writeAtomically } from "../../base/files";
import { fields } from "../../base/json";
import type { backupEnvironment, OptionsOf } from "../../contract/environments";
import { BackupError, type FailureReason } from "./failure";

/** What the program is told by its environment. */
export type BackupOptions = OptionsOf<typeof backupEnvironment>;

/** How a command of restic is run. */
export interface ResticCall {
  /** Folder in which it runs. */
  readonly cwd?: string;
  /** Exit statuses that are an answer too. */
  readonly accepts?: readonly number[];
}

/** What a command answered. */
export interface ResticResult {
  readonly code: number;
  readonly stdout: string;
}

/** What restic's exit status says by itself (since 0.17). */
const reasonsByCode: Readonly<Partial<Record<number, FailureReason>>> = { 10: "missing", 11: "locked", 12: "password" };
/** What each line on standard error says. The first rule that fits counts; restic tries again for a quarter of an hour whatever it is. */
const rules: readonly (readonly [RegExp, FailureReason, "final" | "passing"])[] = [
  [
    /InvalidAccessKeyId|SignatureDoesNotMatch|signature (?:we calculated )?does not match|AccessDenied|Access Denied|access key|403 Forbidden|not authorized/i,
    "credentials",
    "final",
  ],
  [/NoSuchBucket|bucket does not exist|bucket [^ ]* not found/i, "missing", "final"],
  [/no space left|disk quota|QuotaExceeded|StorageFull|InsufficientStorage|507 /i, "full", "final"],
  [
    /ciphertext verification failed|does not match|pack .* (?:not found|damaged|broken)|hash mismatch|wrong hash|repository contains errors|invalid (?:data|length|id)|is missing in the repository|not found in (?:repository|index)|unable to load (?:index|tree|snapshot)|unexpected EOF|damaged/i,
    "damaged",
    "passing",
  ],
  [/x509|certificate/i, "untrusted", "final"],
  [
    /connection refused|no such host|connection reset|i\/o timeout|deadline exceeded|network is unreachable|no route to host|EOF|stuck|TLS handshake|server misbehaving|50[0234] /i,
    "unreachable",
    "passing",
  ],
];
/** What restic says before it tries again. */
const isRetry = /retrying after/;
/** Lines that a failure shows. */
const shownLines = 4;
/** Characters of these. */
const mostShown = 600;
/** Until a restic that was asked to end, and takes its lock away first, is ended. */
const endMs = 20_000;
/** The same where the storage is away: no lock can be taken away there. */
const endAwayMs = 2000;

/** Runs restic. Neither its arguments nor what is logged of it hold a secret: those are in its environment and in files. */
export class Restic {
  #rootsFile: Promise<string> | undefined;

  constructor(private readonly options: BackupOptions) {}

  /**
   * Runs a command to its end.
   *
   * @throws BackupError with restic's words when it fails, or goes on for too long with what no further try can mend.
   */
  async run(args: readonly string[], call: ResticCall = {}): Promise<ResticResult> {
    const { restic, region, patienceMs, awayMs } = this.options;
    const common = [
      "--no-cache",
      "--cacert",
      await this.#roots(),
      ...(region === undefined ? [] : ["-o", `s3.region=${region}`]),
    ];
    const child = spawn(restic, [...common, ...args], {
      env: await this.#environment(),
      stdio: ["ignore", "pipe", "pipe"],
      ...(call.cwd !== undefined && { cwd: call.cwd }),
    });
    const watch = new ErrorWatch(awayMs, (reason) => {
      child.kill("SIGINT");
      setTimeout(
        () => child.kill("SIGKILL"),
        reason === "unreachable" || reason === "untrusted" ? endAwayMs : endMs,
      ).unref();
    });
    const limit = setTimeout(() => {
      watch.giveUp("other", `restic ${args[0] ?? ""} took longer than ${patienceMs / 1000} s`);
    }, patienceMs);
    createInterface({ input: child.stderr }).on("line", (line) => {
      watch.see(line);
    });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    try {
      const code = await new Promise<number>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (status) => {
          resolve(status ?? 1);
        });
      });
      if (!watch.gaveUp && (code === 0 || call.accepts?.includes(code) === true)) return { code, stdout };
      throw watch.failure(reasonsByCode[code], `restic ${args[0] ?? ""} ended with ${code}`);
    } catch (error) {
      if (error instanceof BackupError) throw error;
      throw new BackupError("other", `restic cannot be run: ${messageOf(error)}`);
    } finally {
      clearTimeout(limit);
      watch.end();
    }
  }

  /** The one line of JSON with such a type among what a command printed. */
  static message(stdout: string, type: string): Readonly<Record<string, unknown>> {
    for (const line of stdout.split("\n").reverse()) {
      const found = fields(parse(line));
      if (found["message_type"] === type) return found;
    }
    throw new BackupError("other", `restic printed no ${type}`);
  }

  /** The roots that the storage's certificate is checked against: Node's own unless others are given, since its image may have none. */
  #roots(): Promise<string> {
    this.#rootsFile ??= this.#writeRoots();
    return this.#rootsFile;
  }

  async #writeRoots(): Promise<string> {
    const { caFile } = this.options;
    if (caFile !== undefined) return caFile;
    const file = join(tmpdir(), "dns-mesh-roots.pem");
    await writeAtomically(file, rootCertificates.join("\n"));
    return file;
  }

  async #environment(): Promise<NodeJS.ProcessEnv> {
    const { repository, passwordFile, storageFolder } = this.options;
    const read = async (name: string): Promise<string> => (await readFile(join(storageFolder, name), "utf8")).trim();
    const { PATH, TMPDIR } = process.env;
    return {
      ...(PATH !== undefined && { PATH }),
      ...(TMPDIR !== undefined && { TMPDIR }),
      HOME: "/tmp",
      RESTIC_REPOSITORY: repository,
      RESTIC_PASSWORD_FILE: passwordFile,
      AWS_ACCESS_KEY_ID: await read("access-key"),
      AWS_SECRET_ACCESS_KEY: await read("secret-key"),
    };
  }
}

/** Reads what restic says on standard error while it runs, and ends it when no further try can mend that. */
class ErrorWatch {
  readonly #lines: string[] = [];
  #away: NodeJS.Timeout | undefined;
  reason: FailureReason = "other";
  gaveUp = false;

  constructor(
    private readonly awayMs: number,
    private readonly stop: (reason: FailureReason) => void,
  ) {}

  see(line: string): void {
    const text = messageIn(line);
    // What restic says of being ended hides why it was.
    if (text === "" || this.gaveUp) return;
    this.#lines.push(text);
    const [, reason, kind] = rules.find(([pattern]) => pattern.test(text)) ?? [undefined, "other", "passing"];
    if (this.reason === "other") this.reason = reason;
    if (kind === "final") this.giveUp(reason);
    else if (isRetry.test(text))
      this.#away ??= setTimeout(() => {
        this.giveUp(this.reason);
      }, this.awayMs);
  }

  giveUp(reason: FailureReason, line?: string): void {
    if (this.gaveUp) return;
    this.gaveUp = true;
    this.reason = reason;
    if (line !== undefined) this.#lines.push(line);
    this.stop(reason);
  }

  failure(known: FailureReason | undefined, what: string): BackupError {
    const said = [...new Set(this.#lines)].slice(-shownLines).join("; ").slice(0, mostShown);
    return new BackupError(known ?? this.reason, said === "" ? what : `${what}: ${said}`);
  }

  end(): void {
    clearTimeout(this.#away);
  }
}

/** With `--json` errors are objects, some of them. */
function messageIn(line: string): string {
  const { message, error } = fields(parse(line));
  const inner = fields(error)["message"];
  for (const text of [message, inner]) if (typeof text === "string") return text.trim();
  return line.trim();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
