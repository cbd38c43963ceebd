import { X509Certificate } from "node:crypto";

import { z } from "zod";

import { certificatesShape } from "./shapes";
import { cidr, schedule } from "./site-parts";

const kept = z
  .int("must be a whole number")
  .min(1, "must be at least 1")
  .max(10_000, "must be at most 10000")
  .optional();

/** How many of the last backups of each hour, day, week, month and year are kept. */
const retentionSchema = z
  .strictObject({ hourly: kept, daily: kept, weekly: kept, monthly: kept, yearly: kept })
  .refine((rules) => Object.keys(rules).length > 0, "must keep something: hourly, daily, weekly, monthly or yearly")
  .meta({ minProperties: 1 });

const endpoint = z
  .string("must be an http or https URL")
  .regex(/^https?:\/\/[^/]+$/, "must be an http or https URL without a path, such as https://s3.example.com")
  .refine((text) => URL.canParse(text), "must be an http or https URL without a path, such as https://s3.example.com");

/** Whether a text is certificates: the first run would fail otherwise, when `up` is over. */
function areCertificates(text: string): boolean {
  const blocks = text.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? [];
  try {
    return (
      blocks.length > 0 &&
      blocks.every((block) => new X509Certificate(block).subject !== "") &&
      !text.includes("PRIVATE KEY")
    );
  } catch {
    return false;
  }
}

/** Where a site's backups go, and when. */
export const backupsSchema = z.strictObject({
  endpoint: endpoint.describe('Where an S3-compatible storage answers. Example: "https://s3.example.com".'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name")
    .describe('Bucket that is there already. Example: "dns-backups".'),
  folder: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/,
      "must be a path of letters, digits, dots, hyphens and underscores",
    )
    .optional()
    .describe("Folder of the site's repository in the bucket. Default: the site's name."),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, "must be a region's name")
    .optional()
    .describe('The storage\'s region, where it wants one. Example: "eu-central-1".'),
  caCert: z
    .string()
    .refine(areCertificates, "must be certificates in PEM, and nothing else")
    .meta(certificatesShape)
    .optional()
    .describe("PEM of the roots that the storage's certificate is checked against. Default: Node's own."),
  accessKey: z.string().min(1, "must not be empty").describe("Access key of the storage; for this site alone."),
  secretKey: z.string().min(1, "must not be empty").describe("Secret key of the storage; set it with --secret."),
  password: z
    .string()
    .min(16, "must have at least 16 characters")
    .describe("What the repository is encrypted with; set it with --secret, and keep it elsewhere too."),
  schedule: schedule
    .default("17 * * * *")
    .describe("When backups are made, as a CronJob's schedule. Default: every hour."),
  drillSchedule: schedule
    .default("41 4 * * *")
    .describe("When the last backup is restored into a scratch Knot and compared. Default: every day."),
  retention: retentionSchema
    .optional()
    .describe(
      "How many backups are kept of each hour, day, week, month and year. Default: all, for ever. Example: { hourly: 24, daily: 30, monthly: 12 }.",
    ),
  egress: z
    .array(cidr)
    .min(1, "must have at least one network")
    .optional()
    .describe(
      'Networks that the storage answers from. Default: its address, or any when it is given by name. Example: ["203.0.113.0/24"].',
    ),
  awaitRestore: z
    .boolean("must be true or false")
    .default(false)
    .describe("Whether a new volume of pod 0 waits for `mesh restore` before Knot starts. Default: false."),
});

/** How a site is backed up. */
export type BackupsConfig = z.infer<typeof backupsSchema>;

/** Rules of `restic forget`; none where everything is kept. */
export function retentionRules({ retention = {} }: Pick<BackupsConfig, "retention">): readonly string[] {
  return Object.entries(retention).map(([period, count]) => `keep-${period}=${count}`);
}
