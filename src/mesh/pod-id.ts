import { siteNameProblem } from "../base/names";

/** One Knot pod of a site, as it names itself in its answers (NSID, RFC 5001). */
export interface PodId {
  readonly site: string;
  /** Counted from 0, which is the writer. */
  readonly ordinal: number;
  /** How many pods the site has. */
  readonly replicas: number;
}

/** More pods than any site has; a larger number is not ours. */
const mostReplicas = 1000;

/** The identifier of a pod, `site-b/0/2`. */
export function formatPodId({ site, ordinal, replicas }: PodId): string {
  return `${site}/${ordinal}/${replicas}`;
}

/** Reads what {@link formatPodId} writes; undefined for anything else, since other servers may send any octets. */
export function parsePodId(octets: Uint8Array): PodId | undefined {
  const match = /^([a-z0-9-]+)\/(0|[1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(Buffer.from(octets).toString("latin1"));
  if (match === null) return undefined;
  const [site = "", ordinal, replicas] = [match[1], Number(match[2]), Number(match[3])];
  if (siteNameProblem(site) !== undefined || replicas > mostReplicas || ordinal >= replicas) return undefined;
  return { site, ordinal, replicas };
}
