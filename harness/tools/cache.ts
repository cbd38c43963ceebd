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

/** Has each Node.js that is started below keep what it compiled (`NODE_COMPILE_CACHE`): loading Pulumi's packages takes half the CPU. */
export const keepCompiled = (): { readonly NODE_COMPILE_CACHE: string } => ({
  NODE_COMPILE_CACHE: join(cacheDir(), "compiled"),
});

/**
 * Has what is started below take less CPU, and some 100 MiB more for each program in Go: `GOGC` is how far its heap grows before it is
 * collected. API servers, engines and plugins need a tenth less than with Go's own 100.
 */
export const sparing = (): { readonly GOGC: string; readonly NODE_COMPILE_CACHE: string } => ({
  GOGC: "400",
  ...keepCompiled(),
});
