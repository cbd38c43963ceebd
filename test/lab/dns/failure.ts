import { DnsError, type DnsFailure } from "../../../src/dns/errors";

/** The failure that `work` ends with, `undefined` when it succeeds. Throws what is no DnsError. */
export async function failureOf(work: Promise<unknown>): Promise<DnsFailure | undefined> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DnsError) return error.failure;
    throw error;
  }
  return undefined;
}
