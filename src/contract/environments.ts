import {
  environmentOf,
  list,
  milliseconds,
  podField,
  seconds,
  socket,
  sockets,
  text,
  wholeNumber,
} from "./environment";

/** What each of our programs is told by its environment: written by the site's stack, and read by the program at its start. */

/** Welcome packet and the site's own key, JSON files. What else the stack says of a site stands beside the packet. */
const packetFile = text("DNS_MESH_PACKET");
const common = { packetFile, localKeyFile: text("DNS_MESH_LOCAL_KEY") };
const pod = podField("DNS_MESH_POD", "metadata.name");
const namespace = podField("DNS_MESH_NAMESPACE", "metadata.namespace");

/** Of the agent beside Knot. */
export const agentEnvironment = environmentOf(
  {
    ...common,
    /** Key ring, a JSON file. */
    ringFile: text("DNS_MESH_KEYS"),
    storage: text("DNS_MESH_STORAGE"),
    rundir: text("DNS_MESH_RUNDIR"),
    /** Where this pod's Knot answers. */
    knot: socket("DNS_MESH_KNOT"),
    /** What Knot binds, and what it binds for TLS and QUIC. */
    listen: sockets("DNS_MESH_LISTEN"),
    secureListen: sockets("DNS_MESH_LISTEN_SECURE"),
    /** Where the agent's own HTTP server listens. */
    http: socket("DNS_MESH_HTTP"),
    pod,
    servedSeconds: seconds("DNS_MESH_SERVED_SECONDS", { missing: 0, least: 0, most: 999_999 }),
    answeringSeconds: seconds("DNS_MESH_ANSWERING_SECONDS", { missing: 0, least: 0, most: 999_999 }),
    /** For how long another site may answer another version of an own zone. */
    disagreeMs: milliseconds("DNS_MESH_DISAGREE_SECONDS", { missing: 300, most: 86_400 }),
  },
  {
    readersFile: text("DNS_MESH_READERS"),
    updatersFile: text("DNS_MESH_UPDATERS"),
    recordsKeyFile: text("DNS_MESH_RECORDS_KEY"),
    vaultFile: text("DNS_MESH_VAULT"),
    zoneKeysFile: text("DNS_MESH_ZONE_KEYS"),
    zoneKeysSealFile: text("DNS_MESH_ZONE_KEYS_SEAL"),
    tlsFolder: text("DNS_MESH_TLS"),
    centralFolder: text("DNS_MESH_CENTRAL"),
    backupTokenFile: text("DNS_MESH_BACKUP_TOKEN"),
    letThroughFile: text("DNS_MESH_LET_THROUGH"),
  },
);

/** Folder with the API server's root certificate and a token. */
const account = text("DNS_MESH_ACCOUNT");

/** Of the reconciler. */
export const reconcilerEnvironment = environmentOf({ ...common, namespace, pod }, { account });

/** Of the key rotator. */
export const rotatorEnvironment = environmentOf(
  {
    ...common,
    /** How to reach Vault, a JSON file. */
    vaultFile: text("DNS_MESH_VAULT"),
  },
  {},
);

/** Of the record operator. */
export const operatorEnvironment = environmentOf(
  {
    ...common,
    /** The key by which zones are changed, a JSON file. */
    recordsKeyFile: text("DNS_MESH_RECORDS_KEY"),
    /** Where our own HTTP server listens. */
    http: socket("DNS_MESH_HTTP"),
    /** Further namespaces whose DnsRecords are served; `*` for all. */
    namespaces: list("DNS_MESH_NAMESPACES"),
    namespace,
    pod,
    /** Between looks for changes that others made. */
    lookMs: milliseconds("DNS_MESH_LOOK_SECONDS", { missing: 5, most: 60 }),
    /** After which a silent site is away. */
    awayMs: milliseconds("DNS_MESH_AWAY_SECONDS", { missing: 30, most: 86_400 }),
    /** What may be probed for DnsPools, each as `NETWORK@PORT` or `NETWORK@PORT-PORT`; nothing without one. */
    probes: list("DNS_MESH_PROBES"),
    /** Probes a second at the most. */
    probesPerSecond: wholeNumber("DNS_MESH_PROBES_PER_SECOND", { missing: 500, most: 10_000 }),
    /** Without a sign of life after which another replica leads. */
    leaseSeconds: seconds("DNS_MESH_LEASE_SECONDS", { missing: 15, most: 3600 }),
  },
  { account },
);

/** Of the program that backs up, restores and drills. */
export const backupEnvironment = environmentOf(
  {
    packetFile,
    /** What restic calls the repository, for example `s3:https://s3.example.com/bucket/site-a`. */
    repository: text("DNS_MESH_BACKUP_REPOSITORY"),
    /** The repository's password, a file. */
    passwordFile: text("DNS_MESH_BACKUP_PASSWORD"),
    /** Folder of `access-key` and `secret-key`. */
    storageFolder: text("DNS_MESH_BACKUP_STORAGE"),
    /** What shows the agent that a request is the backup's. */
    tokenFile: text("DNS_MESH_BACKUP_TOKEN"),
    /** The program restic. */
    restic: text("DNS_MESH_RESTIC"),
    /** Where a backup is taken from and a restore goes to, a folder of pod 0's volume; where a drill works. */
    folder: text("DNS_MESH_BACKUP_FOLDER"),
    /** Rules of `restic forget`, such as `keep-daily=7`; nothing is ever forgotten without one. */
    retention: list("DNS_MESH_BACKUP_RETENTION"),
    /** After which one command of restic is given up. */
    patienceMs: milliseconds("DNS_MESH_BACKUP_PATIENCE_SECONDS", { missing: 1800, most: 86_400 }),
    /** After which a storage that does not answer is given up. */
    awayMs: milliseconds("DNS_MESH_BACKUP_AWAY_SECONDS", { missing: 300, most: 86_400 }),
  },
  {
    /** PEM of the roots that the storage's certificate is checked against. */
    caFile: text("DNS_MESH_BACKUP_CA"),
    region: text("DNS_MESH_BACKUP_REGION"),
    /** Where a drill's Knot answers. */
    drillDns: socket("DNS_MESH_DRILL_DNS"),
    /** ISO 8601: the last backup up to then is restored, and counts more than what other sites hold. */
    at: text("DNS_MESH_RESTORE_AT"),
  },
);

/** Of the agent beside Knot Resolver. */
export const resolverEnvironment = environmentOf(
  {
    ...common,
    /** What both containers of a pod see: `resolverFiles` says what is where. */
    folder: text("DNS_MESH_RESOLVER_FOLDER"),
    /** Where Knot Resolver answers. */
    listen: sockets("DNS_MESH_RESOLVER_LISTEN"),
    /** Where the agent's own HTTP server listens. */
    http: socket("DNS_MESH_HTTP"),
    /** Resolvers that are asked for names outside the mesh; none to begin at the root. */
    upstreams: list("DNS_MESH_UPSTREAMS"),
    /** The same, for those whose answers are not validated. */
    unvalidatedUpstreams: list("DNS_MESH_UNVALIDATED_UPSTREAMS"),
    cacheMiB: wholeNumber("DNS_MESH_CACHE_MIB", { missing: 64, most: 4096 }),
    /** Between looks at directory and catalog. */
    lookMs: milliseconds("DNS_MESH_LOOK_SECONDS", { missing: 2, most: 60 }),
    /** Between looks at the keys of a zone. */
    keysMs: milliseconds("DNS_MESH_ZONE_KEYS_SECONDS", { missing: 60, most: 3600 }),
  },
  {
    /** Where it answers over TLS, and the folder of `tls.crt` and `tls.key`. */
    tlsListen: sockets("DNS_MESH_RESOLVER_LISTEN_TLS"),
    tlsFolder: text("DNS_MESH_RESOLVER_TLS"),
  },
);

/** The options that an environment holds. */
export type OptionsOf<E> = E extends { readonly fromEnvironment: (...of: never) => infer Options } ? Options : never;
