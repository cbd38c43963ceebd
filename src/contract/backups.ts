import * as z from "zod/mini";

import { zoneFileName } from "../base/names";
import { listOf, objectOf, plainText, readShape, type Shape } from "../base/shape";

/** What the backup's program and the agent beside Knot agree on. */

/** Folders and files below the backup's folder of the volume. */
export const backupParts = {
  /** What the agent is making; nobody else reads it. */
  draft: "new",
  /** What was made last and is to be pushed. */
  current: "current",
  /** Where a restore puts what it brings, and its name once that is complete. */
  incoming: "incoming",
  restored: "restored",
  /** What is left of one that is in use, until it is removed. */
  taken: "taken",
} as const;

/** CronJobs of a site with backups. The last never runs by itself: restores are made from it. */
export const backupJobs = { backup: "backup", drill: "backup-drill", restore: "backup-restore" } as const;

/** What a backup consists of: what Knot wrote, last contents of zones that left the site, which copy of its keys that is, and what it is. */
export const backupFiles = {
  knot: "knot",
  former: "former",
  keysNote: "kept-keys.json",
  manifest: "manifest.json",
} as const;

/** A zone's file in what Knot writes, which does not depend on how Knot is configured. */
export function backedUpZone(zone: string): string {
  return `${backupFiles.knot}/zonefiles/${zoneFileName(zone)}`;
}

/** Knot's key database in what Knot writes, a folder. */
export const backedUpKeys = `${backupFiles.knot}/keys`;

/** Classes of failures, for metrics and alerts. */
export const failureReasons = [
  "agent",
  "credentials",
  "password",
  "unreachable",
  "untrusted",
  "missing",
  "full",
  "locked",
  "damaged",
  "different",
  "other",
] as const;

const moment = plainText.check(z.regex(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, "must be an ISO 8601 time"));
const count = z.int("must be a whole number").check(z.gte(0, "must be at least 0"));
const failure = objectOf({
  at: moment,
  reason: z.enum(failureReasons, "must be a known reason"),
  message: plainText,
});

const manifest = objectOf({
  site: plainText,
  at: moment,
  /** Each zone that Knot wrote, with its serial there and, where Knot answered the same serial, the digest of what it answered. */
  zones: listOf(objectOf({ zone: plainText, serial: count, digest: z.exactOptional(plainText) })),
  /** Ids of the private keys. */
  keys: listOf(plainText),
  /** Files of zones that left the site, with the SHA-256 of each. */
  former: z.exactOptional(listOf(objectOf({ file: plainText, digest: plainText }))),
});

/** What a backup is, beside its files. */
export type BackupManifest = Shape<typeof manifest>;

const made = objectOf({
  zones: count,
  /** The repository that earlier backups went to: one that is gone must not quietly be made anew. */
  repository: z.exactOptional(plainText),
});

/** What the agent answers when it has made one. */
export type BackupMade = Shape<typeof made>;

const report = z.discriminatedUnion(
  "kind",
  [
    objectOf({
      kind: z.literal("backup"),
      at: moment,
      repository: plainText,
      snapshot: plainText,
      zones: count,
      /** Octets of the backup, and those that it added to what is stored. */
      size: count,
      added: count,
      seconds: z.number(),
      /** Why nothing old was removed although it is due; the storage may not let it. */
      notPruned: z.exactOptional(plainText),
    }),
    objectOf({
      kind: z.literal("drill"),
      at: moment,
      snapshot: plainText,
      /** When the backup was made that was restored. */
      madeAt: moment,
      zones: count,
      /** Zones that had no digest to be compared with: they changed all the time while the backup was made. */
      withoutDigest: count,
      seconds: z.number(),
    }),
    objectOf({ kind: z.literal("failure"), of: z.enum(["backup", "drill"]), failure }),
  ],
  "must be a report",
);

/** What a run of the program reports to the agent. */
export type BackupReport = Shape<typeof report>;

const facts = objectOf({
  backup: z.exactOptional(z.unknown()),
  drill: z.exactOptional(z.unknown()),
  failures: z.exactOptional(objectOf({ backup: z.exactOptional(failure), drill: z.exactOptional(failure) })),
});

/** What the agent knows of backups: the last good ones, and what failed since. */
export interface BackupFacts {
  readonly backup?: Extract<BackupReport, { kind: "backup" }>;
  readonly drill?: Extract<BackupReport, { kind: "drill" }>;
  readonly failures: { readonly backup?: Shape<typeof failure>; readonly drill?: Shape<typeof failure> };
}

const restored = objectOf({
  snapshot: plainText,
  /** When the backup was made. */
  at: moment,
  /** Whether its content counts more than newer ones. */
  forced: z.boolean(),
  /** Zones that began with it or wait for other servers to do so: it stays until each of them has a content, and none is put back. */
  begun: z.exactOptional(listOf(plainText)),
  /** Zones that are being put back, with the serial that each one's file gets: whoever goes on after a restart knows it by that. */
  loading: z.exactOptional(listOf(objectOf({ zone: plainText, serial: count }))),
});

/** What stands beside a restored backup. */
export type RestoreOrder = Shape<typeof restored>;

/** File with the {@link RestoreOrder}, beside the backup's own. */
export const orderFile = "restore.json";

const restoreResult = objectOf({
  snapshot: plainText,
  /** Why not all of it is in use, a sentence; missing when it is. */
  refused: z.exactOptional(plainText),
});

/** What became of a backup that a restore put onto the volume. */
export type RestoreResult = Shape<typeof restoreResult>;

/** File with the {@link RestoreResult} in the backup's folder, which outlives the backup. */
export const resultFile = "restore-result.json";

/** @throws UserError that names the field. */
export const parseManifest = (json: unknown): BackupManifest => readShape(manifest, json, "");
/** @throws UserError that names the field. */
export const parseMade = (json: unknown): BackupMade => readShape(made, json, "");
/** @throws UserError that names the field. */
export const parseReport = (json: unknown): BackupReport => readShape(report, json, "");
/** @throws UserError that names the field. */
export const parseOrder = (json: unknown): RestoreOrder => readShape(restored, json, "");

/** @throws UserError that names the field. */
export const parseResult = (json: unknown): RestoreResult => readShape(restoreResult, json, "");

/** @throws UserError that names the field. */
export function parseFacts(json: unknown): BackupFacts {
  const { backup, drill, failures = {} } = readShape(facts, json, "");
  const [good, drilled] = [backup, drill].map((each) => (each === undefined ? undefined : parseReport(each)));
  return {
    ...(good?.kind === "backup" && { backup: good }),
    ...(drilled?.kind === "drill" && { drill: drilled }),
    failures,
  };
}

/** What is known once a report has come. */
export function factsWith(facts: BackupFacts, report: BackupReport): BackupFacts {
  if (report.kind === "failure") return { ...facts, failures: { ...facts.failures, [report.of]: report.failure } };
  const { backup, drill } = facts.failures;
  const other = report.kind === "backup" ? drill && { drill } : backup && { backup };
  return { ...facts, [report.kind]: report, failures: other ?? {} };
}
