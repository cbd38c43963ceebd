import { homedir } from "node:os";
import { join } from "node:path";

/** Where built tools and images are kept, by version: `$DNS_MESH_CACHE`, or a folder of the user's cache. */
export function cacheDir(): string {
  return process.env["DNS_MESH_CACHE"] ?? join(homedir(), ".cache", "dns-mesh");
}

/** The folder that holds a link or wrapper for each tool. */
export function binDir(): string {
  return join(cacheDir(), "bin");
}
