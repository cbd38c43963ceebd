import { type RecordType, recordTypes } from "../model";
import {
  merged,
  plainName,
  type SourceFault,
  type SourceMetadata,
  type SourceReading,
  type SourceRecord,
} from "./reading";

/** external-dns's DNSEndpoint, as far as it counts here. */
export interface EndpointObject {
  readonly metadata?: SourceMetadata;
  readonly spec?: { readonly endpoints?: readonly Endpoint[] | null };
  readonly status?: { readonly observedGeneration?: number };
}

interface Endpoint {
  readonly dnsName?: string;
  readonly recordType?: string;
  readonly targets?: readonly string[] | null;
  readonly recordTTL?: number;
}

/** Types whose targets are names, or end with one. */
const caseless = new Set<RecordType>(["A", "AAAA", "CNAME", "NS", "PTR", "MX", "SRV"]);

/**
 * Reads a DNSEndpoint as external-dns does: no annotation counts. Its targets have no dot at their end, but for NAPTR, where they must.
 * Parts with one name and type are one record, whatever their `setIdentifier`.
 */
export function readEndpoints({ spec }: EndpointObject): SourceReading {
  const parts: SourceRecord[] = [];
  const faults: SourceFault[] = [];
  for (const { dnsName = "", recordType = "", targets, recordTTL = 0 } of spec?.endpoints ?? []) {
    const name = plainName(dnsName);
    if (!targets?.length) continue;
    const type = recordTypes.find((each) => each === recordType);
    const message =
      type === undefined
        ? `${name} has the type "${recordType}"; a DnsRecord has one of ${recordTypes.join(", ")}`
        : dotProblem({ name, type, targets });
    if (message !== undefined) faults.push({ name, type: recordType, message });
    else if (type !== undefined)
      parts.push({
        name,
        type,
        targets: caseless.has(type) ? targets.map((target) => target.toLowerCase()) : targets,
        ...(recordTTL > 0 && { ttl: recordTTL }),
      });
  }
  return { records: merged(parts), faults };
}

/** What external-dns calls an illegal target format. */
function dotProblem({ name, type, targets }: SourceRecord): string | undefined {
  if (type === "TXT") return undefined;
  const wantsDot = type === "NAPTR";
  const bad = targets.find((target) => target.endsWith(".") !== wantsDot);
  if (bad === undefined) return undefined;
  return `the target "${bad}" of ${name} ${wantsDot ? "has no dot at its end; a NAPTR's has one" : "has a dot at its end; leave it out"}`;
}
