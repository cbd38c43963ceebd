import { setTimeout as delay } from "node:timers/promises";

import { messageOf, UserError } from "../../../base/errors";
import { fingerprint, readText, writeAtomically } from "../../../base/files";
import { readJsonFile } from "../../../base/json-file";
import type { Logger } from "../../../base/log";
import { parseRingDocument } from "../../../keyring/ring-document";
import { longestPollSeconds } from "../../../keyring/rotation";
import { KnotVolume } from "../../../knot/config/volume";
import { parseWelcomePacket } from "../../../mesh/welcome";
import { parseVaultAccess, ringSecret, type VaultAccess } from "../../../vault/access";
import { VaultClient, VaultError } from "../../../vault/client";
import type { Problems } from "../http/status";
import type { AgentOptions } from "../inputs/options";
import { identityPaths } from "./identity";
import { VaultCertificate } from "./vault-certificate";

/** What {@link VaultKeeper} works with. */
interface VaultKeeperParts {
  readonly options: Pick<AgentOptions, "packetFile" | "ringFile" | "runtime"> & { readonly vaultFile: string };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly log: Logger;
}

/** A keeper where the ring comes from Vault; undefined where it is mounted. */
export function keeperOf(
  parts: Omit<VaultKeeperParts, "options"> & { readonly options: AgentOptions },
): VaultKeeper | undefined {
  const { vaultFile } = parts.options;
  return vaultFile === undefined ? undefined : new VaultKeeper({ ...parts, options: { ...parts.options, vaultFile } });
}

/** How it stands with Vault, for metrics. Times in milliseconds since 1970. */
export interface VaultFacts {
  readonly up: boolean;
  readonly ringReadAt: number | undefined;
}

/** The last usable access to Vault. `seen` is the fingerprint of the file. */
interface KnownVault {
  readonly seen: string;
  readonly access: VaultAccess;
  readonly client: VaultClient;
}

/** Between looks a third more is added at random, so that this comes to the longest there may be. */
const defaultPollSeconds = (longestPollSeconds * 3) / 4;
const timeoutMs = 5000;
/** How long a start waits for Vault when it can do without, and when it cannot. */
const refreshMs = 2000;
const firstMs = 30_000;
const againMs = 500;

/**
 * Keeps the key ring on the volume as it stands in Vault, and a certificate of Vault's PKI beside it. What is there stays
 * when Vault is away, also over a restart.
 */
export class VaultKeeper {
  #known: KnownVault | undefined;
  #timeoutMs = timeoutMs;
  #ringReadAt: number | undefined;
  #up = false;
  readonly #certificate: VaultCertificate;

  constructor(private readonly parts: VaultKeeperParts) {
    this.#certificate = new VaultCertificate({
      ...parts,
      folder: new KnotVolume(parts.options.runtime.storage).identity,
    });
  }

  get facts(): VaultFacts {
    return { up: this.#up, ringReadAt: this.#ringReadAt };
  }

  /**
   * Before Knot starts: fetches what the volume does not have. What it has is brought up to date if Vault answers at once.
   *
   * @throws UserError when there is nothing to start with.
   */
  async prepare(): Promise<void> {
    const lacking = await this.#lacking();
    const end = this.parts.now() + (lacking.length > 0 ? firstMs : refreshMs);
    for (;;) {
      const failures = await this.#lookWithin(Math.min(timeoutMs, Math.max(againMs, end - this.parts.now())));
      if (failures.length === 0) return;
      const [still] = await this.#lacking();
      if (still === undefined) {
        this.parts.log.warn("Vault cannot be asked; what the volume holds stays", { reasons: failures });
        return;
      }
      if (this.parts.now() >= end)
        throw new UserError(`there is no ${still} on the volume, and none can be had: ${failures.join("; ")}`);
      await delay(againMs);
    }
  }

  /** Looks from time to time until the signal is given. Never throws. */
  async run(signal: AbortSignal, problems: Problems): Promise<void> {
    while (!signal.aborted) {
      problems.set("vault", await this.#lookWithin(timeoutMs));
      const poll = this.#known?.access.pollSeconds ?? defaultPollSeconds;
      await delay(poll * 1000 * (1 + this.parts.random() / 3), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look; returns what went wrong, as sentences. */
  async #lookWithin(milliseconds: number): Promise<readonly string[]> {
    this.#timeoutMs = milliseconds;
    const failures = await this.#look();
    this.#up = failures.length === 0;
    return failures;
  }

  async #look(): Promise<readonly string[]> {
    const failures: string[] = [];
    try {
      const known = await this.#open();
      // A ring that is broken must not keep the certificate from being renewed.
      await this.#pullRing(known).catch((error: unknown) => {
        if (error instanceof VaultError && error.failure.kind === "unreachable") throw error;
        failures.push(messageOf(error));
      });
      await this.#lookAtCertificate(known);
    } catch (error) {
      failures.push(messageOf(error));
    }
    return failures;
  }

  /** The client, made anew when the access to Vault changed. */
  async #open(): Promise<KnownVault> {
    const { vaultFile } = this.parts.options;
    const seen = await fingerprint([vaultFile]);
    if (seen === this.#known?.seen) return this.#known;
    const access = await readJsonFile(vaultFile, parseVaultAccess);
    const client = new VaultClient({ ...access, timeoutMs: () => this.#timeoutMs, now: this.parts.now });
    this.#known = { seen, access, client };
    return this.#known;
  }

  async #pullRing({ client, access }: KnownVault): Promise<void> {
    const { data, version } = await client.readSecret(access.mount, ringSecret);
    const document = parseRingDocument(data);
    this.#ringReadAt = this.parts.now();
    const { ringFile } = this.parts.options;
    const text = `${JSON.stringify(document)}\n`;
    if ((await readText(ringFile)) === text) return;
    await writeAtomically(ringFile, text, 0o600);
    const { previous, current, next } = document;
    this.parts.log.info("the key ring changed", {
      version,
      previous: previous?.name,
      current: current.name,
      next: next?.name,
      signFrom: next?.signFrom,
    });
  }

  async #lookAtCertificate({ client, access: { pki } }: KnownVault): Promise<void> {
    if (pki === undefined) return;
    const { ca: roots } = await readJsonFile(this.parts.options.packetFile, parseWelcomePacket);
    const renewed = await this.#certificate.look({ vault: client, pki, roots });
    if (renewed !== undefined) {
      const until = new Date(this.#certificate.until ?? 0).toISOString();
      this.parts.log.info("a new certificate", { reason: renewed, mount: pki.mount, until });
    }
  }

  /** What a start cannot do without and the volume does not have. */
  async #lacking(): Promise<readonly string[]> {
    const { ringFile, vaultFile, runtime } = this.parts.options;
    const { pki } = await readJsonFile(vaultFile, parseVaultAccess);
    const { certificate } = identityPaths(new KnotVolume(runtime.storage).identity);
    const missing = async (path: string): Promise<boolean> => (await readText(path)) === undefined;
    return [
      ...((await missing(ringFile)) ? ["key ring"] : []),
      ...(pki !== undefined && (await missing(certificate)) ? ["certificate"] : []),
    ];
  }
}
