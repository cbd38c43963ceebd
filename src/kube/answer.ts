import type { HttpResponse } from "../base/http-exchange";

/** What is used of a Kubernetes object. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** A request that the API server did not carry out. `status` and `reason` are missing when it gave no answer. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly status?: number;
  /** Kubernetes' word for it, for example `NotFound`. */
  readonly reason?: string;

  constructor(message: string, details: { status?: number; reason?: string; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    if (details.status !== undefined) this.status = details.status;
    if (details.reason !== undefined) this.reason = details.reason;
  }
}

/** Whether the API server will not have this very object as it is: by a rule, a policy or a quota. Of others that says nothing. */
export function isRefused(error: unknown): error is KubeError {
  return error instanceof KubeError && (error.status === 403 || error.status === 422);
}

/** What a request came to, and whether it is worth another try. */
export type Outcome =
  | { readonly kind: "done"; readonly object: KubeObject }
  | { readonly kind: "failed"; readonly error: KubeError; readonly transient: boolean; readonly retryAfterMs: number };

/** Longest time that we let the server make us wait, in milliseconds: a pass has less than a minute. */
const longestRetryAfter = 5000;

/** A request that was given up from our side. */
export function aborted(what: string): Outcome {
  return { kind: "failed", error: new KubeError(`${what}: aborted`), transient: false, retryAfterMs: 0 };
}

/** What an answer of the API server means. */
export function judge(what: string, { status, headers, body }: HttpResponse): Outcome {
  const object = parseObject(body);
  if (status >= 200 && status < 300 && object !== undefined) return { kind: "done", object };
  const good = status >= 200 && status < 300;
  const message =
    typeof object?.["message"] === "string" ? object["message"] : good ? "no JSON object" : "no reason given";
  const reason = object?.["reason"];
  const error = new KubeError(`${what}: ${status}: ${message}`, {
    status,
    ...(typeof reason === "string" && { reason }),
  });
  const seconds = Number(headers["retry-after"] ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? Math.min(seconds * 1000, longestRetryAfter) : 0;
  return { kind: "failed", error, transient: good || status === 429 || status >= 500, retryAfterMs };
}

function parseObject(body: string): KubeObject | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
