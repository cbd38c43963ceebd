import { expect } from "chai";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { requireUsableCluster } from "../../../src/preflight/usable-cluster";
import { parseStackConfig, type SiteConfig } from "../../../src/settings/site-settings";

describe("what an up asks a site's cluster first", () => {
  let folder: string;
  let server: Server;
  /** Questions that wait for their answers, by what they ask for. */
  let asked: Map<string, ServerResponse>;
  let cameAll: () => void;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-asked-"));
    asked = new Map();
    server = createServer(({ url = "" }, response) => {
      asked.set(url.replace(/^.*\//, "").replace(/\?.*/, ""), response);
      if (asked.size === 3) cameAll();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const cluster = { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const document = {
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster }],
      users: [{ name: "u", user: {} }],
    };
    writeFileSync(join(folder, "config"), JSON.stringify(document));
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  function config(): SiteConfig {
    const settings: Readonly<Record<string, string>> = {
      ...{ shared: "organization/dns-mesh/shared", context: "c", kubeconfig: join(folder, "config") },
      service: JSON.stringify({ ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] }),
    };
    const parsed = parseStackConfig({ get: (key) => settings[key] }, "site-a");
    if (parsed.kind !== "site") throw new Error("these are settings of a site");
    return parsed.site;
  }

  it("is asked at the same time, and the first that is wrong is named", async () => {
    const all = new Promise<void>((resolve) => (cameAll = resolve));
    const outcome = requireUsableCluster(config()).catch((error: unknown) => String(error));
    await all;
    expect([...asked.keys()].sort()).to.deep.equal(["persistentvolumeclaims", "services", "storageclasses"]);
    for (const name of ["services", "storageclasses", "persistentvolumeclaims"]) {
      const response = asked.get(name)!;
      response.statusCode = 418;
      response.end(JSON.stringify({ message: `no ${name}` }));
    }
    expect(await outcome).to.match(/UserError: .*(persistentvolumeclaims|storageclasses).* cannot be listed/);
  });

  it("is nothing that stops it where the cluster has it", async () => {
    const all = new Promise<void>((resolve) => (cameAll = resolve));
    const outcome = requireUsableCluster(config());
    await all;
    for (const response of asked.values())
      response.end(JSON.stringify({ items: [], metadata: { resourceVersion: "1" } }));
    expect(await outcome).to.equal(join(folder, "config"));
  });
});
