import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { freeEverywhere } from "../../lab/ports";
import { LabProcess, Log } from "../../lab/process";
import type { DnsServer } from "../../src/dns/client/dns-client";
import { issue, makeAuthority } from "../certificates";
import { eventually } from "../eventually";
import { toolPath } from "../tools";

/** An ACME server of the machine's own. */
export interface Pebble extends AsyncDisposable {
  /** URL of its directory. */
  readonly directory: string;
  /** PEM of the authority that its own certificate is from. */
  readonly ca: string;
  log(): string;
}

/**
 * Starts the real pebble, which asks one DNS server for challenges.
 *
 * @param folder - for its files
 */
export async function startPebble(folder: string, { address, port }: DnsServer): Promise<Pebble> {
  const home = join(folder, "pebble");
  mkdirSync(home, { recursive: true });
  const ca = makeAuthority("an ACME server's authority");
  const { cert, key } = issue({ ca, name: "localhost", ips: ["127.0.0.1"] });
  const [own, other] = [await freeEverywhere(), await freeEverywhere()];
  const pebble = {
    listenAddress: `127.0.0.1:${own}`,
    managementListenAddress: "",
    certificate: join(home, "cert.pem"),
    privateKey: join(home, "key.pem"),
    httpPort: other,
    tlsPort: other,
    retryAfter: { authz: 1, order: 1 },
  };
  writeFileSync(pebble.certificate, cert);
  writeFileSync(pebble.privateKey, key, { mode: 0o600 });
  const config = join(home, "config.json");
  writeFileSync(config, JSON.stringify({ pebble }));
  const log = new Log();
  const server = new LabProcess({
    command: [toolPath("pebble"), "-config", config, "-dnsserver", `${address}:${port}`],
    env: { PATH: process.env["PATH"], PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0" },
    log,
  });
  await eventually(20, () => {
    if (!log.text.includes("Listening on")) throw new Error(log.text.slice(-500));
  });
  return {
    directory: `https://127.0.0.1:${own}/dir`,
    ca: ca.cert,
    log: () => log.text,
    async [Symbol.asyncDispose]() {
      await server.end("SIGTERM");
    },
  };
}
