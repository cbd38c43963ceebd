import { messageOf } from "../../../base/errors";
import { exchangeHttp, type HttpResponse } from "../../../base/http-exchange";
import { readJsonText } from "../../../base/json-file";
import { urlHost } from "../../../base/text";
import { type KeptKeys, parseKeptKeys } from "../../../contract/kept-keys";
import type { ReconcilerReport } from "../../../contract/reconciler-report";
import type { AgentStatus } from "./status";

/** Where an agent's HTTP server is. */
export interface AgentAddress {
  readonly address: string;
  readonly port: number;
}

/** Talks to the agents inside a site's Knot pods. */
export class AgentClient {
  /**
   * @param timeoutMs - Milliseconds for each request.
   * @param signal - Ends what is under way, and all later requests at once.
   */
  constructor(
    private readonly timeoutMs = 3000,
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * What an agent says of itself.
   *
   * @throws Error when there is no answer, or not one of an agent.
   */
  async status(agent: AgentAddress): Promise<AgentStatus> {
    const { status, body } = await this.#send("GET", agent, "/status");
    if (status !== 200) throw new Error(`the agent at ${agent.address} answered ${status}`);
    return parseStatus(body, agent.address);
  }

  /**
   * The copy of the zones' keys that an agent wants kept; undefined when it has none.
   *
   * @throws Error when there is no answer, or not one of an agent.
   */
  async zoneKeys(agent: AgentAddress): Promise<KeptKeys | undefined> {
    const { status, body } = await this.#send("GET", agent, "/zone-keys");
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`the agent at ${agent.address} answered ${status}`);
    return readJsonText({ text: body, from: `the agent at ${agent.address}` }, parseKeptKeys);
  }

  /** Asks an agent for a pass now. */
  async poke(agent: AgentAddress): Promise<void> {
    const { status } = await this.#send("POST", agent, "/poke");
    if (status >= 300) throw new Error(`the agent at ${agent.address} answered ${status}`);
  }

  /** Tells an agent that an own zone was changed, so that it tells the other sites at once. */
  async announce(agent: AgentAddress): Promise<void> {
    const { status } = await this.#send("POST", agent, "/announce");
    if (status >= 300) throw new Error(`the agent at ${agent.address} answered ${status}`);
  }

  /** Tells an agent how a pass of its site's reconciler went. */
  async reportPass(agent: AgentAddress, report: ReconcilerReport, token: string): Promise<void> {
    const { status } = await this.#send("POST", agent, "/reconciler/report", { body: JSON.stringify(report), token });
    if (status >= 300) throw new Error(`the agent at ${agent.address} answered ${status}`);
  }

  // eslint-disable-next-line max-params -- reads as the request does
  async #send(
    method: "GET" | "POST",
    agent: AgentAddress,
    path: string,
    sent?: { readonly body: string; readonly token: string },
  ): Promise<HttpResponse> {
    const signal = this.signal === undefined ? {} : { signal: this.signal };
    const url = `http://${urlHost(agent.address)}:${agent.port}${path}`;
    try {
      const content = sent && { body: sent.body, headers: { authorization: `Bearer ${sent.token}` } };
      return await exchangeHttp({ method, url, timeoutMs: this.timeoutMs, ...signal, ...content });
    } catch (cause) {
      throw new Error(`the agent at ${agent.address} does not answer: ${messageOf(cause)}`, { cause });
    }
  }
}

function parseStatus(body: string, address: string): AgentStatus {
  const status = parseJson(body) as Partial<AgentStatus> | null | undefined;
  const whole =
    typeof status?.ready === "boolean" &&
    Array.isArray(status.held) &&
    Array.isArray(status.problems) &&
    (status.applied === undefined || typeof status.applied.hash === "string");
  if (!whole) throw new Error(`the agent at ${address} gave no status that we understand`);
  return status as AgentStatus;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
