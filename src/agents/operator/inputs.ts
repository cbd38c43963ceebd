import { basename } from "node:path";

import { UserError } from "../../base/errors";
import { readText } from "../../base/files";
import { fields } from "../../base/json";
import { readJsonText } from "../../base/json-file";
import type { Logger } from "../../base/log";
import type { SocketAddress } from "../../contract/environment";
import { liveSettingsPath, parseLiveSettings, writersAgent } from "../../contract/live-settings";
import { objects } from "../../contract/names";
import type { DnsServer } from "../../dns/client/dns-client";
import type { KubeObject } from "../../kube/answer";
import type { KubeClient } from "../../kube/client";
import type { watchObjects } from "../../kube/watch";
import type { WelcomePacket } from "../../mesh/model";
import { parseWelcomePacket } from "../../mesh/welcome";
import type { SourceSettings } from "../../records/sources/kinds";
import type { Tenant } from "../../records/tenants";

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
  /** What DnsRecords of which namespaces may claim; missing where any may claim anything. */
  readonly tenants?: readonly Tenant[];
  /** What other objects DnsRecords are made of. */
  readonly sources?: SourceSettings;
}

/**
 * What the site's stack says in its ConfigMap: it changes while the operator runs, and is looked at again. It is mounted into the
 * operator's pod, where the kubelet brings changes within a minute or two, and the API server tells of them at once.
 */
export class LiveInputs {
  readonly #files: { readonly packet: string; readonly settings: string };
  #seen = "";
  #current: Inputs | undefined;
  /** The ConfigMap's files by their names, once the API server told. */
  #told: Readonly<Record<string, unknown>> | undefined;

  private constructor(packetFile: string) {
    this.#files = { packet: packetFile, settings: liveSettingsPath(packetFile) };
  }

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
   * Takes the ConfigMap as the API server has it. What is mounted counts no more from then on, since it may be older, even when the
   * API server is away.
   */
  tell(configMap: KubeObject): void {
    this.#told = fields(configMap["data"]);
  }

  /**
   * Reads everything again when it changed.
   *
   * @returns whether it did.
   * @throws UserError that names the file and what is wrong in it. What was there before stays.
   */
  async look(): Promise<boolean> {
    const told = this.#told;
    const packetText = await textOf(this.#files.packet, told);
    const settingsText = await textOf(this.#files.settings, told);
    const seen = JSON.stringify([packetText.text, settingsText.text]);
    if (seen === this.#seen) return false;
    const packet = readJsonText(packetText, parseWelcomePacket);
    const { pods, remotePort, tenants, sources } = readJsonText(settingsText, parseLiveSettings);
    const servers = pods.addresses.map((address) => ({ address, port: pods.port }));
    const [writer] = servers;
    if (writer === undefined) throw new Error("settings without a pod");
    const more = { ...(tenants && { tenants }), ...(sources && { sources }) };
    this.#current = { packet, writer, agent: writersAgent(pods), pods: servers, remotePort, ...more };
    this.#seen = seen;
    return true;
  }
}

/** A file's text, which stands in the ConfigMap under the file's name. */
async function textOf(
  file: string,
  configMap: Readonly<Record<string, unknown>> | undefined,
): Promise<{ readonly text: string; readonly from: string }> {
  const name = basename(file);
  const from = configMap === undefined ? file : `${name} of ConfigMap ${objects.config}`;
  const text = configMap === undefined ? await readText(file) : configMap[name];
  if (typeof text !== "string") throw new UserError(`${from} is missing`);
  return { text, from };
}

/** What {@link followInputs} works with. */
export interface FollowOptions {
  readonly inputs: Pick<LiveInputs, "tell">;
  readonly client: Pick<KubeClient, "get" | "stream">;
  readonly watch: typeof watchObjects;
  readonly namespace: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/**
 * Tells the inputs what the API server has of the site's ConfigMap, until the signal is given. Resolves when it has answered, or
 * could not, so that nobody begins with files that are older than what was known before.
 */
export async function followInputs({ inputs, namespace, watch, log, ...rest }: FollowOptions): Promise<void> {
  const query = new URLSearchParams({ fieldSelector: `metadata.name=${objects.config}` }).toString();
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const watched = watch({
    ...rest,
    path: `/api/v1/namespaces/${namespace}/configmaps?${query}`,
    onList: (found) => {
      for (const configMap of found) inputs.tell(configMap);
      answer();
    },
    // One that is deleted says nothing new.
    onChange: (configMap, gone) => {
      if (!gone) inputs.tell(configMap);
    },
    onTrouble: (tries, reason) => {
      if (tries === 1) log.warn(`ConfigMap ${objects.config} cannot be watched`, { reason });
      if (tries === 0) log.info(`ConfigMap ${objects.config} is watched again`);
      answer();
    },
  });
  await Promise.race([answered, watched]);
}
