import { fingerprint } from "../../base/files";
import { readJsonFile } from "../../base/json-file";
import type { SocketAddress } from "../../contract/environment";
import { liveSettingsPath, parseLiveSettings, writersAgent } from "../../contract/live-settings";
import type { DnsServer } from "../../dns/client/dns-client";
import type { WelcomePacket } from "../../mesh/model";
import { parseWelcomePacket } from "../../mesh/welcome";

/** What the site's stack says now. */
export interface Inputs {
  readonly packet: WelcomePacket;
  /** Where the writer's Knot answers. */
  readonly writer: DnsServer;
  /** Where the agent beside it answers. */
  readonly agent: SocketAddress;
  /** Where each of the site's Knot pods answers, by ordinal; none when they are not known. */
  readonly pods: readonly DnsServer[];
  /** Port that sites answer on. */
  readonly remotePort: number;
}

/** What the site's stack mounts into the operator's pod: it changes while the operator runs, and is looked at again. */
export class LiveInputs {
  #seen = "";
  #current: Inputs | undefined;

  private constructor(private readonly packetFile: string) {}

  /** @throws UserError that names the file and what is wrong in it. */
  static async open(packetFile: string): Promise<LiveInputs> {
    const inputs = new LiveInputs(packetFile);
    await inputs.look();
    return inputs;
  }

  /** The last that could be used. */
  get current(): Inputs {
    if (this.#current === undefined) throw new Error("opened without a look");
    return this.#current;
  }

  /**
   * Reads the files again when they changed.
   *
   * @returns whether they did.
   * @throws UserError that names the file and what is wrong in it. What was there before stays.
   */
  async look(): Promise<boolean> {
    const settingsFile = liveSettingsPath(this.packetFile);
    const seen = await fingerprint([this.packetFile, settingsFile]);
    if (seen === this.#seen) return false;
    const packet = await readJsonFile(this.packetFile, parseWelcomePacket);
    const { pods, remotePort } = await readJsonFile(settingsFile, parseLiveSettings);
    const servers = pods.addresses.map((address) => ({ address, port: pods.port }));
    const [writer] = servers;
    if (writer === undefined) throw new Error("settings without a pod");
    this.#current = { packet, writer, agent: writersAgent(pods), pods: servers, remotePort };
    this.#seen = seen;
    return true;
  }
}
