import { z } from "zod";

import { messageOf, UserError } from "../base/errors";
import { foldName, zoneNameProblem } from "../base/names";
import { parseRingDocument, type RingDocument } from "../keyring/ring-document";
import type { RotationSettings } from "../keyring/rotation-settings";
import { lastEpoch } from "../mesh/epoch";
import type { Mesh } from "../mesh/model";
import type { CertificateSource } from "../mesh/trust";
import { listedSites } from "../mesh/waiting";
import { parseMesh } from "./parse";
import { checkSettings, readSettings, type Settings } from "./reading";
import { meshSchema } from "./schema";
import { numberShape, switchShape, zoneNameShape } from "./shapes";

/** A Vault's address. */
export const vaultAddress = z
  .string("must be an http or https URL")
  .refine((text) => /^https?:\/\/[^/]/.test(text), "must be an http or https URL")
  .meta({ pattern: "^https?://[^/]" });

const vaultSchema = z.strictObject({
  address: vaultAddress.describe(
    'Where Vault is reached. The token comes from VAULT_TOKEN or the usual file. Example: "https://vault.example:8200".',
  ),
  mount: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/, "must be letters, digits, - and _, in parts joined by /")
    .default("dns-mesh")
    .describe('KV v2 mount; the PKI mount is named after it, `<mount>-pki`. Default: "dns-mesh".'),
  createMount: z
    .boolean("must be true or false")
    .default(true)
    .describe("Whether the stack makes the mounts; false where they are there already. Default: true."),
  audience: z
    .string()
    .min(1, "must not be empty")
    .default("vault")
    .describe('Audience that pods\' tokens are made for. Default: "vault".'),
  caCert: z
    .string()
    .regex(/-----BEGIN CERTIFICATE-----/, "must be certificates in PEM")
    .refine((pem) => !pem.includes("PRIVATE KEY"), "holds a private key: write certificates only")
    .optional()
    .describe("PEM of the authorities that pods check Vault's certificate against. Default: the system's."),
});

/** A Vault that holds the key ring, and issues certificates by default. */
export type VaultConfig = z.infer<typeof vaultSchema>;

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** A duration such as `30d`, in seconds. */
const duration = z
  .string('must be a text such as "30d"')
  .regex(/^[1-9]\d*[smhd]$/, 'must be a number with s, m, h or d, such as "30d"')
  .transform((text) => Number(text.slice(0, -1)) * units[text.slice(-1) as keyof typeof units]);

const rotationSchema = z
  .strictObject({
    every: duration.prefault("30d").describe('Age of the current key at which the next one is made. Default: "30d".'),
    patience: duration
      .prefault("1d")
      .describe('How long a site that does not answer delays the switch. Default: "1d".'),
    overlap: duration.prefault("1d").describe('How long the previous key is accepted after the switch. Default: "1d".'),
  })
  .refine(({ every, patience, overlap }) => every > patience + overlap, {
    path: ["every"],
    message: "must be longer than patience and overlap together: a rotation ends before the next begins",
  });

const generation = z.int("must be a whole number").min(1, "must be at least 1");

const caSchema = z
  .strictObject({
    generation: generation.default(1).describe("The newest root. Default: 1."),
    signing: generation
      .optional()
      .describe("The root that signs. Default: the one before the newest, which every site trusts already."),
    oldest: generation.optional().describe("The oldest root that is trusted. Default: the one before the newest."),
  })
  .transform(({ generation: newest, signing, oldest }) => ({
    generation: newest,
    signing: signing ?? Math.max(1, newest - 1),
    oldest: oldest ?? Math.max(1, newest - 1),
  }))
  .refine(({ generation: newest, signing }) => signing <= newest, {
    path: ["signing"],
    message: "must not be above generation, the newest root",
  })
  .refine(({ signing, oldest }) => oldest <= signing, {
    path: ["oldest"],
    message: "must not be above signing: sites would not trust the root that signs",
  });

/** Which roots there are: trusted from `oldest` to `generation`, of which `signing` signs. */
export type CaConfig = z.infer<typeof caSchema>;

const emptied = z
  .array(
    z
      .string()
      .transform(foldName)
      .refine((name) => zoneNameProblem(name) === undefined, "must be a zone name")
      .meta(zoneNameShape),
    "must be a list of zones",
  )
  .default([]);

const certificatePem = z
  .string("must be a certificate in PEM")
  .regex(/^\s*-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\s*$/, "must be one certificate in PEM")
  .meta({ pattern: "-----BEGIN CERTIFICATE-----" });

const publicKeyPem = z
  .string("must be a public key in PEM")
  .regex(/^\s*-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\s*$/, "must be one public key in PEM")
  .meta({ pattern: "-----BEGIN PUBLIC KEY-----" });

const recoveredSchema = z.strictObject({
  signers: z
    .array(publicKeyPem)
    .default([])
    .describe("Public keys that signed epochs before. Sites accept them too, until they are left out. Default: none."),
  roots: z
    .array(z.strictObject({ generation, certificate: certificatePem }))
    .default([])
    .describe(
      "Roots that sites trust and that this stack has not made. Their keys are lost, or in Vault. Default: none.",
    ),
  vault: z
    .strictObject({
      logins: z
        .array(z.string().min(1, "must not be empty"))
        .default([])
        .describe("Auth mounts that are there and that this stack leaves as they are. Default: none."),
    })
    .optional()
    .describe("Vault has mounts and key ring, which this stack leaves as they are. Default: it makes them."),
  broughtUp: z
    .array(z.string().min(1, "must not be empty"), "must be a list of sites")
    .default([])
    .describe(
      "Sites of which you saw yourself that they have the present key for epochs, where their stacks cannot be read; for taking signers away. Default: none.",
    ),
});

/** What a former shared stack made, whose state was lost, and the mesh goes on with. */
export type RecoveredConfig = z.infer<typeof recoveredSchema>;

const recoveredRing = z.record(z.string(), z.unknown()).transform((json, ctx): RingDocument => {
  try {
    return parseRingDocument(json);
  } catch (error) {
    ctx.addIssue({ code: "custom", message: `is no key ring: ${messageOf(error)}`, input: undefined });
    return z.NEVER;
  }
});

const sharedShape = {
  vault: vaultSchema.optional().describe("A Vault for the key ring. Default: none."),
  certificates: z
    .enum(["vault", "cert-manager", "pulumi"], "must be vault, cert-manager or pulumi")
    .optional()
    .describe('Who issues and renews the sites\' certificates. Default: "vault" with a Vault, else "pulumi".'),
  rotation: rotationSchema.optional().describe("When the ring rotates by itself; with Vault."),
  ca: caSchema.prefault({}).describe("The mesh's roots."),
  keys: z
    .strictObject({ generation: generation.default(1) })
    .prefault({})
    .describe("Keys of the ring without Vault: those before, at and after `generation`. Default: generation 1."),
  epoch: z.coerce
    .number()
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(lastEpoch, "must have 9 digits at most")
    .meta({ ...numberShape, pattern: "^[0-9]+$" })
    .default(1)
    .describe(
      "The least number of the epoch in which the primary catalog is where the list says; for a shared stack whose state was lost. Default: 1.",
    ),
  recovered: recoveredSchema
    .prefault({})
    .describe("What `mesh recover` found, for a new shared stack in the place of one whose state was lost."),
  recoveredRing: recoveredRing
    .optional()
    .describe(
      "The key ring that sites have, for a new shared stack without Vault in the place of one whose state was lost; a secret setting. Default: the stack makes all keys.",
    ),
  /** Retired zones for which you looked yourself that no DnsRecord is in them, where their owner's stack cannot be read. @default none */
  emptied,
  protect: z
    .stringbool("must be true or false")
    .meta(switchShape)
    .default(true)
    .describe("Protects the mesh's authority and keys from `destroy`. Default: true."),
};

/** The generation of the key that a ring signs with; 1 for one that goes by times. */
export function generationOf({ current }: RingDocument): number {
  return Number(/^mesh-(\d+)$/.exec(current.name)?.[1] ?? 1);
}

const sharedSchema = z
  .strictObject(sharedShape)
  .refine(({ vault, certificates }) => vault !== undefined || certificates !== "vault", {
    path: ["certificates"],
    message: "is vault, but there is no Vault: set dns-mesh:vault, or choose pulumi or cert-manager",
  })
  .refine(({ vault, rotation }) => vault !== undefined || rotation === undefined, {
    path: ["rotation"],
    message: "needs dns-mesh:vault; without Vault, keys rotate by dns-mesh:keys generation",
  })
  .refine(({ vault, recoveredRing: ring }) => vault === undefined || ring === undefined, {
    path: ["recoveredRing"],
    message: "is of no use with dns-mesh:vault, which has the ring; remove one of them",
  })
  .refine(({ vault, recovered }) => vault !== undefined || recovered.vault === undefined, {
    path: ["recovered", "vault"],
    message: "needs dns-mesh:vault",
  })
  .refine(({ keys, recoveredRing: ring }) => ring === undefined || keys.generation >= generationOf(ring), {
    path: ["keys", "generation"],
    message: "must not be below that of dns-mesh:recoveredRing: sites would not accept the keys",
  })
  .transform(
    ({ vault, certificates, rotation, ca, keys, epoch, recovered, recoveredRing: ring, emptied: seen, protect }) => ({
      recovered,
      ...(ring !== undefined && { recoveredRing: ring }),
      ca,
      epoch,
      emptied: seen,
      keys,
      protect,
      certificates: certificates ?? (vault === undefined ? ("pulumi" as const) : ("vault" as const)),
      ...(vault !== undefined && { vault, rotation: rotation ?? rotationSchema.parse({}) }),
    }),
  );

/** The settings of the shared stack. */
export interface SharedConfig {
  readonly mesh: Mesh;
  readonly certificates: CertificateSource;
  readonly ca: CaConfig;
  readonly keys: { readonly generation: number };
  /** The epoch's least number; a state that was kept knows its own. */
  readonly epoch: number;
  /** What a former stack made that was lost. */
  readonly recovered: RecoveredConfig;
  /** Keys of the ring that a former stack made, without Vault. */
  readonly recoveredRing?: RingDocument;
  /** Zones that may leave the list without anybody's stack having seen that no DnsRecord is in them. */
  readonly emptied: readonly string[];
  /** Whether `destroy` is refused. */
  readonly protect: boolean;
  readonly vault?: VaultConfig;
  /** With Vault only. */
  readonly rotation?: RotationSettings;
}

/** Every setting of the shared stack by its name. */
export const sharedStackShape = { mesh: meshSchema, ...sharedShape };

/**
 * Reads the shared stack's settings.
 *
 * @throws UserError that names every setting at fault and its cure.
 */
export function parseShared(settings: Settings, stack: string): SharedConfig {
  const { mesh: list, ...input } = readSettings(settings, sharedStackShape);
  const mesh = parseMesh(list);
  const config = { mesh, ...checkSettings(sharedSchema, input, stack) };
  requireGone(config, stack);
  return config;
}

/** A zone that is named beforehand would lose its guard for good. */
function requireGone({ mesh, emptied }: SharedConfig, stack: string): void {
  const listed = new Set(listedSites(mesh).flatMap(({ zones }) => zones.map(({ name }) => name)));
  const i = emptied.findIndex((zone) => listed.has(zone));
  if (i < 0) return;
  throw new UserError(
    `stack "${stack}": dns-mesh:emptied[${i}]: the zone "${emptied[i] ?? ""}" is still in mesh.sites; leave it out here until you take it off the list`,
  );
}
