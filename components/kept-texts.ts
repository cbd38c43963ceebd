import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A text that was made of files. */
export interface Made {
  readonly text: string;
  /** Every file that was read for it, relative to the root. */
  readonly inputs: readonly string[];
  /** Those of which something is in the text. */
  readonly sources: readonly string[];
}

interface Kept extends Made {
  readonly key: string;
}

/** Where texts are kept, and what they are made of. */
export interface KeptTextsPlace {
  readonly root: string;
  /** Below the root: a text that is kept counts only while every file in here is the same, also those that it is not made of. */
  readonly source: string;
  /** Where they are kept: beside installed packages, which is as trusted as those are. */
  readonly folder: string;
  /** What else the texts follow from: versions and options. */
  readonly recipe: string;
}

/**
 * Keeps texts that take a second to make, such as bundles, which `pulumi up` needs twice each time. One that cannot be kept, or whose file
 * was cut off, is made again.
 */
export class KeptTexts {
  #sourceHash: string | undefined;

  constructor(private readonly place: KeptTextsPlace) {}

  /** The text of this name, as kept or as made now. */
  get(name: string, make: () => Made): Made {
    const kept = this.#read(name);
    if (kept !== undefined) return kept;
    const made = make();
    this.#write(name, made);
    return made;
  }

  /** Undefined where there is none, or it is of something else, or it cannot be read. */
  #read(name: string): Made | undefined {
    try {
      const kept = JSON.parse(readFileSync(this.#file(name), "utf8")) as Kept;
      return kept.key === this.#key(kept.inputs) ? kept : undefined;
    } catch {
      return undefined;
    }
  }

  #write(name: string, made: Made): void {
    const temporary = `${this.#file(name)}.${process.pid}`;
    try {
      const kept: Kept = { ...made, key: this.#key(made.inputs) };
      mkdirSync(this.place.folder, { recursive: true });
      writeFileSync(temporary, JSON.stringify(kept));
      renameSync(temporary, this.#file(name));
    } catch {
      // A folder that cannot be written costs a second each time.
    }
  }

  /** Throws when an input is gone. */
  #key(inputs: readonly string[]): string {
    this.#sourceHash ??= this.#hashOf(filesBelow(this.place.root, this.place.source));
    const others = inputs.filter((file) => !file.startsWith(`${this.place.source}/`));
    const parts = [this.place.recipe, this.#sourceHash, this.#hashOf(others)];
    return createHash("sha256").update(parts.join("\0")).digest("hex");
  }

  #hashOf(files: readonly string[]): string {
    const hash = createHash("sha256");
    for (const file of files) {
      const content = readFileSync(join(this.place.root, file));
      hash.update(`${file}\0${content.length}\0`).update(content);
    }
    return hash.digest("hex");
  }

  #file(name: string): string {
    return join(this.place.folder, `${name}.json`);
  }
}

/** Every file below a folder, by its path from the root, sorted. */
function filesBelow(root: string, folder: string): readonly string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((file) => file.slice(root.length + 1)).sort();
}
