import type { DnsRecord, DnsRecordStatus } from "./model";

/** Keeps an object from vanishing before its records are off the server. */
export const finalizer = "dns.mesh.io/applied";

/** Whether something of an object is on the server, or may be. */
export function isHere({ object, status }: { readonly object: DnsRecord; readonly status: DnsRecordStatus }): boolean {
  return status.applied !== undefined || object.metadata.finalizers?.includes(finalizer) === true;
}
