import { z } from "zod";

import { UserError } from "../base/errors";
import { isWithin, zoneNameProblem } from "../base/names";
import type { Reader } from "../keyring/reader";
import { isSecret } from "../keyring/tsig-key";
import type { Site, Transport } from "../mesh/model";
import {
  defaultUpdateTypes,
  ownerNameProblem,
  updateOwnerMatches,
  updateOwners,
  type Updater,
  updateTypes,
} from "../records/updater";
import { serverProblem } from "./schema";
import { secretShape, serverShape, zoneNameShape } from "./shapes";
import { cidr } from "./site-parts";

/** Names that the mesh gives its own keys. */
const ownKeyNames = /^(local|records|mesh-\d+)$/;

/** A key of somebody outside the mesh. */
export const keySchema = z.strictObject({
  name: z
    .string()
    .refine((name) => zoneNameProblem(name) === undefined, "must be a name in lower case, such as bind.example")
    .refine((name) => !ownKeyNames.test(name), "is a name that the mesh gives its own keys; choose another")
    .meta({ ...zoneNameShape, not: { pattern: ownKeyNames.source } })
    .describe('Of the key, as the other side has it. Example: "bind".'),
  algorithm: z
    .enum(["hmac-sha256", "hmac-sha384", "hmac-sha512"], "must be hmac-sha256, hmac-sha384 or hmac-sha512")
    .describe('Example: "hmac-sha256".'),
  secret: z
    .string()
    .refine((text) => isSecret(text), "must be base64 of at least 16 octets; make one with tsig-keygen or keymgr -t")
    .meta(secretShape)
    .describe("Base64 of at least 16 octets. Example: made by `keymgr -t bind` or `tsig-keygen bind`."),
});

/** Refuses two keys of one name: Knot could not distinguish them. */
export function uniqueNames(keys: readonly { readonly name: string }[], ctx: z.RefinementCtx): void {
  const names = keys.map(({ name }) => name);
  if (new Set(names).size < names.length) ctx.addIssue("has two keys of the same name; give each its own");
}

const zone = z
  .string()
  .refine(
    (name) => zoneNameProblem(name) === undefined,
    "must be a zone in lower case, such as standard-1.internal.dns",
  )
  .meta(zoneNameShape);

/** Most addresses at which one server is told of changes. */
const mostNotified = 16;

/** Somebody who may take zones. */
export const readerSchema = keySchema.extend({
  zones: z
    .array(zone, "must be a list of zones of this site")
    .min(1, "must have at least one zone; leave it out for every zone that the site serves")
    .optional()
    .describe(
      'Zones of this site that it may take. Default: every zone that the site serves, other sites\' and the catalog among them. Example: ["standard-1.internal.dns"].',
    ),
  notify: z
    .array(
      z
        .string("must be an address")
        .superRefine((server, ctx) => {
          const problem = serverProblem(server);
          if (problem !== undefined) ctx.addIssue(problem);
        })
        .meta(serverShape),
      "must be a list of addresses",
    )
    .max(mostNotified, `has more than ${mostNotified} addresses`)
    .optional()
    .describe(
      'Addresses at which it is told of changes, by NOTIFY that its key signs; with a port as in 192.0.2.53@5353 unless that is 53. Default: it looks by itself. Example: ["192.0.2.53"].',
    ),
  tls: z
    .array(cidr, "must be a list of networks")
    .min(1, "must have at least one network; leave it out for a server that does not speak TLS")
    .optional()
    .describe(
      'Networks from which it takes zones over TLS (RFC 9103), which are let in at port 853; over nothing else then. Default: it may take zones over TCP at port 53. Example: ["192.0.2.53/32"].',
    ),
});

/** Somebody who may change own zones. Fields are called as Knot calls them. */
export const updaterSchema = keySchema
  .extend({
    zones: z
      .array(zone, "must be a list of zones of this site")
      .min(1, "must have at least one zone")
      .describe('Zones of this site that it may change. Example: ["standard-1.internal.dns"].'),
    updateOwner: z
      .enum(updateOwners, "must be name (with updateOwnerName), key (the key's own name) or zone (every name)")
      .describe(
        'Which names: those of `updateOwnerName`, the `key`\'s own name, or all of the `zone`. Example: "name".',
      ),
    updateOwnerMatch: z
      .enum(updateOwnerMatches, `must be one of ${updateOwnerMatches.join(", ")}`)
      .default("sub-or-equal")
      .describe(
        'How names are compared; in a `pattern`, a label `*` stands for any one label. Default: "sub-or-equal": the name, and all below it.',
      ),
    updateOwnerName: z
      .array(z.string().refine((name) => ownerNameProblem(name) === undefined, ownerNameProblem("")))
      .default([])
      .describe(
        'Names within the zones, `@` for the zone itself; with a dot at its end absolute. With `updateOwner: name`. Example: ["apps", "_acme-challenge.www"].',
      ),
    updateType: z
      .array(z.enum(updateTypes, `must be one of ${updateTypes.join(", ")}`))
      .min(1, "must have at least one type")
      .default([...defaultUpdateTypes])
      .describe(
        "Types that it may add and delete; `ANY` for the deletion of all that a name has. Default: all that a DnsRecord may have, without NS.",
      ),
    transfer: z
      .boolean("must be true or false")
      .default(false)
      .describe("Whether it may transfer the zones, as external-dns does. Default: false."),
  })
  .superRefine(checkNames);

function checkNames(updater: Omit<Updater, "algorithm" | "secret" | "transfer">, ctx: z.RefinementCtx): void {
  const { name, zones, updateOwner, updateOwnerName } = updater;
  const problem = (field: keyof Updater, message: string): void => {
    ctx.addIssue({ code: "custom", path: [field], message });
  };
  const isInside = (owner: string): boolean => zones.some((each) => isWithin(owner, each));
  if (updateOwner === "name" && updateOwnerName.length === 0)
    problem("updateOwnerName", "is missing: name what may be changed, or set updateOwner to zone for every name");
  if (updateOwner !== "name" && updateOwnerName.length > 0)
    problem("updateOwnerName", "counts with updateOwner: name only; set that, or leave the names out");
  if (updateOwner === "key" && !isInside(name))
    problem(
      "updateOwner",
      `is key, and the key's name ${name} is in none of its zones; call the key as the name that it may change`,
    );
  const outside = updateOwnerName.find((owner) => owner.endsWith(".") && !isInside(owner.slice(0, -1)));
  if (outside !== undefined)
    problem(
      "updateOwnerName",
      `has ${outside}, which is in none of its zones; leave the dot at its end out when it is a name within them`,
    );
}

/**
 * Refuses readers and updaters of zones that the site does not own.
 *
 * @throws UserError that names the zone and what the site owns.
 */
export function requireOwnZones(
  { readers, updaters }: { readonly readers: readonly Reader[]; readonly updaters: readonly Updater[] },
  site: Pick<Site, "name" | "zones">,
): void {
  requireOwn("readers", readers, { site, why: "zones are named at their owner" });
  requireOwn("updaters", updaters, { site, why: "updates are taken at a zone's owner" });
  for (const [i, { zones }] of updaters.entries()) requireChangeable(`updaters[${i}]`, zones, site);
}

/** Refuses somebody who changes a zone that is taken from outside the mesh. */
function requireChangeable(item: string, zones: readonly string[], site: Pick<Site, "zones">): void {
  const outside = new Set(site.zones.filter(({ primaries }) => primaries !== undefined).map(({ name }) => name));
  const n = zones.findIndex((zone) => outside.has(zone));
  if (n < 0) return;
  throw new UserError(
    `dns-mesh:${item}.zones[${n}]: "${zones[n] ?? ""}" is taken from its primaries outside the mesh, where it is changed; leave it out here, or take primaries from the zone in dns-mesh:mesh`,
  );
}

/**
 * Refuses readers that take zones over TLS alone from a site that does not speak it.
 *
 * @throws UserError that names the reader.
 */
export function requireReadable(
  { readers }: { readonly readers: readonly Pick<Reader, "name" | "tls">[] },
  transport: Transport,
): void {
  const i = transport === "tcp" ? readers.findIndex(({ tls }) => tls !== undefined) : -1;
  if (i < 0) return;
  throw new UserError(
    `dns-mesh:readers[${i}].tls: "${readers[i]?.name ?? ""}" would take zones over TLS, which no site has with transport: tcp in dns-mesh:mesh of the shared stack; leave tls out here, or set transport to tls there`,
  );
}

/**
 * Refuses zones from outside the mesh whose site has not got what they need: the key that is shared with each of their
 * primaries, and the guard that judges what these give.
 *
 * @throws UserError that names the zone and what to set.
 */
export function requirePrimaries(
  { readers, zoneGuard }: { readonly readers: readonly Pick<Reader, "name">[]; readonly zoneGuard: unknown },
  site: Pick<Site, "name" | "zones">,
): void {
  const names = new Set(readers.map(({ name }) => name));
  for (const { name: zone, primaries = [] } of site.zones) {
    const unknown = primaries.find(({ key }) => !names.has(key));
    if (unknown !== undefined)
      throw new UserError(
        `zone "${zone}" is taken from ${unknown.address} by the key "${unknown.key}", which is not among dns-mesh:readers of ${site.name}: add a reader of that name with the key that the primary has, and zones: ["${zone}"]`,
      );
    if (primaries.length > 0 && zoneGuard === false)
      throw new UserError(
        `zone "${zone}" is taken from outside the mesh, and dns-mesh:zoneGuard of ${site.name} is off, which would hold an emptied version of it: set it, for example pulumi config set --path 'dns-mesh:zoneGuard.names' 10`,
      );
  }
}

/**
 * Refuses a setting whose items name zones that the site does not own.
 *
 * @throws UserError
 */
export function requireOwn(
  setting: string,
  all: readonly { readonly zones?: readonly string[] | undefined }[],
  { site, why }: { readonly site: Pick<Site, "name" | "zones">; readonly why: string },
): void {
  for (const [i, { zones = [] }] of all.entries()) requireOwnZone(`${setting}[${i}]`, zones, { site, why });
}

/** The same for one item. */
export function requireOwnZone(
  item: string,
  zones: readonly string[],
  { site, why }: { readonly site: Pick<Site, "name" | "zones">; readonly why: string },
): void {
  const own = site.zones.map(({ name }) => name);
  const n = zones.findIndex((each) => !own.includes(each));
  if (n < 0) return;
  const owned = own.length === 0 ? "owns no zone" : `owns ${own.join(", ")}`;
  throw new UserError(
    `dns-mesh:${item}.zones[${n}]: "${zones[n] ?? ""}" is not a zone of ${site.name}, which ${owned}; ${why}: set this in the stack of that site`,
  );
}
