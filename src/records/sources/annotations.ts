import { longestTtl } from "../../dns/ttl";
import type { SourceMetadata } from "./reading";

const prefix = "external-dns.alpha.kubernetes.io/";

/** Annotations that are external-dns's, without its prefix. */
export type SourceFields = Readonly<Record<string, string | undefined>>;

/** What external-dns's annotations of an object say. */
export function fieldsOf({ annotations = {} }: SourceMetadata = {}): SourceFields {
  return Object.fromEntries(
    Object.entries(annotations).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
}

/** Whether an object is left to another controller. */
export function isOfOthers({ controller = "dns-controller" }: SourceFields): boolean {
  return controller !== "dns-controller";
}

/** What stands between commas. */
export function listed(text = ""): readonly string[] {
  return split(text).filter((part) => part !== "");
}

/** The same with what is empty, which means any name where a Gateway has one. */
export function split(text: string): readonly string[] {
  return text.replaceAll(" ", "").split(",");
}

const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Seconds, or a duration as Go writes it; undefined where it is neither, as where it is missing. */
export function ttlOf({ ttl: text }: SourceFields): number | undefined {
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)];
  const isDuration = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : isDuration
      ? Math.max(1, Math.floor(parts.reduce((sum, [, n, unit = ""]) => sum + Number(n) * (units[unit] ?? 0), 0)))
      : 0;
  return seconds >= 1 && seconds <= longestTtl ? seconds : undefined;
}
