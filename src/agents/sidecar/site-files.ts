import { join } from "node:path";

import { listFolder, readText, removeFile, writeAtomically } from "../../base/files";
import { volumeFolders } from "../../knot/config/volume";

/** Folders in which no other file may stand: Knot includes everything that it finds there. */
const ownedFolders = [volumeFolders.peers, volumeFolders.zoneStanzas];

/** Texts by path below the volume; undefined stands for a file that is not there. */
export type FileTexts = ReadonlyMap<string, string | undefined>;

/** Knot's files that change while it runs, on the volume. */
export class SiteFiles {
  constructor(readonly root: string) {}

  /** What stands on the volume where it differs from what is wanted: by path, the text to go back to. */
  async differing(wanted: FileTexts): Promise<FileTexts> {
    const before = new Map<string, string | undefined>();
    for (const [path, text] of [...wanted, ...(await this.#surplus(wanted))]) {
      const standing = await readText(join(this.root, path));
      if (standing !== text) before.set(path, standing);
    }
    return before;
  }

  /** Writes each text, and takes away what has none. */
  async write(texts: FileTexts): Promise<void> {
    for (const [path, text] of texts) {
      const full = join(this.root, path);
      if (text === undefined) await removeFile(full);
      else await writeAtomically(full, text);
    }
  }

  /** Makes the volume hold what is wanted; returns what stood there before where it differed. */
  async replace(wanted: FileTexts): Promise<FileTexts> {
    const before = await this.differing(wanted);
    await this.write(new Map([...before.keys()].map((path) => [path, wanted.get(path)])));
    return before;
  }

  async #surplus(wanted: FileTexts): Promise<readonly (readonly [string, undefined])[]> {
    const found = await Promise.all(
      ownedFolders.map(async (folder) =>
        (await listFolder(join(this.root, folder))).map((name) => `${folder}/${name}`),
      ),
    );
    return found
      .flat()
      .filter((path) => path.endsWith(".conf") && !wanted.has(path))
      .map((path) => [path, undefined] as const);
  }
}
