import { inVault, inVaultByJwt, signed, withKeyOfPrimary, withRootThatSigns, withSecondRoot } from "./bases";
import { all, dnssec, type Edit, entry, list, type SettingChange, shared, within, zone } from "./change";

const runOn = { knot: "run on", operator: "run on" } as const;
const everything = { knot: "restart", operator: "run on", isMeshWide: true } as const;
const farFuture = "2999-12-31";

const newcomer = {
  name: "newcomer",
  role: "standard" as const,
  addresses: ["203.0.113.4"],
  sources: ["203.0.113.4/32"],
  zones: ["newcomer.example"],
};

/** One more zone of the site. */
function moreZone(changes: Readonly<Record<string, unknown>> = {}): Edit {
  return entry(({ zones }) => ({ zones: [...zones, { name: "more.example", ...changes }] }));
}

/** It leaves in two steps, the first of which its owner takes note of by an `up` of its own. */
const retireMore: Edit = (told, surroundings) => moreZone({ retired: surroundings.today })(told, surroundings);

/** Fields of what the shared stack is told of Vault. */
export function vault(changes: Readonly<Record<string, unknown>>): Edit {
  return shared((_, told) => ({ vault: { ...(told.shared["vault"] as object), ...changes } }));
}

const zoneFile = `$TTL 3600
@ SOA ns1.example. hostmaster.example. 1 3600 600 86400 60
@ NS ns1.example.
`;

/** Each setting of the shared stack that can be changed; at a site, what its own stack makes of it. */
export const sharedChanges: readonly SettingChange[] = [
  {
    name: "mesh.sites",
    to: (told) => ({ ...told, mesh: { ...told.mesh, sites: [...told.mesh.sites, newcomer] } }),
    ...runOn,
  },
  { name: "mesh.sites[].role", to: entry(() => ({ role: "standard" })), ...runOn },
  {
    name: "mesh.sites[].addresses",
    to: all(
      entry((_, { addresses }) => ({ addresses })),
      within("service", ({ addresses: [, other] }) => ({ externalIPs: [other] })),
    ),
    ...runOn,
    note: "one more address; clients follow at their own pace when one goes",
  },
  {
    name: "mesh.sites[].found",
    to: entry(({ addresses }) => ({ addresses: "auto", found: addresses })),
    // With it `verifyAddress` cannot be off.
    alone: true,
    ...runOn,
    note: "from addresses written by hand to the same ones of a load balancer",
  },
  {
    name: "mesh.sites[].sources",
    to: entry(({ sources }) => ({ sources: [...sources, "203.0.113.0/24"] })),
    ...runOn,
  },
  { name: "mesh.sites[].nameServer", to: entry(() => ({ nameServer: "ns.changed.test" })), ...runOn },
  {
    name: "mesh.sites[].zones",
    covers: ["mesh.sites[].zones", "mesh.sites[].zones[]", "mesh.sites[].zones[].name"],
    to: moreZone(),
    back: [retireMore, retireMore],
    ...runOn,
    note: "a zone comes at once, it goes in two steps",
  },
  {
    name: "mesh.sites[].zones[].dnssec",
    to: signed.into,
    ...(signed.out && { back: signed.out }),
    ...runOn,
    note: "off in two steps",
  },
  {
    name: "mesh.sites[].zones[].dnssec.nsec3",
    basis: signed,
    to: dnssec({ nsec3: true }),
    ...runOn,
  },
  {
    name: "mesh.sites[].zones[].dnssec.parents",
    basis: signed,
    to: dnssec({ parents: ["203.0.113.53"] }),
    ...runOn,
  },
  {
    name: "mesh.sites[].zones[].dnssec.withdraw",
    basis: signed,
    to: dnssec({ withdraw: true }),
    ...runOn,
  },
  {
    name: "mesh.sites[].zones[].zoneFile",
    to: zone({ zoneFile }),
    ...runOn,
    note: "counts when the zone is new",
  },
  {
    name: "mesh.sites[].zones[].records",
    covers: ["mesh.sites[].zones[].records.*"],
    to: zone({ records: [{ name: "www", type: "A", value: "192.0.2.1" }] }),
    alone: true,
    ...runOn,
    note: "count when the zone is new",
  },
  {
    name: "mesh.sites[].zones[].primaries",
    covers: ["mesh.sites[].zones[].primaries", "mesh.sites[].zones[].primaries[].*"],
    basis: withKeyOfPrimary,
    to: zone({ primaries: [{ address: "192.0.2.53", key: "legacy" }] }),
    ...runOn,
  },
  { name: "mesh.sites[].zones[].nameServers", to: zone({ nameServers: "catalog" }), ...runOn },
  { name: "mesh.sites[].zones[].retired", to: zone({ retired: farFuture }), ...runOn },
  { name: "mesh.sites[].retired", to: entry(() => ({ retired: farFuture })), ...runOn },
  {
    name: "mesh.sites[].vault.serviceAccountKeys",
    basis: inVault,
    to: inVaultByJwt.into,
    knot: "restart",
    operator: "run on",
    note: "from AppRole to tokens of the cluster and back",
  },
  { name: "mesh.nameServers", to: list({ nameServers: "all" }), ...runOn, note: "takes no `up` of owners" },
  { name: "mesh.topology", to: list({ topology: "hub" }), ...runOn },
  {
    name: "mesh.transport",
    to: list({ transport: "quic" }),
    ...everything,
    note: "QUIC or TLS need sockets of their own",
  },
  { name: "keys.generation", to: shared({ keys: { generation: 2 } }), ...runOn },
  { name: "ca.generation", to: withSecondRoot.into, ...runOn },
  { name: "ca.signing", basis: withSecondRoot, to: withRootThatSigns.into, ...runOn },
  {
    name: "ca.oldest",
    basis: withRootThatSigns,
    to: shared({ ca: { generation: 2, signing: 2, oldest: 2 } }),
    ...runOn,
  },
  { name: "epoch", to: shared({ epoch: 2 }), ...runOn, note: "never goes back by itself" },
  { name: "emptied", to: shared({ emptied: ["gone.example"] }), ...runOn },
  { name: "protect", to: shared({ protect: "false" }), ...runOn },
  {
    name: "vault",
    covers: ["vault.address"],
    to: inVault.into,
    ...everything,
    note: "keys and certificates come from elsewhere",
  },
  { name: "vault.mount", basis: inVault, to: vault({ mount: "dns-mesh-2" }), alone: true, ...runOn },
  { name: "vault.audience", basis: inVaultByJwt, to: vault({ audience: "dns-mesh" }), ...everything },
  {
    name: "vault.caCert",
    basis: inVault,
    to: shared(({ authority }, told) => ({ vault: { ...(told.shared["vault"] as object), caCert: authority } })),
    ...runOn,
  },
  { name: "certificates", basis: inVault, to: shared({ certificates: "pulumi" }), ...everything },
  {
    name: "rotation",
    covers: ["rotation.*"],
    basis: inVault,
    to: shared({ rotation: { every: "10d", patience: "1h", overlap: "1h" } }),
    ...runOn,
  },
];
