/** Names and numbers that the site's objects agree on. Agents, policies and tests rely on them. */

/** Labels that a site's Knot pods carry. */
export const knotLabels = { "app.kubernetes.io/name": "knot", "app.kubernetes.io/part-of": "dns-mesh" } as const;

/** Labels of the reconciler's pods. */
export const reconcilerLabels = {
  "app.kubernetes.io/name": "reconciler",
  "app.kubernetes.io/part-of": "dns-mesh",
} as const;

/** Labels of the rotator's pods. */
export const rotatorLabels = {
  "app.kubernetes.io/name": "key-rotator",
  "app.kubernetes.io/part-of": "dns-mesh",
} as const;

/** Labels of the record operator's pods. */
export const operatorLabels = {
  "app.kubernetes.io/name": "record-operator",
  "app.kubernetes.io/part-of": "dns-mesh",
} as const;

/** Labels of the pods that back up, restore and drill. */
export const backupLabels = {
  "app.kubernetes.io/name": "backup",
  "app.kubernetes.io/part-of": "dns-mesh",
} as const;

/** Labels of the resolver's pods. */
export const resolverLabels = {
  "app.kubernetes.io/name": "resolver",
  "app.kubernetes.io/part-of": "dns-mesh",
} as const;

/** What a pod of a site is, by its label `app.kubernetes.io/name`. */
export type PodName = (
  | typeof knotLabels
  | typeof reconcilerLabels
  | typeof rotatorLabels
  | typeof operatorLabels
  | typeof backupLabels
  | typeof resolverLabels
)["app.kubernetes.io/name"];

/** Labels of everything that is no pod. */
export const commonLabels = { "app.kubernetes.io/part-of": "dns-mesh" } as const;

/** Ports inside a Knot pod: unprivileged, since nothing there runs as root. */
export const podPorts = { dns: 5353, secure: 8853, http: 8053 } as const;

/** Where files stand inside the pods. */
export const paths = {
  storage: "/storage",
  rundir: "/rundir",
  config: "/etc/dns-mesh",
  keys: "/etc/dns-mesh-keys",
  localKey: "/etc/dns-mesh-local-key",
  readers: "/etc/dns-mesh-readers",
  updaters: "/etc/dns-mesh-updaters",
  recordsKey: "/etc/dns-mesh-records-key",
  zoneKeys: "/etc/dns-mesh-zone-keys",
  zoneKeysSeal: "/etc/dns-mesh-zone-keys-seal",
  tls: "/etc/dns-mesh-tls",
  vaultToken: "/var/run/secrets/dns-mesh-vault",
  appRole: "/etc/dns-mesh-approle",
  central: "/etc/dns-mesh-central",
  bundle: "/bundle",
  backup: "/backup",
  backupToken: "/etc/dns-mesh-backup-token",
  backupPassword: "/etc/dns-mesh-backup-password",
  backupStorage: "/etc/dns-mesh-backup-storage",
  restic: "/restic",
  scratch: "/scratch",
  resolver: "/resolver",
  resolverTls: "/etc/dns-mesh-resolver-tls",
  pod: "/etc/dns-mesh-pod",
} as const;

/** Names of the ConfigMaps, Secrets and accounts that pods refer to. */
export const objects = {
  config: "knot-config",
  keys: "tsig-key-ring",
  localKey: "tsig-local-key",
  readers: "tsig-readers",
  updaters: "tsig-updaters",
  recordsKey: "tsig-records",
  zoneKeys: "zone-keys",
  zoneKeysSeal: "zone-keys-seal",
  tls: "knot-tls",
  issuer: "mesh-issuer",
  appRole: "vault-approle",
  rotatorAppRole: "vault-approle-rotator",
  agentBundle: "agent-bundle",
  reconcilerBundle: "reconciler-bundle",
  rotatorBundle: "key-rotator-bundle",
  operatorBundle: "record-operator-bundle",
  backupBundle: "backup-bundle",
  resolverBundle: "resolver-bundle",
  backupToken: "backup-token",
  backupPassword: "backup-password",
  backupStorage: "backup-storage",
  status: "mesh-status",
  peerPolicy: "knot-peers",
  listedPolicy: "knot-listed",
  denyPolicy: "default-deny",
} as const;

/** Annotation of pod 0 by which a change of an own zone is let through, and the file that it is mounted as. */
export const letThrough = { annotation: "dns.mesh.io/let-through", file: "let-through" } as const;

/** ConfigMap that holds one part of the central zones. */
export function centralZonesName(part: number): string {
  return `central-zones-${part}`;
}
