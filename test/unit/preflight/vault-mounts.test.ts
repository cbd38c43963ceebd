import { expect } from "chai";
import { requireMountsKept } from "../../../src/preflight/vault-mounts";
import type { VaultConfig } from "../../../src/settings/shared-settings";

const vault = (changes: Partial<VaultConfig>): VaultConfig => ({
  ...{ address: "https://vault.example", mount: "dns-mesh", createMount: true, audience: "vault" },
  ...changes,
});

describe("mounts in Vault that the stack has made", () => {
  const former = { vaultMounts: ["dns-mesh", "dns-mesh-pki"] };

  it("are not given away by a setting, which would delete them with key ring and roots", () => {
    expect(() => {
      requireMountsKept(vault({ createMount: false }), former);
    }).to.throw(/has made dns-mesh and dns-mesh-pki: it would delete them.*set createMount to true/);
  });

  for (const [when, config, before] of [
    ["it goes on making them", vault({}), former],
    ["others made them", vault({ createMount: false }), {}],
    ["it comes to mounts of others", vault({ createMount: false, mount: "elsewhere" }), former],
    ["it was never brought up", vault({ createMount: false }), undefined],
    ["it leaves Vault as a whole", undefined, former],
  ] as const) {
    it(`are none of its business when ${when}`, () => {
      expect(() => {
        requireMountsKept(config, before);
      }).to.not.throw();
    });
  }
});
