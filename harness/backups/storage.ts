import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { type Identity, issue, makeAuthority } from "../certificates";
import { eventually } from "../eventually";
import { freePort } from "../free-port";
import { binDir } from "../tools/cache";
import { run } from "../tools/run";
import { S3Client, type StorageKeys } from "./s3-client";

/** Keys that an S3 server knows. */
export const storageKeys = { accessKey: "backup-access", secretKey: "backup-secret-9f2c41d7" } as const;

/** How a {@link StorageServer} runs. */
export interface StorageOptions {
  /** @default "127.0.0.1" */
  readonly address?: string;
  /**
   * A folder for its own: it answers over TLS then, with a certificate of a private authority, knows further users, and keeps
   * former versions where a bucket says so.
   */
  readonly state?: string;
}

/** A real S3 server (versitygw) whose buckets are folders. */
export class StorageServer implements AsyncDisposable {
  readonly #authority: Identity = makeAuthority("storage's CA");
  #process: ChildProcess | undefined;

  private constructor(
    readonly folder: string,
    private readonly at: { readonly address: string; readonly port: number },
    private readonly state: string | undefined,
  ) {}

  /** @param folder - Where buckets lie; one of the name `bucket` is made. */
  static async start(folder: string, { address = "127.0.0.1", state }: StorageOptions = {}): Promise<StorageServer> {
    mkdirSync(join(folder, "bucket"), { recursive: true });
    const server = new StorageServer(folder, { address, port: await freePort() }, state);
    if (state !== undefined) server.#prepare(state);
    await server.start();
    return server;
  }

  get url(): string {
    return `http${this.state === undefined ? "" : "s"}://${this.at.address}:${this.at.port}`;
  }

  /** PEM of the authority that its certificate is of. */
  get ca(): string {
    return this.#authority.cert;
  }

  /** Speaks S3 to it. */
  client(keys: StorageKeys = storageKeys): S3Client {
    return new S3Client({ ...this.at, ca: this.ca }, keys);
  }

  /** Makes a user that may do what buckets' policies say, and nothing else. */
  async addUser({ accessKey, secretKey }: StorageKeys): Promise<void> {
    const user = ["create-user", "--access", accessKey, "--secret", secretKey, "--role", "user"];
    const root = ["--access", storageKeys.accessKey, "--secret", storageKeys.secretKey];
    await run(versitygw(), ["admin", ...root, "--endpoint-url", this.url, "--allow-insecure", ...user]);
  }

  #prepare(state: string): void {
    for (const name of ["users", "versions"]) mkdirSync(join(state, name));
    const { cert, key } = issue({ ca: this.#authority, name: "storage", ips: [this.at.address] });
    writeFileSync(join(state, "tls.crt"), cert);
    writeFileSync(join(state, "tls.key"), key);
  }

  get #arguments(): readonly string[] {
    const [state, listen] = [this.state, ["--quiet", "--port", `${this.at.address}:${this.at.port}`]];
    if (state === undefined) return [...listen, "posix", this.folder];
    const tls = ["--cert", join(state, "tls.crt"), "--key", join(state, "tls.key")];
    const users = ["--iam-dir", join(state, "users")];
    return [...listen, ...tls, ...users, "posix", "--versioning-dir", join(state, "versions"), this.folder];
  }

  /** Where a bucket's objects lie. */
  bucket(...parts: string[]): string {
    return join(this.folder, "bucket", ...parts);
  }

  async start(): Promise<void> {
    this.#process = spawn(versitygw(), this.#arguments, {
      stdio: "ignore",
      env: { ROOT_ACCESS_KEY: storageKeys.accessKey, ROOT_SECRET_KEY: storageKeys.secretKey },
    });
    await eventually(20, () => this.#answers(), 50);
  }

  #answers(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.at.port, this.at.address, () => {
        socket.destroy();
        resolve();
      });
      socket.on("error", reject);
    });
  }

  /** Ends it at once, as a crash would. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function versitygw(): string {
  return join(binDir(), "versitygw");
}
