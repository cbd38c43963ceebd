import { readFile } from "node:fs/promises";

import { messageOf } from "../../base/errors";
import { exchangeHttp } from "../../base/http-exchange";
import { readJsonText } from "../../base/json-file";
import { urlHost } from "../../base/text";
import { type BackupMade, type BackupReport, parseMade } from "../../contract/backups";
import type { SocketAddress } from "../../contract/environment";
import { BackupError } from "./failure";

/** Asks the agent beside the site's writer, with the token that shows who asks. */
export class WriterAgent {
  constructor(
    private readonly at: SocketAddress,
    private readonly tokenFile: string,
  ) {}

  /** Has a backup made on the volume. @throws BackupError `agent` */
  async make(timeoutMs: number): Promise<BackupMade> {
    const body = await this.#send("/backup", { timeoutMs });
    return readJsonText({ text: body, from: "the agent's answer" }, parseMade);
  }

  /** Leaves a report. @throws BackupError `agent` */
  async report(report: BackupReport): Promise<void> {
    await this.#send("/backup/report", { timeoutMs: 10_000, body: JSON.stringify(report) });
  }

  /** Whether there is an agent: a pod that waits for a restore has none yet. */
  async runs(): Promise<boolean> {
    return exchangeHttp({ method: "GET", url: `${this.#url}/live`, timeoutMs: 3000 }).then(
      () => true,
      () => false,
    );
  }

  get #url(): string {
    const { address, port } = this.at;
    return `http://${urlHost(address)}:${port}`;
  }

  async #send(path: string, call: { readonly timeoutMs: number; readonly body?: string }): Promise<string> {
    const token = (await readFile(this.tokenFile, "utf8")).trim();
    const headers = { authorization: `Bearer ${token}` };
    try {
      const { status, body } = await exchangeHttp({ method: "POST", url: `${this.#url}${path}`, headers, ...call });
      if (status === 200) return body;
      throw new BackupError("agent", `the agent at ${this.at.address} answered ${status}: ${body.trim()}`);
    } catch (error) {
      if (error instanceof BackupError) throw error;
      throw new BackupError("agent", `the agent at ${this.at.address} does not answer: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}
