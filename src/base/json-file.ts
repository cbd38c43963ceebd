import { messageOf, UserError } from "./errors";
import { readText } from "./files";

/**
 * Reads a JSON file, which may hold secrets.
 *
 * @throws UserError that names the file and what is wrong in it, without its content.
 */
export async function readJsonFile<T>(path: string, parse: (json: unknown) => T): Promise<T> {
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
