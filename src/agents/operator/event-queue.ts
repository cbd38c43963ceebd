import { messageOf } from "../../base/errors";
import type { Logger } from "../../base/log";
import type { KubeClient } from "../../kube/client";
import { type EventFacts, eventObject } from "../../kube/event";
import { apiVersion, kind } from "../../records/model";
import type { Entry } from "./record-store";

/** The name under which the operator writes to DnsRecords and reports Events. */
export const fieldManager = "dns-mesh-records";

/** What an Event says. */
export interface EventText {
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** Events on their way at a time: few, so that statuses, which others wait for, go first. */
const width = 2;
/** Events that wait at most; what comes beyond is dropped. An object's conditions say the same. */
const mostWaiting = 20_000;

/** Reports Events one after the other. Best effort: one that is lost changes nothing. */
export class EventQueue {
  #waiting: (() => Promise<void>)[] = [];
  #active = 0;
  #created = 0;

  constructor(
    private readonly parts: {
      readonly client: Pick<KubeClient, "create">;
      readonly pod: string;
      readonly log: Logger;
      /** Milliseconds since 1970. */
      readonly now: () => number;
    },
  ) {}

  /** Reports something that happened to an object just now, as soon as its turn comes. */
  add(entry: Entry, text: EventText): void {
    const { name, namespace = "default", uid = "" } = entry.object.metadata;
    this.tell({ apiVersion, kind, name, namespace, uid }, text);
  }

  /** The same for an object of another kind. */
  tell(about: EventFacts["about"], text: EventText): void {
    if (this.#waiting.length >= mostWaiting) return;
    const at = this.parts.now();
    this.#waiting.push(() => this.#create(about, text, at));
    if (this.#active < width) void this.#work();
  }

  /** Drops what waits. */
  clear(): void {
    this.#waiting = [];
  }

  async #work(): Promise<void> {
    this.#active++;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next();
    this.#active--;
  }

  async #create(about: EventFacts["about"], text: EventText, at: number): Promise<void> {
    const { name, namespace } = about;
    const event = eventObject({
      ...text,
      name: `${name.slice(0, 200)}.${at.toString(16)}${(this.#created++).toString(16)}`,
      about,
      component: fieldManager,
      pod: this.parts.pod,
      at,
    });
    try {
      await this.parts.client.create(`/api/v1/namespaces/${namespace}/events`, event);
    } catch (error) {
      this.parts.log.warn("an event was lost", { object: `${namespace}/${name}`, reason: messageOf(error) });
    }
  }
}
