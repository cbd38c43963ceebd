import type { DnsServer } from "../../dns/client/dns-client";
import { isUnreachable } from "../../dns/errors";

interface Silent {
  readonly error: unknown;
  isAskedAgain: boolean;
}

/**
 * Which servers did not answer when they were asked last. A look does not wait for them once more: they are asked beside it,
 * and the next look asks those that answered.
 */
export class Silence {
  readonly #silent = new Map<string, Silent>();

  /** Takes note that a server did not answer. */
  note(server: DnsServer, error: unknown): void {
    this.#silent.set(nameOf(server), { error, isAskedAgain: false });
  }

  /**
   * Why a server did not answer when it was asked last; undefined when it did, or was not asked.
   *
   * @param ask - Asks it anything; called when it is not being asked yet, and not waited for.
   */
  of(server: DnsServer, ask: () => Promise<unknown>): { readonly error: unknown } | undefined {
    const silent = this.#silent.get(nameOf(server));
    if (silent !== undefined && !silent.isAskedAgain) {
      silent.isAskedAgain = true;
      void this.#askAgain(nameOf(server), silent, ask);
    }
    return silent;
  }

  async #askAgain(name: string, silent: Silent, ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      if (isUnreachable(error)) {
        silent.isAskedAgain = false;
        return;
      }
    }
    if (this.#silent.get(name) === silent) this.#silent.delete(name);
  }

  /** Takes note that a server answered. */
  forget(server: DnsServer): void {
    this.#silent.delete(nameOf(server));
  }

  clear(): void {
    this.#silent.clear();
  }
}

/** What a server is known by over looks. */
export function nameOf({ address, port }: DnsServer): string {
  return `${address} ${port}`;
}
