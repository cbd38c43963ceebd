import { fingerprint } from "../../io/files";
import { readJsonFile } from "../../io/json-file";
import type { KeyRing, WelcomePacket } from "../../mesh/model";
import { effectiveRing, parseRingDocument, type RingDocument } from "../../mesh/ring-document";
import { parseWelcomePacket } from "../../mesh/welcome";

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
 * @param now - Milliseconds since 1970: the time at which the ring's document is taken.
 * @throws UserError that names the file and what is wrong in it, without its content.
 */
export async function readInputs(files: InputFiles, now: number): Promise<Inputs> {
  const { packet, document } = await readDocuments(files);
  return { packet, ring: effectiveRing(document, now) };
}

interface Documents {
  readonly packet: WelcomePacket;
  readonly document: RingDocument;
}

async function readDocuments(files: InputFiles): Promise<Documents> {
  return {
    packet: await readJsonFile(files.packetFile, parseWelcomePacket),
    document: await readJsonFile(files.ringFile, parseRingDocument),
  };
}

/**
 * Notices when mounted files change, by looking at them; their content is read only then. The ring changes by itself too,
 * when a time in its document comes.
 */
export class InputWatch {
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
    const seen = await fingerprint([this.files.packetFile, this.files.ringFile]);
    const documents = seen === this.#seen ? this.#documents : await readDocuments(this.files);
    if (documents === undefined) return undefined;
    const ring = effectiveRing(documents.document, this.now());
    const text = JSON.stringify(ring);
    if (documents === this.#documents && text === this.#ring) return undefined;
    this.#seen = seen;
    this.#documents = documents;
    this.#ring = text;
    return { packet: documents.packet, ring };
  }
}
