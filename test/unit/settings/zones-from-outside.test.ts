import { expect } from "chai";

import type { Reader } from "../../../src/keyring/reader";
import type { Zone } from "../../../src/mesh/model";
import type { Updater } from "../../../src/records/updater";
import { requireOwnZones, requirePrimaries, requireReadable } from "../../../src/settings/updaters";

describe("settings of a site with a zone from outside", () => {
  const zones: readonly Zone[] = [
    { name: "own.example", dnssec: false },
    { name: "legacy.example", dnssec: false, primaries: [{ address: "192.0.2.53", key: "legacy" }] },
  ];
  const site = { name: "site-a", zones };
  const reader = { name: "legacy" } as Reader;

  it("need the primary's key among the readers, and the guard", () => {
    const at = (readers: readonly Reader[], zoneGuard: unknown) => () => {
      requirePrimaries({ readers, zoneGuard }, site);
    };
    expect(at([], {})).to.throw(
      /"legacy\.example" is taken from 192\.0\.2\.53 by the key "legacy", which is not among dns-mesh:readers of site-a/,
    );
    expect(at([reader], false)).to.throw(/dns-mesh:zoneGuard of site-a is off/);
    requirePrimaries({ readers: [reader], zoneGuard: {} }, site);
    requirePrimaries({ readers: [], zoneGuard: false }, { ...site, zones: zones.slice(0, 1) });
  });

  it("let no updater change it", () => {
    const updater = (zone: string) => ({ name: "u", zones: [zone] }) as unknown as Updater;
    const at = (zone: string) => () => {
      requireOwnZones({ readers: [], updaters: [updater(zone)] }, site);
    };
    expect(at("legacy.example")).to.throw(
      /updaters\[0\]\.zones\[0\]: "legacy\.example" is taken from its primaries outside/,
    );
    at("own.example")();
  });
});

describe("settings of a site with readers over TLS", () => {
  const readers = [{ name: "plain" }, { name: "provider", tls: ["192.0.2.53/32"] }];

  it("need a mesh that speaks it", () => {
    expect(() => {
      requireReadable({ readers }, "tcp");
    }).to.throw(/dns-mesh:readers\[1\]\.tls: "provider" would take zones over TLS, which no site has/);
    for (const transport of ["tls", "quic"] as const) requireReadable({ readers }, transport);
    requireReadable({ readers: readers.slice(0, 1) }, "tcp");
  });
});
