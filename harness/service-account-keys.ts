import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** PEM of a cluster's public keys, made of its JWKS by the script that `docs/guides/vault.md` says to pipe it through. */
export function serviceAccountKeys(jwks: string): string[] {
  const guide = readFileSync(join(__dirname, "../docs/guides/vault.md"), "utf8");
  const [, script] = /openid\/v1\/jwks \| node -e '([^']+)'/.exec(guide) ?? [];
  if (script === undefined) throw new Error("the guide has no script for the cluster's keys");
  const told = execFileSync(process.execPath, ["-e", script], { input: jwks, encoding: "utf8" });
  return told.match(/-----BEGIN[^]+?-----END PUBLIC KEY-----/g) ?? [];
}
