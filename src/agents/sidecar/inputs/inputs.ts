import { messageOf, UserError } from "../../../base/errors";
import { fingerprint, readText } from "../../../base/files";
import { readJsonFile } from "../../../base/json-file";
import { parseLiveSettings, runtimeWith } from "../../../contract/live-settings";
import type { TsigKey } from "../../../dns/tsig-key";
import { parseReaders, type Reader } from "../../../keyring/reader";
import { effectiveRing, type KeyRing, parseRingDocument, type RingDocument } from "../../../keyring/ring-document";
import { parseTsigKey } from "../../../keyring/tsig-key";
import type { TlsIdentity } from "../../../knot/config/site-config";
import { type FixedRuntime, isWriter, type SiteRuntime } from "../../../knot/config/site-runtime";
import { type Epoch, isReplaced, standingPacket } from "../../../mesh/epoch";
import type { WelcomePacket } from "../../../mesh/model";
import { parseWelcomePacket, serverName } from "../../../mesh/welcome";
import { parseUpdaters, type Updater } from "../../../records/updater";
import { identityPaths, readIdentity } from "../credentials/identity";
import { CentralFiles } from "./central-files";
import type { AgentOptions } from "./options";

/** What the site's stack mounts into the pod. */
export interface Inputs {
  readonly packet: WelcomePacket;
  readonly ring: KeyRing;
  /** When the key was made that signs, ISO 8601; missing where keys come by generation. */
  readonly ringKeyMadeAt?: string;
  /** The site's own key, by which its own programs read a zone from its Knot. */
  readonly localKey: TsigKey;
  /** Servers outside the mesh that may take zones from this site. */
  readonly readers: readonly Reader[];
  /** Who may change own zones by DNS UPDATE, beside the record operator. */
  readonly updaters: readonly Updater[];
  /** The key by which the record operator changes the site's own zones. */
  readonly recordsKey?: TsigKey;
  /** Left out where transfers run over plain TCP. */
  readonly identity?: TlsIdentity;
  /** How this pod's Knot runs: what holds for the pod's life, with what the stack says now. */
  readonly runtime: SiteRuntime;
}

/** The inputs of a site whose primary catalog was replaced are those of a secondary, until its stack says so itself. */
export function standingInputs(inputs: Inputs, highest: Epoch | undefined): Inputs {
  const packet = standingPacket(inputs.packet, highest);
  return packet === inputs.packet ? inputs : { ...inputs, packet };
}

/** Where {@link Inputs} come from. */
export interface InputFiles {
  readonly runtime: FixedRuntime;
  readonly packetFile: string;
  /** Addresses of the site's pods, and what else of Knot's settings changes while it runs. */
  readonly settingsFile: string;
  readonly ringFile: string;
  readonly localKeyFile: string;
  /** List of keys; none without it. */
  readonly readersFile?: string;
  /** List of updaters; none without it. */
  readonly updatersFile?: string;
  /** One key; none without it, nor while the file is missing. */
  readonly recordsKeyFile?: string;
  /** Folder with `tls.crt`, `tls.key` and `ca.crt`; needed unless transfers run over plain TCP. */
  readonly tlsFolder?: string;
}

/**
 * Reads packet, keys and certificate.
 *
 * @param now - Milliseconds since 1970: the time at which the ring's document is taken.
 * @throws UserError that names the file and what is wrong in it, without its content.
 */
export async function readInputs(files: InputFiles, now: number): Promise<Inputs> {
  return inputsOf(await readDocuments(files), now);
}

/** {@link Inputs} with the ring as it is kept. */
interface Documents extends Omit<Inputs, "ring" | "ringKeyMadeAt"> {
  readonly document: RingDocument;
}

function inputsOf({ document, ...rest }: Documents, now: number): Inputs {
  const ring = effectiveRing(document, now);
  const { previous, current, next } = document;
  const madeAt = [previous, current, next].find((key) => key?.name === ring.signing)?.createdAt;
  return { ...rest, ring, ...(madeAt !== undefined && { ringKeyMadeAt: madeAt }) };
}

async function readDocuments(files: InputFiles): Promise<Documents> {
  const packet = await readJsonFile(files.packetFile, parseWelcomePacket);
  const settings = await readJsonFile(files.settingsFile, parseLiveSettings);
  const recordsKey = await recordsKeyOf(files);
  return {
    packet,
    runtime: runtimeWith(files.runtime, settings),
    document: await readJsonFile(files.ringFile, parseRingDocument),
    localKey: await readJsonFile(files.localKeyFile, (json) => parseTsigKey(json, "key")),
    readers: files.readersFile === undefined ? [] : await readJsonFile(files.readersFile, parseReaders),
    updaters: files.updatersFile === undefined ? [] : await readJsonFile(files.updatersFile, parseUpdaters),
    ...(recordsKey && { recordsKey }),
    ...(packet.transport !== "tcp" && { identity: await identityOf(packet, files.tlsFolder) }),
  };
}

/** The file comes when the site gets its first record operator or second pod: until then there is no such key. */
async function recordsKeyOf({ recordsKeyFile }: InputFiles): Promise<TsigKey | undefined> {
  if (recordsKeyFile === undefined || (await readText(recordsKeyFile)) === undefined) return undefined;
  return readJsonFile(recordsKeyFile, (json) => parseTsigKey(json, "key"));
}

function identityOf(
  { site, directoryZone, transport }: WelcomePacket,
  folder: string | undefined,
): Promise<TlsIdentity> {
  if (folder === undefined) {
    throw new UserError(
      `transfers run over ${transport}, and DNS_MESH_TLS names no folder with the site's certificate`,
    );
  }
  return readIdentity(folder, serverName(site.name, directoryZone));
}

/**
 * Notices when mounted files change, by looking at them; their content is read only then. The ring changes by itself too,
 * when a time in its document comes.
 */
class InputWatch {
  #seen = "";
  #documents: Documents | undefined;
  #ring = "";

  /** @param now - Milliseconds since 1970. */
  constructor(
    private readonly files: InputFiles,
    private readonly now: () => number,
  ) {}

  /** The inputs when they changed since the last call (the first one included), otherwise undefined. Throws as {@link readInputs}. */
  async changed(): Promise<Inputs | undefined> {
    const { packetFile, settingsFile, ringFile, localKeyFile, tlsFolder } = this.files;
    const { readersFile = [], updatersFile = [], recordsKeyFile = [] } = this.files;
    const identity = tlsFolder === undefined ? [] : Object.values(identityPaths(tlsFolder));
    const keys = [ringFile, localKeyFile, readersFile, updatersFile, recordsKeyFile];
    const seen = await fingerprint([packetFile, settingsFile, ...keys, identity].flat());
    const documents = seen === this.#seen ? this.#documents : await readDocuments(this.files);
    if (documents === undefined) return undefined;
    const inputs = inputsOf(documents, this.now());
    const ring = JSON.stringify(inputs.ring);
    if (documents === this.#documents && ring === this.#ring) return undefined;
    this.#seen = seen;
    this.#documents = documents;
    this.#ring = ring;
    return inputs;
  }
}

/** What a look at the mounts found. */
interface MountsSeen {
  /** The last usable packet and ring; undefined when there never were any. */
  readonly inputs: Inputs | undefined;
  /** Whether packet or ring are others than at the look before. */
  readonly changed: boolean;
  /** Central zones whose files on the volume were written anew. */
  readonly written: readonly string[];
  /** What cannot be used, as sentences. */
  readonly failures: readonly string[];
}

/** Everything that the site's stack mounts into the pod and that may change while it runs. */
export class Mounts {
  #mounted: Inputs | undefined;
  #inputs: Inputs | undefined;
  #stood: { readonly mounted?: Inputs | undefined; readonly isReplaced: boolean } = { isReplaced: false };
  readonly #watch: InputWatch;
  readonly #central: CentralFiles | undefined;

  /**
   * @param facts.now - Milliseconds since 1970.
   * @param facts.highest - The highest epoch that is known.
   */
  constructor(
    options: AgentOptions,
    private readonly facts: { readonly now: () => number; readonly highest: () => Epoch | undefined },
  ) {
    const { now } = facts;
    this.#watch = new InputWatch(options, now);
    if (options.centralFolder !== undefined && isWriter(options.runtime)) {
      this.#central = new CentralFiles({ folder: options.centralFolder, storage: options.runtime.storage, now });
    }
  }

  /** What the site goes by: see {@link standingInputs}. */
  get inputs(): Inputs | undefined {
    return this.#inputs;
  }

  /** Whether another site has the primary catalog that the mounted packet gives to this one. */
  get isReplaced(): boolean {
    return this.#mounted !== undefined && isReplaced(this.#mounted.packet, this.facts.highest());
  }

  /** Looks, and takes over what changed and can be used. Whatever cannot leaves what was there before. */
  async look(): Promise<MountsSeen> {
    const failures: string[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        failures.push(messageOf(error));
        return undefined;
      }
    };
    this.#mounted = (await attempt(() => this.#watch.changed())) ?? this.#mounted;
    const changed = this.#stand();
    const { packet } = this.#inputs ?? {};
    const isPrimary = packet?.site.role === "primary-catalog";
    const central = packet && isPrimary && (await attempt(async () => this.#central?.take(packet)));
    if (central && central.kind === "incomplete") {
      failures.push("the mounted parts of the central zones do not belong together (yet)");
    }
    const written = central && central.kind === "written" ? central.zones : [];
    return { inputs: this.#inputs, changed, written, failures };
  }

  /** Whether the inputs are others than before. The same ones stay the same object. */
  #stand(): boolean {
    const before = this.#stood;
    this.#stood = { mounted: this.#mounted, isReplaced: this.isReplaced };
    if (before.mounted === this.#stood.mounted && before.isReplaced === this.#stood.isReplaced) return false;
    this.#inputs = this.#mounted && standingInputs(this.#mounted, this.facts.highest());
    return this.#inputs !== undefined;
  }
}
