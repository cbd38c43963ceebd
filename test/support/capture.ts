import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { eventually } from "./eventually";
import { LabProcess, Log } from "./lab/process";
import { run } from "./tools/run";

/** What went over loopback. */
export interface Captured {
  /** All frames with their headers, as they were. */
  readonly octets: Buffer;
  /** Number of frames that one of tshark's filters finds, with protocols at ports as `tcp.port==853,tls`. */
  readonly count: (filter: string, ports: readonly string[]) => Promise<number>;
}

/** A tshark that listens on loopback. Needs root. Disposing ends it and removes its file. */
export class Capture implements AsyncDisposable {
  readonly #file: string;

  private constructor(
    private readonly folder: string,
    private readonly process: LabProcess,
  ) {
    this.#file = join(folder, "all.pcapng");
  }

  /** Starts listening to these ports. */
  static async start(ports: { readonly tcp: readonly number[]; readonly udp: readonly number[] }): Promise<Capture> {
    const folder = await mkdtemp(join(tmpdir(), "mesh-capture-"));
    const log = new Log();
    const of = (protocol: "tcp" | "udp") => ports[protocol].map((port) => `${protocol} port ${port}`);
    const filter = [...of("tcp"), ...of("udp")].join(" or ");
    const process = new LabProcess({
      command: ["tshark", "-q", "-i", "lo", "-f", filter, "-w", join(folder, "all.pcapng")],
      log,
    });
    await eventually(20, () => {
      if (!log.text.includes("Capturing on")) throw new Error(`tshark does not listen: ${log.text}`);
      return Promise.resolve();
    });
    return new Capture(folder, process);
  }

  /** Stops listening, and looks at what came. */
  async stop(): Promise<Captured> {
    await this.process.end("SIGINT");
    const octets = await readFile(this.#file);
    const count = async (filter: string, ports: readonly string[]): Promise<number> => {
      const known = ports.flatMap((port) => ["-d", port]);
      const frames = await run("tshark", [
        "-r",
        this.#file,
        ...known,
        "-Y",
        filter,
        "-T",
        "fields",
        "-e",
        "frame.number",
      ]);
      return frames.split("\n").filter((line) => line !== "").length;
    };
    return { octets, count };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.end("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}
