import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { stringify } from "yaml";

import { blackboxConfig } from "../../src/monitoring/probes";
import { eventually } from "../eventually";
import { freePort } from "../free-port";
import { toolPath } from "../tools";

/** A real blackbox-exporter on loopback, with the modules of zones. */
export class BlackboxExporter implements AsyncDisposable {
  private constructor(
    private readonly process: ChildProcess,
    /** Host and port. */
    readonly socket: string,
  ) {}

  /** Ready when it answers. `ensureTools(["prometheus"])` fetches it. */
  static async start(folder: string, zones: readonly string[]): Promise<BlackboxExporter> {
    const config = join(folder, "blackbox.yml");
    writeFileSync(config, stringify(blackboxConfig(zones)));
    const socket = `127.0.0.1:${await freePort()}`;
    const args = [`--config.file=${config}`, `--web.listen-address=${socket}`, "--log.level=error"];
    const child = spawn(toolPath("prometheus-blackbox-exporter"), args, { stdio: ["ignore", "ignore", "inherit"] });
    const exporter = new BlackboxExporter(child, socket);
    await eventually(30, async () => {
      if (child.exitCode !== null) throw new Error(`blackbox-exporter ended with ${child.exitCode}`);
      const { ok } = await fetch(`http://${socket}/-/healthy`);
      if (!ok) throw new Error("blackbox-exporter is not healthy");
    }).catch(async (error: unknown) => {
      await exporter[Symbol.asyncDispose]();
      throw error;
    });
    return exporter;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, "exit");
    this.process.kill("SIGTERM");
    await gone;
  }
}
