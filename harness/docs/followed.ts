import { type Block, isToRun } from "./blocks";

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * Which blocks of a section the given tests leave out, as far as their text tells: a `Reader` that opens a section complains about one
 * that is left out by itself; `blocksOf` gives those of a language, of which a destructured name takes the first.
 *
 * @param id - the link to the section
 * @param tests - the tests' texts
 */
export function leftOut(id: string, blocks: readonly Block[], tests: readonly string[]): readonly Block[] {
  const texts = tests.map(withoutRemarks);
  if (texts.some((text) => namesOf(id, text).some((name) => text.includes(`open(${name})`)))) return [];
  const taken = new Map<string, number>();
  for (const text of texts)
    for (const [language, count] of takenOf(id, text)) taken.set(language, Math.max(count, taken.get(language) ?? 0));
  return blocks.filter(isToRun).filter((block, index, all) => {
    const before = all.slice(0, index).filter(({ language }) => language === block.language).length;
    return before >= (taken.get(block.language) ?? 0);
  });
}

function takenOf(id: string, text: string): readonly (readonly [language: string, count: number])[] {
  const names = namesOf(id, text);
  const direct = names.flatMap((name) => callsOf(name, text));
  // A helper is given the link, and asks for its blocks under a name of its own.
  return direct.length > 0 || names.length === 0 ? direct : callsOf(undefined, text);
}

/** Calls of `blocksOf` with a name, or with any variable: the language, and how many blocks of it are taken. */
function callsOf(name: string | undefined, text: string): readonly (readonly [string, number])[] {
  const of = name === undefined ? "\\w+" : escape(name);
  const call = new RegExp(`(\\[(?:\\w+ = ""(?:, )?)+\\] = )?blocksOf\\(${of}, "(\\w*)"\\)(\\[0\\])?`, "g");
  return [...text.matchAll(call)].map(([, names, language = "", first]) => [
    language,
    names === undefined ? (first === undefined ? Infinity : 1) : names.split('""').length - 1,
  ]);
}

/** The link in quotes, and what is bound to it. */
function namesOf(id: string, text: string): readonly string[] {
  const quoted = JSON.stringify(id);
  if (!text.includes(quoted)) return [];
  const bound = [...text.matchAll(new RegExp(`(\\w+)(?:: \\w+)? = ${escape(quoted)}`, "g"))];
  return [quoted, ...bound.map(([, name = ""]) => name)];
}

function withoutRemarks(text: string): string {
  return text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
}
