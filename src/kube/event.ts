import { timeText } from "../base/text";
import type { KubeObject } from "./answer";

/** Something that happened to an object, for `kubectl describe` and `kubectl events`. */
export interface EventFacts {
  /** Name of the Event. One that is there already makes a repeated try harmless. */
  readonly name: string;
  readonly about: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
  };
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase. */
  readonly reason: string;
  /** Cut where it is longer than Kubernetes takes. */
  readonly message: string;
  /** The program that reports it, and its pod. */
  readonly component: string;
  readonly pod: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Octets of a message: Kubernetes takes 1024 at most. */
const longestMessage = 1000;

/** The Event (core/v1) for something that happened once, in the namespace of what it is about. */
export function eventObject({ name, about, type, reason, message, component, pod, at }: EventFacts): KubeObject {
  const time = timeText(at);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: about.namespace },
    involvedObject: about,
    type,
    reason,
    message: cut(message),
    source: { component },
    reportingComponent: component,
    reportingInstance: pod,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

function cut(message: string): string {
  const octets = Buffer.from(message);
  if (octets.length <= longestMessage) return message;
  // A character that was cut in its middle is left out.
  return `${octets
    .subarray(0, longestMessage)
    .toString("utf8")
    .replace(/\uFFFD$/, "")}…`;
}
