import type { Logger } from "../../base/log";
import type { DnsClient } from "../../dns/client/dns-client";
import type { TsigKey } from "../../dns/tsig-key";
import type { WelcomePacket } from "../../mesh/model";
import type { AgentClient } from "../sidecar/http/agent-client";
import type { Cluster } from "./cluster";
import type { ReconcilerOptions } from "./options";

/** What a pass works with. */
export interface PassDeps {
  readonly options: ReconcilerOptions;
  readonly packet: WelcomePacket;
  /** The site's own key. */
  readonly key: TsigKey;
  readonly dns: Pick<DnsClient, "querySoa" | "transfer" | "counters">;
  readonly agents: Pick<AgentClient, "status" | "poke">;
  readonly cluster: Cluster;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that agents which lag get, and between two looks at them. @default 5000 and 250 */
  readonly patience?: { readonly totalMs: number; readonly stepMs: number };
}
