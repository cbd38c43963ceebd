import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { eventually } from "../eventually";
import { freePort } from "../knot";
import { binDir } from "../tools/cache";

/** Keys that an S3 server knows. */
export const storageKeys = { accessKey: "backup-access", secretKey: "backup-secret-9f2c41d7" } as const;

/** A real S3 server (versitygw) whose buckets are folders. */
export class StorageServer implements AsyncDisposable {
  #process: ChildProcess | undefined;

  private constructor(
    readonly folder: string,
    readonly address: string,
    readonly port: number,
  ) {}

  /** @param folder - Where buckets lie; one of the name `bucket` is made. */
  static async start(folder: string, address = "127.0.0.1"): Promise<StorageServer> {
    mkdirSync(join(folder, "bucket"), { recursive: true });
    const server = new StorageServer(folder, address, await freePort());
    await server.start();
    return server;
  }

  get url(): string {
    return `http://${this.address}:${this.port}`;
  }

  /** Where a bucket's objects lie. */
  bucket(...parts: string[]): string {
    return join(this.folder, "bucket", ...parts);
  }

  async start(): Promise<void> {
    this.#process = spawn(
      join(binDir(), "versitygw"),
      ["--quiet", "--port", `${this.address}:${this.port}`, "posix", this.folder],
      {
        stdio: "ignore",
        env: { ROOT_ACCESS_KEY: storageKeys.accessKey, ROOT_SECRET_KEY: storageKeys.secretKey },
      },
    );
    await eventually(20, () => this.#answers(), 50);
  }

  #answers(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, this.address, () => {
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
