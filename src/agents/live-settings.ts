import { readJsonFile } from "../base/json-file";
import type { Environment } from "../contract/environment";
import { type LiveSettings, liveSettingsPath, parseLiveSettings } from "../contract/live-settings";

/**
 * Reads what the stack tells programs that run already, for one that runs once.
 *
 * @throws UserError that names the variable, or the file and what is wrong in it.
 */
export function readLiveSettings(env: Environment): Promise<LiveSettings> {
  return readJsonFile(liveSettingsPath(env), parseLiveSettings);
}
