import { messageOf, UserError } from "../../errors";
import { fingerprint, readText } from "../../io/files";
import type { KeyRing, TsigKey, WelcomePacket } from "../../mesh/model";
import { parseKeyRing, parseWelcomePacket } from "../../mesh/welcome";

/** What the site's stack mounts into the pod. */
export interface Inputs {
  readonly packet: WelcomePacket;
  readonly ring: KeyRing;
}

/** Where {@link Inputs} come from. */
export interface InputFiles {
  readonly packetFile: string;
  readonly ringFile: string;
}

/**
 * Reads packet and ring.
 *
 * @throws UserError that names the file and what is wrong in it, without its content.
 */
export async function readInputs(files: InputFiles): Promise<Inputs> {
  return {
    packet: await parseFile(files.packetFile, parseWelcomePacket),
    ring: await parseFile(files.ringFile, parseKeyRing),
  };
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
    const now = await fingerprint([this.files.packetFile, this.files.ringFile]);
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
