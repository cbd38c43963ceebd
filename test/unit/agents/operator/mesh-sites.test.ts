import { expect } from "chai";
import { MeshSites } from "../../../../src/agents/operator/mesh-sites";
import { DnsClient } from "../../../../src/dns/client/dns-client";
import { parseMesh } from "../../../../src/settings/parse";
import { welcomePacket } from "../../../../src/mesh/welcome";

describe("MeshSites, before the mesh can be read", () => {
  const now = () => Date.parse("2026-11-25T12:00:00Z");

  function since(zoneDate?: string, siteDate?: string): string | undefined {
    const zones = [{ name: "z.example", retired: zoneDate }];
    const site = { name: "a", role: "primary-catalog", addresses: ["192.0.2.1"], zones, retired: siteDate };
    const mesh = parseMesh({ directoryZone: "dns.internal", catalogZone: "catalog.internal.dns", sites: [site] });
    const dns = new DnsClient();
    const key = { name: "local", algorithm: "hmac-sha256", secret: "" } as const;
    const writer = { address: "127.0.0.1", port: 1 };
    const packet = welcomePacket(mesh, "a", "CA");
    return new MeshSites({ packet, dns, peerDns: dns, writer, key, remotePort: 1, awayMs: 0, now }).retiredSince(
      "z.example",
    );
  }

  it("goes by the packet: a zone is retired with its own day or its site's, from that day on", () => {
    expect(since()).to.equal(undefined);
    expect(since("2026-11-26")).to.equal(undefined);
    expect(since("2026-11-25")).to.equal("2026-11-25");
    expect(since(undefined, "2026-11-20")).to.equal("2026-11-20");
    expect(since("2026-11-26", "2026-11-20")).to.equal("2026-11-20");
    expect(since("2026-11-10", "2026-11-20")).to.equal("2026-11-10");
  });
});
