import { readJsonFile } from "../../base/json-file";
import type { Logger } from "../../base/log";
import type { Environment } from "../../contract/environment";
import { type OptionsOf, rotatorEnvironment } from "../../contract/environments";
import type { LiveSettings } from "../../contract/live-settings";
import type { DnsClient, DnsServer } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import { parseRingDocument, type RingDocument } from "../../keyring/ring-document";
import { type KeyAnswers, planRotation, type RotationStep } from "../../keyring/rotation";
import type { RotationSettings } from "../../keyring/rotation-settings";
import { parseTsigKey } from "../../keyring/tsig-key";
import type { WelcomePacket } from "../../mesh/model";
import type { SiteView } from "../../mesh/view";
import { ringSecret } from "../../vault/access";
import { type VaultClient, VaultError } from "../../vault/client";
import { askSites, readSites } from "./sites";

/** What {@link rotate} works with. */
export interface RotateParts {
  readonly options: RotatorOptions;
  readonly packet: WelcomePacket;
  readonly settings: RotationSettings;
  readonly vault: Pick<VaultClient, "readSecret" | "writeSecret">;
  /** KV v2 mount of the ring. */
  readonly mount: string;
  readonly dns: Pick<DnsClient, "querySoaWithNsid" | "transfer">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly freshKey: (now: number) => TsigKey;
  readonly log: Logger;
}

/** What came of a run. */
export interface Rotated {
  /** What was written, in its order. */
  readonly steps: readonly RotationStep[];
  /** Why nothing more was. */
  readonly reason: string;
}

/** Steps after which there may be another at once. */
const mostSteps = 3;

/**
 * Does what is due in the rotation of the ring. Any number of rotators may run at a time: each writes only over the
 * version that it planned for, and whoever is late leaves it to the other.
 *
 * @param asked - Whether a rotation is to begin now, whatever the age of the key.
 */
export async function rotate(parts: RotateParts, asked: boolean): Promise<Rotated> {
  const steps: RotationStep[] = [];
  while (steps.length < mostSteps) {
    const { data, version } = await parts.vault.readSecret(parts.mount, ringSecret);
    const document = parseRingDocument(data);
    const answers = await answersTo(parts, document);
    const now = parts.now();
    const { settings } = parts;
    const fresh = parts.freshKey(now);
    const plan = planRotation({ document, ...(answers && { answers }), now, settings, fresh, asked });
    if (plan.kind === "nothing") return ended(parts, steps, plan.reason);
    try {
      await parts.vault.writeSecret({ mount: parts.mount, name: ringSecret, data: plan.document, cas: version });
    } catch (error) {
      if (!(error instanceof VaultError) || error.failure.kind !== "lostRace") throw error;
      return ended(parts, steps, `somebody else did it meanwhile: ${plan.step}`);
    }
    parts.log.info("the key ring was advanced", { step: plan.step, reason: plan.reason, version: version + 1 });
    steps.push(plan.step);
    if (plan.step !== "stamp" && plan.step !== "drop") return { steps, reason: plan.reason };
  }
  return ended(parts, steps, "the rest is left to the next run");
}

function ended({ log }: RotateParts, steps: readonly RotationStep[], reason: string): Rotated {
  log.info("nothing (more) to do", { reason });
  return { steps, reason };
}

/** Asks only when it matters: while there is a next key, and no time from which it signs. */
async function answersTo(parts: RotateParts, document: RingDocument): Promise<KeyAnswers | undefined> {
  const { next } = document;
  if (next === undefined || next.signFrom !== undefined) return undefined;
  const { options, packet, dns } = parts;
  const key = await readJsonFile(options.localKeyFile, (json) => parseTsigKey(json, "key"));
  const sites = await readSites({ dns, pods: options.pods, zones: packet, key });
  const serversOf = ({ name, addresses }: SiteView) =>
    name === packet.site.name ? options.pods : addresses.map((address) => ({ address, port: options.remotePort }));
  const { name, algorithm, secret } = next;
  const answers = await askSites({
    dns,
    sites,
    serversOf,
    zone: packet.directoryZone,
    key: { name, algorithm, secret },
  });
  parts.log.info("sites were asked for the next key", { ...answers });
  return answers;
}

/** The rotator's options, from its environment. Read once, at the start. */
export interface RotatorOptions extends OptionsOf<typeof rotatorEnvironment> {
  /** This site's Knot pods. */
  readonly pods: readonly DnsServer[];
  /** Port at which the other sites' addresses are asked. */
  readonly remotePort: number;
}

/**
 * Reads the rotator's environment, beside what the stack says now.
 *
 * @throws UserError that names the variable.
 */
export function readRotatorOptions(env: Environment, { pods, remotePort }: LiveSettings): RotatorOptions {
  return {
    ...rotatorEnvironment.fromEnvironment(env),
    pods: pods.addresses.map((address) => ({ address, port: pods.port })),
    remotePort,
  };
}
