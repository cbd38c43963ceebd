import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { stringify } from "yaml";

import { eventually } from "../eventually";
import { freePort } from "../free-port";
import { toolPath } from "../tools";

/** One series of an answer, with its value now. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** An alert as Prometheus has it. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: "pending" | "firing";
}

/** What a {@link PrometheusServer} scrapes and judges. */
export interface PrometheusOptions {
  readonly scrapeConfigs: readonly object[];
  /** Rule files, as what YAML is made from. */
  readonly rules?: readonly object[];
  /** Of scrapes and evaluations. @default 1 */
  readonly everySeconds?: number;
}

/** How many lines of its log a failure shows. */
const shownLines = 20;

/** A real Prometheus with its data in a folder, on loopback. */
export class PrometheusServer implements AsyncDisposable {
  #log = "";

  private constructor(
    private readonly process: ChildProcess,
    readonly port: number,
  ) {
    for (const stream of [process.stdout, process.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
  }

  /** Ready when it answers. `ensureTools(["prometheus"])` fetches it. */
  static async start(folder: string, options: PrometheusOptions): Promise<PrometheusServer> {
    mkdirSync(folder, { recursive: true });
    const port = await freePort();
    const config = join(folder, "prometheus.yml");
    writeFileSync(config, prometheusConfig(folder, options));
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ];
    // It ends with this process, however that ends.
    const command = ["--pdeathsig", "KILL", "--", toolPath("prometheus"), ...args];
    const child = spawn("setpriv", command, { stdio: ["ignore", "pipe", "pipe"] });
    const server = new PrometheusServer(child, port);
    await eventually(60, () => server.#ready()).catch(async (error: unknown) => {
      await server[Symbol.asyncDispose]();
      throw error;
    });
    return server;
  }

  /** What an expression comes to now: series with their values. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.#get<{
      readonly result: readonly { metric: Record<string, string>; value: [number, string] }[];
    }>(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  }

  /** Alerts that are pending or fire. */
  async alerts(): Promise<readonly Alert[]> {
    const { alerts } = await this.#get<{ readonly alerts: readonly Alert[] }>("/api/v1/alerts");
    return alerts;
  }

  /** Names and labels of what fires: `DnsMeshSiteDown site-b`. */
  async firing(): Promise<readonly string[]> {
    const alerts = (await this.alerts()).filter(({ state }) => state === "firing");
    const named = alerts.map(({ labels }) => `${labels["alertname"] ?? ""} ${labels["site"] ?? ""}`.trim());
    return [...new Set(named)].sort();
  }

  /** Rules whose expression could not be evaluated, with the reason. */
  async brokenRules(): Promise<readonly string[]> {
    const { groups } = await this.#get<{
      readonly groups: readonly { rules: readonly { name: string; health: string; lastError?: string }[] }[];
    }>("/api/v1/rules");
    return groups
      .flatMap(({ rules }) => rules)
      .filter(({ health }) => health === "err")
      .map(({ name, lastError }) => `${name}: ${lastError ?? ""}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, "exit");
    this.process.kill("SIGTERM");
    await gone;
  }

  async #ready(): Promise<void> {
    if (this.process.exitCode !== null)
      throw new Error(`prometheus ended: ${this.#log.split("\n").slice(-shownLines).join("\n")}`);
    const { ok } = await fetch(`http://127.0.0.1:${this.port}/-/ready`);
    if (!ok) throw new Error("prometheus is not ready");
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { signal: AbortSignal.timeout(10_000) });
    const body = (await response.json()) as { readonly status: string; readonly error?: string; readonly data: T };
    if (body.status !== "success") throw new Error(`${path}: ${body.error ?? String(response.status)}`);
    return body.data;
  }
}

function prometheusConfig(folder: string, { scrapeConfigs, rules = [], everySeconds = 1 }: PrometheusOptions): string {
  const files = rules.map((content, i) => {
    const file = join(folder, `rules-${i}.yml`);
    writeFileSync(file, stringify(content, { aliasDuplicateObjects: false }));
    return file;
  });
  const every = `${everySeconds}s`;
  return stringify(
    {
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      rule_files: files,
      scrape_configs: scrapeConfigs,
    },
    { aliasDuplicateObjects: false },
  );
}
