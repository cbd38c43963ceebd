import { readFigures, writeFigures } from "../bench/figures/documents";

/** Writes what follows from docs/figures.json: tables in README and documents, and plots. */
for (const name of writeFigures(readFigures())) console.log(`${name} is written`);
