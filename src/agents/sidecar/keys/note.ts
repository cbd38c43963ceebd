import * as z from "zod/mini";

import { readText, writeAtomically } from "../../../base/files";
import { readJsonText } from "../../../base/json-file";
import { listOf, objectOf, plainText, readShape, type Shape } from "../../../base/shape";

const note = objectOf({
  generation: z.int("must be a whole number"),
  /** Of the key database, as of `KeptHeader`. */
  digest: plainText,
  madeAt: plainText,
  /** Zones that were signed then. */
  zones: z.exactOptional(listOf(plainText)),
});

/** Which copy of the key database a volume has made or began with last. */
export type KeysNote = Shape<typeof note>;

/** The note on a volume; undefined when there is none, or none that can be read: then a copy elsewhere counts as newer. */
export async function readNote(path: string): Promise<KeysNote | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return readJsonText({ text, from: path }, (json) => readShape(note, json, ""));
  } catch {
    return undefined;
  }
}

/** Leaves the note. */
export async function writeNote(path: string, { generation, digest, madeAt, zones }: KeysNote): Promise<void> {
  await writeAtomically(path, `${JSON.stringify({ generation, digest, madeAt, zones })}\n`);
}
