/**
 * Names that a mesh may use. Stricter than DNS itself (RFC 1035 section 2.3.1 plus the underscore, and the slash of
 * RFC 2317 in reverse zones): they stand in zone files, Knot's configuration and below the directory, and nothing in them
 * ever needs escaping there.
 */
import { domainToASCII } from "node:url";

const labelPattern = /^[a-z0-9_](?:[a-z0-9_/-]{0,61}[a-z0-9_])?$/;
const sitePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Longest name in text form, without the trailing dot (RFC 1035 section 2.3.4). */
export const longestName = 253;

/** Lower-case and without the trailing dot; says nothing about validity. */
export function foldName(text: string): string {
  const folded = text.toLowerCase();
  return folded.endsWith(".") ? folded.slice(0, -1) : folded;
}

/** What is wrong with a folded zone name, as the end of a sentence; undefined when nothing is. */
export function zoneNameProblem(name: string): string | undefined {
  if (name === "") return "is empty; write a zone name, for example standard-1.internal.dns";
  if (name.length > longestName) return `has ${name.length} characters; a DNS name has at most ${longestName}`;
  if (/[^\0-\x7f]/.test(name)) return internationalProblem(name);
  const bad = name.split(".").find((label) => !labelPattern.test(label) || (label.includes("/") && !isReverse(name)));
  if (bad === undefined) return undefined;
  if (bad === "") return "has an empty label; remove the doubled or leading dot";
  if (bad.length > 63) return `has a label of ${bad.length} characters ("${bad}"); a label has at most 63`;
  if (bad.includes("/") && labelPattern.test(bad))
    return `has the label "${bad}"; a slash may stand in names below in-addr.arpa alone (RFC 2317)`;
  return `has the label "${bad}"; use letters, digits, hyphens and underscores, with no hyphen at either end`;
}

/** DNS carries A-labels, and so does every program that will be asked for the zone (RFC 5891 section 4.4). */
function internationalProblem(name: string): string {
  const ascii = domainToASCII(name);
  const cure =
    ascii !== "" && zoneNameProblem(ascii) === undefined
      ? `write it as ${ascii}, which is what DNS has`
      : "write each label as DNS has it (xn--…)";
  return `has letters outside ASCII; ${cure}`;
}

function isReverse(name: string): boolean {
  return isWithin(name, "in-addr.arpa") || isWithin(name, "ip6.arpa");
}

/** Name of a zone's file in Knot's folder of zones. Knot writes a slash as an underscore there. */
export function zoneFileName(zone: string): string {
  return `${zone.replaceAll("/", "_")}.zone`;
}

/** What is wrong with a site's name, as the end of a sentence; undefined when nothing is. */
export function siteNameProblem(name: string): string | undefined {
  if (sitePattern.test(name)) return undefined;
  return "is not a name for a site; use one label of at most 63 lower-case letters, digits and hyphens, for example site-a";
}

/** What is wrong with the folded name of a server, as the end of a sentence; undefined when nothing is (RFC 1123 section 2.1). */
export function hostNameProblem(name: string): string | undefined {
  const wrong = zoneNameProblem(name);
  if (wrong !== undefined) return wrong;
  const bad = name.split(".").find((label) => !sitePattern.test(label));
  if (bad !== undefined) return `has the label "${bad}"; a server's name has letters, digits and hyphens alone`;
  return name.includes(".") ? undefined : "is a single label; write a full name, for example ns1.example.org";
}

/** Whether `child` is `parent` or lies below it. Both folded. */
export function isWithin(child: string, parent: string): boolean {
  return child === parent || child.endsWith(`.${parent}`);
}
