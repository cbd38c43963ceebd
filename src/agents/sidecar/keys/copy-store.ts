import { dirname, join } from "node:path";

import { messageOf, UserError } from "../../../base/errors";
import { fingerprint, readText } from "../../../base/files";
import { readJsonFile, readJsonText } from "../../../base/json-file";
import { type KeptKeys, keptKeysMarker, mostKeptOctets, parseKeptKeys, replacement } from "../../../contract/kept-keys";
import { parseVaultAccess } from "../../../vault/access";
import { VaultClient, VaultError } from "../../../vault/client";
import type { AgentOptions } from "../inputs/options";
import { Seal } from "./sealing";

/** What a store holds. */
export type StoredCopy =
  | { readonly kind: "copy"; readonly copy: KeptKeys }
  /** There certainly is no copy. */
  | { readonly kind: "none" }
  /** Whether there is a copy, or what it holds, is not known. `reason` is a sentence. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What became of a copy. */
export type Keeping =
  | { readonly kind: "kept" }
  /** Somebody else is to fetch it. */
  | { readonly kind: "waiting" }
  /** `reason` is a sentence. */
  | { readonly kind: "refused"; readonly reason: string };

/** The second place for a site's DNSSEC keys. */
export interface CopyStore {
  /** For people. */
  readonly name: string;
  /** Whether copies are offered to the reconciler, which puts them there. */
  readonly isFetched: boolean;
  /** Milliseconds between looks at a copy that is kept. */
  readonly lookEveryMs: number;
  /** For how many milliseconds a start waits for a store that does not say whether it has a copy. */
  readonly patienceMs: number;
  /** Changes with what the store holds, as far as that costs nothing to know. */
  fingerprint(): Promise<string>;
  /** What copies are sealed with; undefined where the store keeps secrets itself. @throws UserError */
  seal(): Promise<Seal | undefined>;
  /** Never throws. */
  read(): Promise<StoredCopy>;
  /** Puts a copy there, or sees whether it has arrived. @throws Error when the store cannot be asked. */
  keep(copy: KeptKeys): Promise<Keeping>;
}

/**
 * The Secret `zone-keys` as it is mounted. The reconciler writes it: Knot's pods, which strangers reach, have neither a
 * token for the API server nor a way to it.
 */
export class MountedStore implements CopyStore {
  readonly name = "the Secret zone-keys";
  readonly isFetched = true;
  readonly lookEveryMs = 60_000;
  /** What is mounted was so before the program started. */
  readonly patienceMs = 0;

  constructor(private readonly paths: { readonly copyFile: string; readonly sealFile: string }) {}

  fingerprint(): Promise<string> {
    return fingerprint([this.paths.copyFile]);
  }

  async seal(): Promise<Seal> {
    const secret = await readText(this.paths.sealFile);
    if (secret === undefined)
      throw new UserError(`${this.paths.sealFile} is missing; bring this site's stack up again`);
    return new Seal(secret.trim());
  }

  async read(): Promise<StoredCopy> {
    const { copyFile } = this.paths;
    try {
      const text = await readText(copyFile);
      if (text !== undefined) return { kind: "copy", copy: readJsonText({ text, from: copyFile }, parseKeptKeys) };
      const marker = await readText(join(dirname(copyFile), keptKeysMarker));
      if (marker !== undefined) return { kind: "none" };
      return { kind: "unknown", reason: `${this.name} is missing; bring this site's stack up again` };
    } catch (error) {
      return { kind: "unknown", reason: messageOf(error) };
    }
  }

  async keep(copy: KeptKeys): Promise<Keeping> {
    if (JSON.stringify(copy).length > mostKeptOctets)
      return { kind: "refused", reason: "the zones' keys are too many for a Secret; keep them in Vault" };
    const stored = await this.read();
    if (stored.kind === "unknown") return { kind: "refused", reason: stored.reason };
    const result = replacement(stored.kind === "copy" ? stored.copy : undefined, copy);
    if (result.kind === "refused") return result;
    return { kind: result.kind === "same" ? "kept" : "waiting" };
  }
}

/** A secret of the site's own in Vault, which only the pod that signs may read and write. */
export class VaultStore implements CopyStore {
  readonly name = "Vault";
  readonly isFetched = false;
  readonly lookEveryMs = 600_000;
  readonly patienceMs = 30_000;
  #known: { readonly seen: string; readonly at: VaultPlace } | undefined;

  /** @param now - Milliseconds since 1970. */
  constructor(
    private readonly vaultFile: string,
    private readonly now: () => number,
  ) {}

  /** Vault keeps what is given to it sealed. */
  seal(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  fingerprint(): Promise<string> {
    return fingerprint([this.vaultFile]);
  }

  async read(): Promise<StoredCopy> {
    try {
      const stored = await this.#read(await this.#open());
      return stored === undefined ? { kind: "none" } : { kind: "copy", copy: stored.copy };
    } catch (error) {
      return { kind: "unknown", reason: messageOf(error) };
    }
  }

  async keep(copy: KeptKeys): Promise<Keeping> {
    const at = await this.#open();
    const stored = await this.#read(at);
    const result = replacement(stored?.copy, copy);
    if (result.kind === "refused") return result;
    if (result.kind === "write")
      await at.client.writeSecret({ mount: at.mount, name: at.secret, data: copy, cas: stored?.version ?? 0 });
    return { kind: "kept" };
  }

  /** Undefined when Vault says that there is nothing. @throws VaultError, UserError for what is no copy. */
  async #read({ client, mount, secret }: VaultPlace): Promise<{ copy: KeptKeys; version: number } | undefined> {
    try {
      const { data, version } = await client.readSecret(mount, secret);
      return { copy: parseKeptKeys(data), version };
    } catch (error) {
      if (error instanceof VaultError && error.failure.kind === "absent") return undefined;
      throw error;
    }
  }

  async #open(): Promise<VaultPlace> {
    const seen = await this.fingerprint();
    if (seen === this.#known?.seen) return this.#known.at;
    const { zoneKeys, auth, mount, ...access } = await readJsonFile(this.vaultFile, parseVaultAccess);
    if (zoneKeys === undefined) throw new UserError(`${this.vaultFile} names no secret for the zones' keys`);
    const { secret, role } = zoneKeys;
    const own = auth.method === "jwt" && role !== undefined ? { ...auth, role } : auth;
    const at = { client: new VaultClient({ ...access, auth: own, now: this.now }), mount, secret };
    this.#known = { seen, at };
    return at;
  }
}

interface VaultPlace {
  readonly client: VaultClient;
  readonly mount: string;
  readonly secret: string;
}

/** The store that an agent is given by its options; undefined where it has none. */
export function copyStoreOf(parts: {
  readonly options: AgentOptions;
  readonly now: () => number;
}): CopyStore | undefined {
  const { vaultFile, zoneKeysFile: copyFile, zoneKeysSealFile: sealFile } = parts.options;
  if (vaultFile !== undefined) return new VaultStore(vaultFile, parts.now);
  return copyFile === undefined || sealFile === undefined ? undefined : new MountedStore({ copyFile, sealFile });
}
