import type { AppliedSet, DnsRecord } from "./model";

/** Keeps an object from vanishing before its records are off the server. */
export const finalizer = "dns.mesh.io/applied";

/**
 * Whether something of an object is on the server, or may be.
 *
 * @param o.applied - What is known to be there.
 */
export function isHere(o: { readonly object: DnsRecord; readonly applied: AppliedSet | undefined }): boolean {
  return o.applied !== undefined || o.object.metadata.finalizers?.includes(finalizer) === true;
}
