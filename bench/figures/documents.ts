import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { withBlock } from "../support/markdown";
import { type Figures, figuresFile, figuresText, tidied } from "./file";
import { plotsFolder, plotTexts } from "./plots";
import { aimsText, measurementsText, tableText } from "./render";
import { tables } from "./tables";

const root = join(__dirname, "..", "..");
const script = "npm run figures";

/** The file's figures; none when there is no file yet. */
export function readFigures(): Figures {
  const file = join(root, figuresFile);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Figures) : {};
}

/** What follows from the figures: the file itself, documents with their tables, plots; each file's text by its name. */
export function figureTexts(given: Figures): ReadonlyMap<string, string> {
  const figures = tidied(given);
  const documents = new Map<string, string>();
  const write = (document: string, name: string, text: string): void => {
    const before = documents.get(document) ?? readFileSync(join(root, document), "utf8");
    documents.set(document, withBlock(before, { name, script, text }));
  };
  for (const [name, table] of Object.entries(tables)) write(table.document, name, tableText(table, figures));
  write("docs/performance.md", "aims", aimsText(figures));
  write("docs/performance.md", "measurements", measurementsText(figures));
  const plots = [...plotTexts(figures)].map(([name, text]) => [join(plotsFolder, name), text] as const);
  return new Map([[figuresFile, figuresText(figures)], ...documents, ...plots]);
}

/** Writes the file, all tables and all plots. Returns what is another text than before. */
export function writeFigures(figures: Figures): readonly string[] {
  return [...figureTexts(figures)].flatMap(([name, text]) => {
    const file = join(root, name);
    if (existsSync(file) && readFileSync(file, "utf8") === text) return [];
    writeFileSync(file, text);
    return [name];
  });
}
