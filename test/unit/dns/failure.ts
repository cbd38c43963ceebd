import { DnsError, type DnsFailure } from "../../../src/dns/errors";

/** The failure that `work` throws. Fails itself for anything that is no DnsError. */
export function failureOf(work: () => unknown): DnsFailure {
  try {
    work();
  } catch (error) {
    if (error instanceof DnsError) return error.failure;
    throw error;
  }
  throw new Error("nothing was thrown");
}
