import { UserError } from "../../base/errors";

/** A Corefile with what it lies in. */
export interface CorefileDocument {
  readonly corefile: string;
  /** The same with another Corefile. */
  readonly with: (corefile: string) => string;
}

/**
 * Reads a Corefile, as a file or in its ConfigMap as `kubectl get -o json` prints it. The ConfigMap keeps its resourceVersion, by which
 * `kubectl replace` refuses it when somebody changed it meanwhile.
 *
 * @throws UserError for another object, and for nothing at all.
 */
export function readDocument(text: string): CorefileDocument {
  if (text.trim() === "") throw new UserError("there is no Corefile on the standard input");
  if (!text.trimStart().startsWith("{")) return { corefile: text, with: (corefile) => corefile };
  const object = parsed(text);
  const { data } = object;
  const corefile: unknown = typeof data === "object" && data !== null ? Reflect.get(data, "Corefile") : undefined;
  if (object["kind"] !== "ConfigMap" || typeof corefile !== "string")
    throw new UserError(
      `the standard input is no ConfigMap with a Corefile: kubectl -n kube-system get configmap coredns -o json`,
    );
  return {
    corefile,
    with: (changed) =>
      `${JSON.stringify({ ...object, data: { ...(data as object), Corefile: changed } }, undefined, 2)}\n`,
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new UserError("the standard input begins as JSON and is none", { cause: error });
  }
}
