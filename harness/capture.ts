import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LabProcess, Log } from "../lab/process";
import { eventually } from "./eventually";
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
    private readonly endPort: number,
  ) {
    this.#file = join(folder, "all.pcapng");
  }

  /** Starts listening to these ports. `end` is a UDP port of nobody's, at which the end is marked. */
  static async start(ports: {
    readonly tcp: readonly number[];
    readonly udp: readonly number[];
    readonly end: number;
  }): Promise<Capture> {
    const folder = await mkdtemp(join(tmpdir(), "mesh-capture-"));
    const log = new Log();
    const of = (protocol: "tcp" | "udp") => ports[protocol].map((port) => `${protocol} port ${port}`);
    const filter = [...of("tcp"), ...of("udp"), `udp port ${ports.end}`].join(" or ");
    const process = new LabProcess({
      command: ["tshark", "-q", "-i", "lo", "-f", filter, "-w", join(folder, "all.pcapng")],
      log,
    });
    await eventually(20, () => {
      if (!log.text.includes("Capture started")) throw new Error(`tshark does not listen: ${log.text}`);
      return Promise.resolve();
    });
    return new Capture(folder, process, ports.end);
  }

  /** Stops listening once all that came is written, and looks at it. */
  async stop(): Promise<Captured> {
    await this.#markEnd();
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

  /** Frames are written up to a second after they came: the end is there when a datagram that we send is. */
  async #markEnd(): Promise<void> {
    const mark = `the end ${randomBytes(8).toString("hex")}`;
    const socket = createSocket("udp4");
    try {
      await eventually(10, async () => {
        socket.send(mark, this.endPort, "127.0.0.1");
        if (!(await readFile(this.#file)).includes(mark)) throw new Error("tshark has not written the end yet");
      });
    } finally {
      socket.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.end("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}
