import { messageOf, UserError } from "../../errors";
import { fingerprint, readText } from "../../io/files";
import type { Identity } from "../../knot/site-config";
import type { KeyRing, TsigKey, WelcomePacket } from "../../mesh/model";
import { parseKey, parseKeyRing, parseWelcomePacket, serverName } from "../../mesh/welcome";
import { identityPaths, readIdentity } from "./identity";

/** What the site's stack mounts into the pod. */
export interface Inputs {
  readonly packet: WelcomePacket;
  readonly ring: KeyRing;
  /** The site's own key, by which its own programs read a zone from its Knot. */
  readonly localKey: TsigKey;
  /** Keys of servers outside the mesh that may take zones from this site. */
  readonly readers: readonly TsigKey[];
  /** Left out where transfers run over plain TCP. */
  readonly identity?: Identity;
}

/** Where {@link Inputs} come from. */
export interface InputFiles {
  readonly packetFile: string;
  readonly ringFile: string;
  readonly localKeyFile: string;
  /** List of keys; none without it. */
  readonly readersFile?: string;
  /** Folder with `tls.crt`, `tls.key` and `ca.crt`; needed unless transfers run over plain TCP. */
  readonly tlsFolder?: string;
}

/**
 * Reads packet, keys and certificate.
 *
 * @throws UserError that names the file and what is wrong in it, without its content.
 */
export async function readInputs(files: InputFiles): Promise<Inputs> {
  const packet = await parseFile(files.packetFile, parseWelcomePacket);
  return {
    packet,
    ring: await parseFile(files.ringFile, parseKeyRing),
    localKey: await parseFile(files.localKeyFile, (json) => parseKey(json, "key")),
    readers: files.readersFile === undefined ? [] : await parseFile(files.readersFile, parseReaders),
    ...(packet.transport !== "tcp" && { identity: await identityOf(packet, files.tlsFolder) }),
  };
}

function parseReaders(json: unknown): readonly TsigKey[] {
  if (!Array.isArray(json)) throw new UserError("readers must be a list of keys");
  return json.map((key, i) => parseKey(key, `readers[${i}]`));
}

function identityOf({ site, directoryZone, transport }: WelcomePacket, folder: string | undefined): Promise<Identity> {
  if (folder === undefined) {
    throw new UserError(
      `transfers run over ${transport}, and DNS_MESH_TLS names no folder with the site's certificate`,
    );
  }
  return readIdentity(folder, serverName(site.name, directoryZone));
}

/** The key that a ring signs with. */
export function signingKey(ring: KeyRing): TsigKey {
  const key = ring.accepted.find(({ name }) => name === ring.signing);
  if (key === undefined) throw new UserError(`the key ring has no key "${ring.signing}" to sign with`);
  return key;
}

/** Notices when mounted files change, by looking at them; their content is read only then. */
export class InputWatch {
  #seen = "";

  constructor(private readonly files: InputFiles) {}

  /** The inputs when they changed since the last call (the first one included), otherwise undefined. Throws as {@link readInputs}. */
  async changed(): Promise<Inputs | undefined> {
    const { packetFile, ringFile, localKeyFile, readersFile = [], tlsFolder } = this.files;
    const identity = tlsFolder === undefined ? [] : identityPaths(tlsFolder);
    const now = await fingerprint([packetFile, ringFile, localKeyFile, readersFile, identity].flat());
    if (now === this.#seen) return undefined;
    const inputs = await readInputs(this.files);
    this.#seen = now;
    return inputs;
  }
}

async function parseFile<T>(path: string, parse: (json: unknown) => T): Promise<T> {
  const text = await readText(path);
  if (text === undefined) throw new UserError(`${path} is missing`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message would show a piece of the file.
    throw new UserError(`${path} is not JSON`);
  }
  try {
    return parse(json);
  } catch (error) {
    throw new UserError(`${path}: ${messageOf(error)}`, { cause: error });
  }
}
