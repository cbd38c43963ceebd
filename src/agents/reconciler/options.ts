import type { Logger } from "../../base/log";
import type { Environment } from "../../contract/environment";
import { type OptionsOf, reconcilerEnvironment } from "../../contract/environments";
import type { LiveSettings } from "../../contract/live-settings";
import { podPorts } from "../../contract/names";
import type { DnsClient } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import type { WelcomePacket } from "../../mesh/model";
import type { AgentClient } from "../sidecar/http/agent-client";
import type { ReconcilerCluster } from "./cluster";

/** One Knot pod, at an address that is its alone. */
export interface Pod {
  readonly name: string;
  readonly address: string;
}

/** The reconciler's options, from its environment. Read once, at the start. */
export interface ReconcilerOptions extends OptionsOf<typeof reconcilerEnvironment> {
  readonly pods: readonly Pod[];
  /** Port that other sites answer on. */
  readonly remotePort: number;
  /** Port that other sites offer encrypted transfers on. */
  readonly securePort: number;
}

/** Ports that each pod's own Service has. */
export const ports = { dns: 53, agent: podPorts.http } as const;

/**
 * Reads the reconciler's environment, beside what the stack says now.
 *
 * @throws UserError that names the variable.
 */
export function readReconcilerOptions(env: Environment, settings: LiveSettings): ReconcilerOptions {
  const { pods, remotePort, securePort } = settings;
  return {
    ...reconcilerEnvironment.fromEnvironment(env),
    pods: pods.addresses.map((address, i) => ({ name: `knot-${i}`, address })),
    remotePort,
    securePort,
  };
}

/** What a pass works with. */
export interface PassDeps {
  readonly options: ReconcilerOptions;
  readonly packet: WelcomePacket;
  /** The site's own key. */
  readonly key: TsigKey;
  readonly dns: Pick<DnsClient, "querySoa" | "transfer" | "counters">;
  readonly agents: Pick<AgentClient, "status" | "poke" | "zoneKeys" | "reportPass">;
  readonly cluster: ReconcilerCluster;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that agents which lag get, and between two looks at them. @default 5000 and 250 */
  readonly patience?: { readonly totalMs: number; readonly stepMs: number };
}
