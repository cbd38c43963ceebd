import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Removes what earlier recipes made, when no run of today can want it. */
export function dropOld(folder: string, isEarlier: (name: string) => boolean): void {
  for (const name of readdirSync(folder).filter(isEarlier)) {
    const path = join(folder, name);
    if (Date.now() - statSync(path).mtimeMs > 24 * 3_600_000) rmSync(path, { recursive: true });
  }
}
