import { messageOf, UserError } from "./errors";
import { readText } from "./files";
import { parseJson } from "./json";

/**
 * Reads a JSON file, which may hold secrets.
 *
 * @throws UserError that names the file and what is wrong in it, without its content.
 */
export async function readJsonFile<T>(path: string, parse: (json: unknown) => T): Promise<T> {
  const text = await readText(path);
  if (text === undefined) throw new UserError(`${path} is missing`);
  return readJsonText({ text, from: path }, parse);
}

/**
 * Reads the text of a JSON file, which may hold secrets.
 *
 * @param file - The text, and where it is from.
 * @throws UserError that names the file and what is wrong in it, without its content.
 */
export function readJsonText<T>({ text, from }: { text: string; from: string }, parse: (json: unknown) => T): T {
  const json = parseJson(text, from);
  try {
    return parse(json);
  } catch (error) {
    throw new UserError(`${from}: ${messageOf(error)}`, { cause: error });
  }
}
