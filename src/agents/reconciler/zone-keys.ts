import { messageOf } from "../../base/errors";
import { fields } from "../../base/json";
import { readJsonText } from "../../base/json-file";
import { type KeptKeys, keptKeysFile, parseKeptKeys, replacement } from "../../contract/kept-keys";
import type { Finding } from "../../contract/mesh-status";
import { objects } from "../../contract/names";
import type { KubeObject } from "../../kube/answer";
import { type PassDeps, ports } from "./options";

/** What {@link keepZoneKeys} works with. */
export interface KeepingDeps {
  readonly options: Pick<PassDeps["options"], "pods">;
  readonly packet: Pick<PassDeps["packet"], "vault">;
  readonly agents: Pick<PassDeps["agents"], "zoneKeys">;
  readonly cluster: Pick<PassDeps["cluster"], "readZoneKeys" | "writeZoneKeys">;
  readonly log: Pick<PassDeps["log"], "info">;
}

/**
 * Keeps the writer's copy of the zones' DNSSEC keys in the Secret `zone-keys`. An older copy never takes the place of a newer
 * one, whoever wrote in between; one that cannot be read stays.
 */
export async function keepZoneKeys(deps: KeepingDeps, findings: Finding[]): Promise<void> {
  const { agents, cluster, options, packet, log } = deps;
  const [writer] = options.pods;
  if (writer === undefined || packet.vault !== undefined) return;
  let offered: KeptKeys | undefined;
  try {
    offered = await agents.zoneKeys({ address: writer.address, port: ports.agent });
  } catch {
    // An agent that does not answer is a finding of its own, and holds what it has until the next pass.
    return;
  }
  if (offered === undefined) return;
  try {
    const secret = await cluster.readZoneKeys();
    if (secret === undefined)
      throw new Error(`Secret ${objects.zoneKeys} is missing; bring this site's stack up again`);
    const result = replacement(copyIn(secret), offered);
    if (result.kind === "refused") throw new Error(result.reason);
    if (result.kind === "same") return;
    await cluster.writeZoneKeys(offered, secret);
    log.info("the zones' keys are kept", { generation: offered.generation, keys: offered.keys.length });
  } catch (error) {
    findings.push({ kind: "keys", message: messageOf(error) });
  }
}

/** @throws UserError when there is a copy and it cannot be read: which is newer cannot be told then. */
function copyIn(secret: KubeObject): KeptKeys | undefined {
  const data = fields(secret["data"])[keptKeysFile];
  if (data === undefined) return undefined;
  const text = Buffer.from(typeof data === "string" ? data : "", "base64").toString("utf8");
  return readJsonText({ text, from: `Secret ${objects.zoneKeys}` }, parseKeptKeys);
}
