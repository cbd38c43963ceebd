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
  const json = parseJson(text, path);
  try {
    return parse(json);
  } catch (error) {
    throw new UserError(`${path}: ${messageOf(error)}`, { cause: error });
  }
}
