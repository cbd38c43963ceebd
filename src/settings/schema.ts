import * as ipaddr from "ipaddr.js";
import { z } from "zod";

import { foldName, hostNameProblem, siteNameProblem, zoneNameProblem } from "../base/names";
import { startOfDay } from "../base/text";
import { ipVersion } from "../dns/address";
import { isOutsideName } from "../mesh/name-servers";
import { zoneFileProblems } from "../records/zone-file-check";
import { initialRecordProblems, initialRecords } from "./initial-records";
import {
  addressShape,
  cidrShape,
  dateShape,
  foundShape,
  hostNameShape,
  labelShape,
  plainNameShape,
  serverShape,
  sitesShape,
  takenInShape,
  zoneNameShape,
} from "./shapes";

/** With more NS records and their addresses an answer over UDP has no room left. */
export const mostNameServers = 32;

/** What may go wrong at a path is said in the refinement's message, cure included; `parse.ts` puts the path before it. */
const checked = (problem: (text: string) => string | undefined) => (text: string, ctx: z.RefinementCtx) => {
  const found = problem(text);
  if (found !== undefined) ctx.addIssue({ code: "custom", message: `"${text}" ${found}`, input: text });
};

const text = (what: string) =>
  z.string({ error: (issue) => (issue.input === undefined ? `is missing; ${what}` : `must be a text; ${what}`) });

const list = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    issue.input === undefined ? `is missing; ${what}` : `must be a list; ${what}`,
});

const zoneName = text("write a zone name, for example standard-1.internal.dns")
  .superRefine(checked((name) => zoneNameProblem(foldName(name))))
  .meta(zoneNameShape);

/** The directory's name ends those of the servers, which stand in certificates. */
const centralName = zoneName
  .refine((name) => !name.includes("/"), "has a slash, which no server's name may have; choose another")
  .meta(plainNameShape);

/** Why a text cannot be an address of a site; undefined when it can. */
function addressProblem(address: string): string | undefined {
  if (ipVersion(address) === 4) return rangeProblem(ipaddr.IPv4.parse(address).range());
  if (address.includes("/")) return "is a range; write a single address, and put ranges under sources";
  if (ipaddr.IPv6.isValid(address)) {
    if (address.includes("%")) return "has a zone id, which means nothing at another site; write a global address";
    const parsed = ipaddr.IPv6.parse(address);
    if (parsed.isIPv4MappedAddress())
      return `is an IPv4 address in IPv6 form; write ${parsed.toIPv4Address().toString()}`;
    return rangeProblem(parsed.range());
  }
  if (/^[\d.]+$/.test(address))
    return "is not an IPv4 address; write four numbers from 0 to 255, for example 192.0.2.1";
  return "is not an IP address; Knot needs addresses, not host names: write the address that it resolves to, for example 192.0.2.1 or 2001:db8::1";
}

function rangeProblem(range: string): string | undefined {
  const useless = ["unspecified", "multicast", "broadcast", "linkLocal"];
  return useless.includes(range)
    ? `is a ${range} address, where no other site can ask; write the address that the other sites reach`
    : undefined;
}

/** Why a text cannot be a server of a parent zone; undefined when it can. */
export function serverProblem(server: string): string | undefined {
  const [address = "", port, ...rest] = server.split("@");
  if (port !== undefined && (rest.length > 0 || !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535))
    return "has an invalid port; write an address, and if it must be a port as in 192.0.2.53@5353";
  return addressProblem(address);
}

/** Why a text cannot be a source of transfers; undefined when it can. */
function sourceProblem(source: string): string | undefined {
  const [address = "", prefix, ...rest] = source.split("/");
  const version = ipVersion(address);
  if (version === undefined) return "is not a CIDR; write a range of addresses, for example 192.0.2.0/24";
  const [family, longest] = version === 4 ? [ipaddr.IPv4, 32] : [ipaddr.IPv6, 128];
  if (prefix === undefined) return `has no prefix length; write ${address}/${longest} for that address alone`;
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > longest)
    return `has an invalid prefix length; write a number from 0 to ${longest}`;
  const network = family.networkAddressFromCIDR(source).toString();
  return network === family.parse(address).toString()
    ? undefined
    : `has bits set beyond its prefix; write ${network}/${prefix}`;
}

const address = text("write an IP address").superRefine(checked(addressProblem)).meta(addressShape);

/** A day in the calendar as `YYYY-MM-DD`. YAML readers turn unquoted dates into midnight in UTC: that is taken too. */
function dateProblem(date: string): string | undefined {
  // A date without quotes is a moment to YAML, and Pulumi writes it as Go does.
  const day = date.replace(/(T00:00:00(\.0+)?Z| 00:00:00 \+0000 UTC)$/, "");
  return startOfDay(day) === undefined ? "is not a date; write year, month and day, for example 2026-12-31" : undefined;
}

const retired = text("write a date")
  .superRefine(checked(dateProblem))
  .meta(dateShape)
  .describe("Date (YYYY-MM-DD) from which this may leave the mesh without being held back as a mass removal.");

const dnssec = z.strictObject({
  nsec3: z
    .boolean({ error: "must be true or false" })
    .optional()
    .describe("NSEC3 instead of NSEC: names cannot be listed by walking the zone. Default: false."),
  parents: z
    .array(
      text("write an address").superRefine(checked(serverProblem)).meta(serverShape),
      list("write addresses of the parent's servers"),
    )
    .min(1, "is empty; write the addresses of the parent zone's servers, or leave it out and confirm by hand")
    .max(16, "has more than 16 addresses; a few servers of the parent are enough")
    .optional()
    .describe("Servers of the parent zone that are asked for the DS record. Default: it is confirmed by hand."),
  withdraw: z
    .boolean({ error: "must be true or false" })
    .optional()
    .describe("Still signed, and the parent is asked to drop the DS record: the step before false. Default: false."),
});

const nameServers = z
  .union(
    [
      z.enum(["all", "catalog"]),
      z
        .array(
          text("write a site's name, or that of a server outside the mesh")
            .superRefine(
              checked((name) => (isOutsideName(name) ? hostNameProblem(foldName(name)) : siteNameProblem(name))),
            )
            .meta({ anyOf: [labelShape, hostNameShape] }),
          list("write names of sites"),
        )
        .min(1, "is empty; write names of sites, or leave it out: NS records then stay as they are")
        .max(mostNameServers, `has more than ${mostNameServers} names, which is what an answer holds; choose some`),
    ],
    { error: "must be all, catalog, or a list of names of sites" },
  )
  .describe(
    "Servers that a zone's NS records name: those of all sites, of the catalog sites, or a list of these words, of names of sites and of names of servers outside the mesh, such as ns1.provider.example. Default: as the zone began.",
  );

/** With more a look at them all takes too long. */
const mostPrimaries = 8;

const primary = z.strictObject({
  address: text("write the address of the zone's primary, for example 192.0.2.53")
    .superRefine(checked(serverProblem))
    .meta(serverShape)
    .describe("Where the primary is asked, with a port as in 192.0.2.53@5353 unless that is 53."),
  key: text("write the name of one of the owner's readers, whose key the primary has too")
    .superRefine(checked((name) => zoneNameProblem(foldName(name))))
    .meta(zoneNameShape)
    .describe(
      "Name of a reader of the owner's stack: its key signs questions to the primary, and the primary's NOTIFY.",
    ),
});

const zoneFields = z.strictObject({
  name: zoneName.describe("Absolute name of the zone; the trailing dot may be left out."),
  dnssec: z
    .union([z.boolean(), dnssec], { error: "must be true, false, or an object with nsec3, parents or withdraw" })
    .optional()
    .describe("Whether the owner's Knot signs the zone, and how. Default: false."),
  zoneFile: text("write a zone in master-file format")
    .optional()
    .describe("Initial content in master-file format (RFC 1035 section 5); a skeleton SOA and NS when left out."),
  records: initialRecords.optional(),
  primaries: z
    .array(primary, list("write the servers that the zone is taken from"))
    .min(1, "is empty; write at least one server, or leave it out: the zone is the mesh's own then")
    .max(mostPrimaries, `has more than ${mostPrimaries} servers; a few are enough`)
    .optional()
    .describe(
      "Servers outside the mesh that the owner takes the zone from, as it is. Default: the zone is the mesh's own.",
    ),
  nameServers: nameServers.optional(),
  retired: retired.optional(),
});

/** What a zone cannot have beside servers that it is taken from, which alone say what is in it. */
function primaryProblems(
  listed: z.infer<typeof zoneFields>,
): readonly { readonly path: string[]; readonly message: string }[] {
  if (listed.primaries === undefined) return [];
  const beside = {
    zoneFile: "the content comes from the primary; remove it",
    records: "the content comes from the primary; remove it",
    nameServers: "the NS records come from the primary; remove it, and set it once the zone is the mesh's own",
  } as const;
  const fields = Object.entries(beside) as [keyof typeof beside, string][];
  const clashes = fields.filter(([field]) => listed[field] !== undefined);
  return [
    ...clashes.map(([field, why]) => ({ path: [field], message: `does not go with primaries: ${why}` })),
    ...(listed.dnssec === undefined || listed.dnssec === false
      ? []
      : [
          {
            path: ["dnssec"],
            message:
              "does not go with primaries: signatures that the primary makes travel as they are, and the mesh adds none; remove it, and sign the zone once it is the mesh's own",
          },
        ]),
  ];
}

const zone = zoneFields.meta(takenInShape).superRefine((listed, ctx) => {
  // A name that is wrong is reported by itself.
  const name = foldName(listed.name);
  if (listed.zoneFile !== undefined && zoneNameProblem(name) === undefined)
    for (const message of zoneFileProblems(listed.zoneFile, name))
      ctx.addIssue({ code: "custom", path: ["zoneFile"], message, input: listed.zoneFile });
  for (const { path, message } of initialRecordProblems(listed))
    ctx.addIssue({ code: "custom", path, message, input: listed.records });
  for (const { path, message } of primaryProblems(listed)) ctx.addIssue({ code: "custom", path, message });
});

/** Why a text cannot be a cluster's key; undefined when it can. Never shows the text: it may be a private key. */
function publicKeyProblem(pem: string): string | undefined {
  if (pem.includes("PRIVATE KEY"))
    return "is a private key, which belongs to the cluster alone: remove it here, and write the public key";
  return /^-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/.test(pem)
    ? undefined
    : "is not a public key in PEM; write one that begins with -----BEGIN PUBLIC KEY----- (see docs/guides/vault.md)";
}

const siteVault = z.strictObject({
  serviceAccountKeys: z
    .array(
      text("write a public key in PEM")
        .superRefine((pem, ctx) => {
          const found = publicKeyProblem(pem);
          if (found !== undefined) ctx.addIssue({ code: "custom", message: found, input: undefined });
        })
        .meta({ pattern: "^-----BEGIN PUBLIC KEY-----" }),
      list("write the public keys of the cluster's service accounts"),
    )
    .min(1, "is empty; write at least one key, or leave vault out: the site then logs in by AppRole")
    .max(10, "has more than 10 keys; keep those that the cluster signs or signed with lately")
    .describe("PEM of the public keys that the site's cluster signs service-account tokens with."),
  namespace: text("write the namespace of the site's pods")
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be a DNS label, as Kubernetes wants for a namespace")
    .optional()
    .describe("Kubernetes namespace of the site's pods. Default: dns-system."),
});

const listedSite = z.strictObject({
  name: text("write the site's name")
    .superRefine(checked(siteNameProblem))
    .meta(labelShape)
    .describe("A single DNS label; the server's name is <name>.<directoryZone>."),
  role: z
    .enum(["primary-catalog", "secondary-catalog", "standard"], {
      error: "must be one of primary-catalog, secondary-catalog, standard",
    })
    .describe("Part that the site plays for the central zones. There is exactly one primary-catalog."),
  addresses: z
    .union(
      [
        z.literal("auto"),
        z
          .array(address, list("write the addresses where the site is asked"))
          .min(1, "is empty; write at least one address where the site is asked"),
      ],
      list("write the addresses where the site is asked, or auto for those that its load balancer gets"),
    )
    .describe(
      "Where the site is asked: IPv4 or IPv6 addresses; or auto: those that its load balancer gets, which stand in found.",
    ),
  found: z
    .array(address, list("write the addresses that the site's load balancer has"))
    .min(1, "is empty; leave it out as long as the site's load balancer has given it no address")
    .optional()
    .describe(
      "With auto: the addresses that the site's load balancer has. `mesh up` writes them. Without, the site waits, and is not in the directory.",
    ),
  sources: z
    .array(text("write a CIDR").superRefine(checked(sourceProblem)).meta(cidrShape), list("write CIDRs"))
    .min(1, "is empty; write at least one CIDR, or leave sources out: the addresses are taken then")
    .max(256, "has more than 256 entries; join ranges")
    .optional()
    .describe("CIDRs that the site's own transfers come from. Default: its addresses."),
  zones: z
    .array(
      z.union([zoneName, zone], {
        error:
          "must be a zone name, or an object with name and dnssec, zoneFile, records, primaries, nameServers or retired",
      }),
      list("write the site's zones"),
    )
    .optional()
    .describe("Zones that the site owns: a name, or an object."),
  nameServer: text("write the name of the site's server")
    .superRefine(checked((name) => hostNameProblem(foldName(name))))
    .meta(hostNameShape)
    .optional()
    .describe("What NS records call the site's server, for example ns1.example.org. Default: <name>.<directoryZone>."),
  vault: siteVault.optional().describe("How Vault recognises the site's pods. Default: by AppRole."),
  retired: retired.optional(),
});

const site = listedSite
  .refine(({ addresses, found }) => found === undefined || addresses === "auto", {
    path: ["found"],
    message: "goes with addresses: auto alone; remove it, or write addresses: auto",
  })
  .meta(foundShape);

/** Knot keeps the list of templates, one for each site, in 65,535 octets (see `ownerTemplate`). */
const mostSites = 3400;

/** The shape of the one list, each field by itself. What the fields must be to each other is in `consistency.ts`. */
export const meshSchema = z.strictObject({
  directoryZone: centralName.describe("Zone that tells which sites exist, where they are and who owns which zone."),
  catalogZone: centralName.describe("RFC 9432 catalog of all member zones."),
  topology: z
    .enum(["full", "hub"], { error: "must be full or hub; leave it out to have it chosen by the number of sites" })
    .optional()
    .describe(
      "How zones travel: from their owners to all (full), or by way of the catalog sites (hub). Default: by size.",
    ),
  transport: z
    .enum(["tls", "quic", "tcp"], { error: "must be tls, quic or tcp; leave it out for tls" })
    .optional()
    .describe("What zone transfers between sites run over: TLS or QUIC on port 853, or plain TCP. Default: tls."),
  nameServers: nameServers.optional(),
  sites: z
    .array(site, list("write the sites"))
    .min(1, "is empty; write at least the primary-catalog site")
    .max(mostSites, `has more than ${mostSites} sites, which is what one mesh holds; make two of them`)
    .meta(sitesShape),
});

/** What the schema yields of a zone's `dnssec`, when it is an object. */
export type DnssecInput = z.infer<typeof dnssec>;

/** What the schema yields: shaped and checked field by field, not yet normalised. */
export type MeshInput = z.infer<typeof meshSchema>;
