import { zoneFileName } from "../../base/names";
import { memberId } from "../../mesh/catalog";

/** Folders on the volume of a Knot pod, relative to it. Knot includes every file of the first two. */
export const volumeFolders = {
  peers: "conf/peers.d",
  zoneStanzas: "conf/zones.d",
  zones: "zones",
  databases: "db",
  mesh: "mesh",
  backup: "backup",
} as const;

/** Files of Knot's configuration and identity that the agent renders, relative to the volume. */
export const volumeFiles = {
  keys: "conf/keys.conf",
  cookies: "conf/cookies.conf",
  /** The rate limit, and the modules of all zones. */
  limits: "conf/limits.conf",
  ownStanzas: `${volumeFolders.zoneStanzas}/own.conf`,
  formerStanzas: `${volumeFolders.zoneStanzas}/former.conf`,
  /** The site's certificate with its key. */
  certificate: "tls/site.pem",
  /** Certificates of the authorities. */
  roots: "tls/roots.pem",
} as const;

/** Where a zone's file stands, relative to the volume. */
export function zoneFileOf(zone: string): string {
  return `${volumeFolders.zones}/${zoneFileName(zone)}`;
}

/**
 * The layout of a Knot pod's volume, in one place: Knot's configuration, zone files and databases, and under `mesh` what the
 * agent keeps for itself. All paths are absolute.
 */
export class KnotVolume {
  /** @param root - Where the volume is mounted. */
  constructor(readonly root: string) {}

  /** A path that is given relative to the volume. */
  at(path: string): string {
    return `${this.root}/${path}`;
  }

  /** Folders that must be there before Knot starts. */
  get folders(): readonly string[] {
    return Object.values(volumeFolders).map((folder) => this.at(folder));
  }

  /** Knot's stanzas for the site's own zones: shows that the volume was prepared before. */
  get ownStanzas(): string {
    return this.at(volumeFiles.ownStanzas);
  }

  /** Those of zones that were the site's own; missing where there are none. */
  get formerStanzas(): string {
    return this.at(volumeFiles.formerStanzas);
  }

  zoneFile(zone: string): string {
    return this.at(zoneFileOf(zone));
  }

  /** Knot's journal, a folder. */
  get journal(): string {
    return this.at(`${volumeFolders.databases}/journal`);
  }

  /** Knot's key database (KASP), a folder. */
  get keys(): string {
    return this.at(`${volumeFolders.databases}/keys`);
  }

  /** A key database that gave way to a newer copy. */
  get formerKeys(): string {
    return this.at(`${volumeFolders.databases}/keys.former`);
  }

  /** Which copy of the key database was made last. */
  get keptKeys(): string {
    return this.at(`${volumeFolders.mesh}/kept-keys.json`);
  }

  /** What the agent keeps over restarts. */
  get state(): string {
    return this.at(`${volumeFolders.mesh}/state.json`);
  }

  /** Written, and taken away, to see whether the volume can be written. */
  get probe(): string {
    return this.at(`${volumeFolders.mesh}/.writable`);
  }

  /** First content of an own zone, until Knot has loaded it. */
  firstContent(zone: string): string {
    return this.at(`${volumeFolders.mesh}/first/${zoneFileName(zone)}`);
  }

  /** A zone's file that Knot could not load. */
  damagedContent(zone: string): string {
    return this.at(`${volumeFolders.mesh}/damaged/${zoneFileName(zone)}`);
  }

  /** Last contents of zones that are no longer the site's own, a folder. */
  get formerContents(): string {
    return this.at(`${volumeFolders.mesh}/former`);
  }

  /** One of them. */
  formerContent(zone: string): string {
    return `${this.formerContents}/${zoneFileName(zone)}`;
  }

  /** What a backup is made of, and what a restore brings: the one folder that the backup's pods see. */
  get backup(): string {
    return this.at(volumeFolders.backup);
  }

  /** What is known of backups and drills. */
  get backupFacts(): string {
    return this.at(`${volumeFolders.mesh}/backups.json`);
  }

  /** Key ring, where it comes from Vault. */
  get ring(): string {
    return this.at(`${volumeFolders.mesh}/ring.json`);
  }

  /** Folder of certificate, key and roots, where they come from Vault. */
  get identity(): string {
    return this.at(`${volumeFolders.mesh}/tls`);
  }
}

/** Knot's control socket. */
export function controlSocket(rundir: string): string {
  return `${rundir}/knot.sock`;
}

/** Files by which Knot, the agent that judges its changes, and what stands in for a lost agent know of each other. */
export class GuardFiles {
  readonly folder: string;

  constructor(rundir: string) {
    this.folder = `${rundir}/guard`;
  }

  /** When the agent was last seen to judge changes, in seconds since 1970. */
  get alive(): string {
    return `${this.folder}/alive`;
  }

  /** Written whenever a change begins to wait; `%s` stands for the zone in Knot's own words. */
  removals(zone = "%s"): string {
    return `${this.folder}/${zoneFileName(zone).replace(/zone$/, "removals")}`;
  }
}

/** Where Knot writes everything that it says of zones; the agent passes on what matters. */
export function zonesLog(rundir: string): string {
  return `${rundir}/zones.log`;
}

/**
 * Socket at which the agent takes a connection of Knot's to another server and hands it on, octet for octet.
 *
 * @param id - Knot's id of that server; a long one gives way to a hash, since a socket's path has 107 octets at the most.
 */
export function relaySocket(rundir: string, id: string): string {
  return `${rundir}/to/${id.length <= 32 ? id : memberId(id).slice(0, 32)}`;
}
