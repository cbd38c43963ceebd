import { z } from "zod";

import { UserError } from "../base/errors";
import { foldName } from "../base/names";
import { canonicalAddress, hostCidr, splitServer } from "../dns/address";
import type { Dnssec, Mesh, Primary, Site, Topology, Zone } from "../mesh/model";
import { withWaiting } from "../mesh/waiting";
import { draftOf, findConflicts, type Problem } from "./consistency";
import { initialRecordLines } from "./initial-records";
import { type DnssecInput, type MeshInput, meshSchema } from "./schema";

/** Sites of the largest mesh that is full by default (see docs/scaling.md). */
const largestFull = 50;

/** How zones travel in a mesh of so many sites whose list does not say it. */
export function topologyBySize(sites: number): Topology {
  return sites > largestFull ? "hub" : "full";
}

/**
 * Turns the one list of the shared stack's config into a mesh that everything else may rely on.
 *
 * Names come out folded, addresses in canonical form, defaults filled in.
 *
 * @throws UserError that lists every problem with its path and its cure.
 */
export function parseMesh(input: unknown): Mesh {
  const shape = meshSchema.safeParse(input);
  const problems: Problem[] = (shape.error?.issues ?? []).flatMap((issue) => describeIssue(issue, []));
  problems.push(...findConflicts(draftOf(input, canonicalAddress)));
  if (problems.length > 0 || !shape.success) throw new UserError(report(problems));
  return normalise(shape.data);
}

function describeIssue(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): readonly Problem[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: pathText([...path, key]),
      message: "is not a field that is known here; remove it or mend its spelling",
    }));
  }
  if (issue.code === "invalid_union") {
    const meant = issue.errors.find(
      (branch) =>
        branch.length > 0 &&
        !branch.some((inner) => inner.path.length === 0 && /^invalid_(type|value)$/.test(inner.code)),
    );
    if (meant !== undefined) return meant.flatMap((inner) => describeIssue(inner, path));
  }
  if (issue.code === "invalid_type" && issue.expected === "object") {
    return [{ path: pathText(path), message: "must be an object with named fields" }];
  }
  return [{ path: pathText(path), message: issue.message }];
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}.${String(key)}`),
    "mesh",
  );
}

function report(problems: readonly Problem[]): string {
  const lines = problems.map(({ path, message }) => `${path}: ${message}`);
  return lines.length === 1
    ? lines.join("")
    : `The mesh has ${lines.length} problems:\n${lines.map((line) => `- ${line}`).join("\n")}`;
}

function canonicalCidr(cidr: string): string {
  const [address = "", prefix = ""] = cidr.split("/");
  return `${canonicalAddress(address) ?? address}/${Number(prefix)}`;
}

function normalise(input: MeshInput): Mesh {
  return withWaiting({
    directoryZone: foldName(input.directoryZone),
    catalogZone: foldName(input.catalogZone),
    topology: input.topology ?? topologyBySize(input.sites.length),
    transport: input.transport ?? "tls",
    ...nameServersIn(input),
    sites: input.sites.map(normaliseSite),
  });
}

function nameServersIn({ nameServers }: { nameServers?: MeshInput["nameServers"] }): Pick<Mesh, "nameServers"> {
  if (nameServers === undefined) return {};
  return {
    nameServers: typeof nameServers === "string" ? nameServers : [...new Set(nameServers.map(foldName))].sort(),
  };
}

function normaliseSite(site: MeshInput["sites"][number]): Site {
  const isAuto = site.addresses === "auto";
  const written = site.addresses === "auto" ? (site.found ?? []) : site.addresses;
  const addresses = written.map((address) => canonicalAddress(address) ?? address);
  return {
    name: site.name,
    role: site.role,
    addresses,
    ...(isAuto && { auto: true as const }),
    sources: [...new Set(site.sources?.map(canonicalCidr) ?? addresses.map(hostCidr))],
    zones: (site.zones ?? []).map(normaliseZone),
    ...(site.nameServer !== undefined && { nameServer: foldName(site.nameServer) }),
    ...(site.vault !== undefined && {
      vault: {
        serviceAccountKeys: site.vault.serviceAccountKeys.map((pem) => pem.trim()),
        namespace: site.vault.namespace ?? "dns-system",
      },
    }),
    ...(site.retired !== undefined && { retired: site.retired.slice(0, 10) }),
  };
}

function normaliseZone(zone: NonNullable<MeshInput["sites"][number]["zones"]>[number]): Zone {
  if (typeof zone === "string") return { name: foldName(zone), dnssec: false };
  return {
    name: foldName(zone.name),
    dnssec: normaliseDnssec(zone.dnssec ?? false),
    ...(zone.zoneFile !== undefined && { zoneFile: zone.zoneFile }),
    ...(zone.records !== undefined && { records: initialRecordLines(foldName(zone.name), zone.records) }),
    ...(zone.primaries !== undefined && { primaries: zone.primaries.map(normalisePrimary) }),
    ...nameServersIn(zone),
    ...(zone.retired !== undefined && { retired: zone.retired.slice(0, 10) }),
  };
}

function normalisePrimary({ address, key }: Primary): Primary {
  return { address: canonicalServer(address), key: foldName(key) };
}

/** Settings that are those of every signed zone are left out, so that equal zones look equal. */
function normaliseDnssec(input: boolean | DnssecInput): boolean | Dnssec {
  if (typeof input === "boolean") return input;
  const parents = [...new Set((input.parents ?? []).map(canonicalServer))].sort();
  const settings: Dnssec = {
    ...(input.nsec3 === true && { nsec3: true }),
    ...(parents.length > 0 && { parents }),
    ...(input.withdraw === true && { withdraw: true }),
  };
  return Object.keys(settings).length === 0 ? true : settings;
}

function canonicalServer(server: string): string {
  const { address, port } = splitServer(server);
  return `${canonicalAddress(address) ?? address}${port === 53 ? "" : `@${port}`}`;
}
