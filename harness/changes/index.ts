import { inVault } from "./bases";
import { type RefusedChange, type SettingChange, site, type UnchangedSetting } from "./change";
import { sharedChanges, vault } from "./shared-changes";
import { siteChanges } from "./site-changes";

export * from "./change";

/** What becomes of the settings of one kind of stack; each setting is in one of the three. */
export interface Catalogue {
  /** In `docs/changing-settings.md`. */
  readonly heading: string;
  readonly changes: readonly SettingChange[];
  readonly refused: readonly RefusedChange[];
  readonly unchanged: readonly UnchangedSetting[];
}

/** Settings of a site's stack. */
export const ofSite: Catalogue = {
  heading: "Settings of a site's stack",
  changes: siteChanges,
  refused: [
    {
      name: "namespace",
      to: site({ namespace: "elsewhere" }),
      says: /dns-mesh:namespace is "elsewhere"/,
      note: "other objects: a site of its own",
    },
    { name: "site", to: site({ site: "newcomer" }), says: /newcomer/, note: "another site" },
    {
      name: "storageClass",
      to: site({ storageClass: "fast" }),
      says: /storageClass/,
      note: "volumes stay in their class",
    },
  ],
  unchanged: [
    { name: "shared", note: "names the mesh that the site is in" },
    {
      name: "adopt",
      covers: ["adopt", "madeKeys.*"],
      note: "with `madeKeys`: for a stack whose state was lost ([runbook](runbooks/site-state-lost.md)), where they restart nothing",
    },
  ],
};

/** Settings of the shared stack. */
export const ofShared: Catalogue = {
  heading: "Settings of the shared stack",
  changes: sharedChanges,
  refused: [
    {
      name: "vault.createMount",
      basis: inVault,
      to: vault({ createMount: false }),
      says: /dns-mesh:vault.createMount is false, and this stack has made/,
      note: "from `true` to `false`: the stack would take its mounts out of Vault",
    },
  ],
  unchanged: [
    {
      name: "mesh.directoryZone",
      covers: ["mesh.directoryZone", "mesh.catalogZone"],
      note: "with `mesh.catalogZone`: what every site begins with; another mesh",
    },
    {
      name: "recovered",
      covers: ["recovered.*", "recoveredRing"],
      note: "with `recoveredRing`: for a stack whose state was lost ([runbook](runbooks/shared-state-lost.md)), where they restart nothing; refused while in use",
    },
    { name: "mesh.sites[].name", note: "another site" },
    { name: "mesh.sites[].vault.namespace", note: "must be the site's, which cannot be changed" },
  ],
};
