import { dirname } from "node:path";

import { systemClock } from "../../../base/clock";
import { watchFolder } from "../../../base/folder-watch";
import type { AgentOptions } from "./options";

/** From the first write to a call, and from a call to the next: one change is several writes, and half of it is a problem. */
const [settleMs, restMs] = [10, 10];
/** Between looks for a folder that is not there. */
const lookAgainMs = 1000;

type MountedFiles = Pick<
  AgentOptions,
  | "packetFile"
  | "settingsFile"
  | "ringFile"
  | "localKeyFile"
  | "readersFile"
  | "updatersFile"
  | "recordsKeyFile"
  | "tlsFolder"
  | "centralFolder"
>;

/** The folders that something is mounted to which a pass looks at, each once. */
export function mountedFolders(options: MountedFiles): readonly string[] {
  const { packetFile, settingsFile, ringFile, localKeyFile, readersFile, updatersFile, recordsKeyFile } = options;
  const files = [packetFile, settingsFile, ringFile, localKeyFile, readersFile, updatersFile, recordsKeyFile];
  const folders = [...files.map((file) => file && dirname(file)), options.tlsFolder, options.centralFolder];
  return [...new Set(folders.filter((folder) => folder !== undefined))];
}

/**
 * Calls when something in one of these folders is written, until the signal is given: the kubelet renames a link in the mount. A
 * change that it misses is found by the clock. Never throws.
 */
export async function watchMounts(
  folders: readonly string[],
  { changed, signal }: { readonly changed: () => void; readonly signal: AbortSignal },
): Promise<void> {
  const onChange = async (): Promise<number> => {
    await systemClock.pause(settleMs, signal);
    changed();
    return 0;
  };
  await Promise.all(
    folders.map((path) => watchFolder({ path, onChange, restMs, mostRestMs: restMs, lookAgainMs, signal })),
  );
}
