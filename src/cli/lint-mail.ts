import { ipVersion, isCidr } from "../dns/address";
import type { Found, LintZone } from "./lint";

/** SPF and DMARC records of a zone whose syntax receivers would not accept. */
export function mailFindings({ records }: LintZone): readonly Found[] {
  const texts = records.flatMap((record) =>
    record.type === "TXT" ? [{ name: record.name, text: record.strings.join("") }] : [],
  );
  const spf = texts.filter(({ text }) => /^v=spf1( |$)/i.test(text));
  const dmarc = texts.filter(({ name }) => name.startsWith("_dmarc."));
  return [
    ...severalOf(spf, "spf-syntax", "SPF records; receivers take several for an error (RFC 7208 section 4.5)"),
    ...spf.flatMap(({ name, text }) => problems(name, "spf-syntax", spfProblems(text))),
    ...severalOf(
      dmarc.filter(({ text }) => isDmarc(text)),
      "dmarc-syntax",
      "DMARC records; receivers take several for none (RFC 7489 section 6.6.3)",
    ),
    ...dmarc.flatMap(({ name, text }) => problems(name, "dmarc-syntax", dmarcProblems(text))),
  ];
}

type Rule = "spf-syntax" | "dmarc-syntax";

function problems(name: string, rule: Rule, messages: readonly string[]): readonly Found[] {
  return messages.map((message) => ({ severity: "error", rule, name, type: "TXT", message }));
}

function severalOf(texts: readonly { readonly name: string }[], rule: Rule, what: string): readonly Found[] {
  const names = texts.map(({ name }) => name);
  const twice = [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
  return twice.flatMap((name) => problems(name, rule, [`there are several ${what}`]));
}

/** Questions that a receiver asks for one SPF record at the most (RFC 7208 section 4.6.4). */
const mostLookups = 10;
const asking = new Set(["include", "a", "mx", "ptr", "exists"]);

function spfProblems(text: string): readonly string[] {
  const terms = text
    .split(" ")
    .slice(1)
    .filter((term) => term !== "");
  const wrong = terms.flatMap((term) => termProblem(term) ?? []);
  const lookups = terms.filter(
    (term) => asking.has(/^[+?~-]?([a-z0-9]+)/i.exec(term)?.[1]?.toLowerCase() ?? "") || /^redirect=/i.test(term),
  ).length;
  const all = terms.findIndex((term) => /^[+?~-]?all$/i.test(term));
  const behind = all === -1 ? [] : terms.slice(all + 1).filter((term) => !term.includes("="));
  return [
    ...wrong,
    ...(lookups > mostLookups ? [`${lookups} terms ask the DNS, and ${mostLookups} may (RFC 7208 section 4.6.4)`] : []),
    ...(behind.length > 0 ? [`"${behind.join(" ")}" behind "all" is never looked at (RFC 7208 section 5.1)`] : []),
  ];
}

function termProblem(term: string): string | undefined {
  const modifier = /^([a-z][a-z0-9_.-]*)=(.*)$/i.exec(term);
  if (modifier !== null)
    return /^(redirect|exp)$/i.test(modifier[1] ?? "") && modifier[2] === "" ? `"${term}" names no domain` : undefined;
  const [, mechanism = "", separator = "", value = ""] = /^[+?~-]?([a-z0-9]+)([:/]?)(.*)$/i.exec(term) ?? [];
  const check = mechanisms[mechanism.toLowerCase()];
  if (check === undefined) return `"${term}" is no term of SPF (RFC 7208 section 5)`;
  return check({ term, separator, value });
}

type Check = (given: {
  readonly term: string;
  readonly separator: string;
  readonly value: string;
}) => string | undefined;

const withDomain: Check = ({ term, separator, value }) =>
  separator === ":" && value !== "" ? undefined : `"${term}" names no domain`;
const withHost: Check = ({ term, separator, value }) =>
  separator === "" && value !== "" ? `"${term}" is no term of SPF` : prefixProblem(term);

/** What each mechanism takes (RFC 7208 section 5). */
const mechanisms: Readonly<Record<string, Check>> = {
  all: ({ term, separator, value }) => (separator === "" && value === "" ? undefined : `"${term}": all takes nothing`),
  include: withDomain,
  exists: withDomain,
  a: withHost,
  mx: withHost,
  ptr: withHost,
  ip4: ({ term, value }) => addressProblem(term, 4, value),
  ip6: ({ term, value }) => addressProblem(term, 6, value),
};

function prefixProblem(term: string): string | undefined {
  const [, four, six] = /(?:\/(\d+))?(?:\/\/(\d+))?$/.exec(term) ?? [];
  return Number(four ?? 0) > 32 || Number(six ?? 0) > 128 ? `"${term}" has a prefix that is too long` : undefined;
}

function addressProblem(term: string, version: 4 | 6, value: string): string | undefined {
  const [address = ""] = value.split("/");
  const isRight =
    ipVersion(address) === version && (!value.includes("/") || isCidr(value) || isHostBits(value, version));
  return isRight ? undefined : `"${term}" has no IPv${version} address or network`;
}

/** SPF takes a network with host bits set, which {@link isCidr} does not. */
function isHostBits(value: string, version: 4 | 6): boolean {
  const prefix = /\/(\d{1,3})$/.exec(value)?.[1];
  return prefix !== undefined && Number(prefix) <= (version === 4 ? 32 : 128);
}

function isDmarc(text: string): boolean {
  return /^v=DMARC1\s*(;|$)/.test(text);
}

const policies = ["none", "quarantine", "reject"];
const tagRules: Readonly<Record<string, (value: string) => boolean>> = {
  p: (value) => policies.includes(value.toLowerCase()),
  sp: (value) => policies.includes(value.toLowerCase()),
  np: (value) => policies.includes(value.toLowerCase()),
  adkim: (value) => /^[rs]$/i.test(value),
  aspf: (value) => /^[rs]$/i.test(value),
  pct: (value) => /^\d{1,3}$/.test(value) && Number(value) <= 100,
  ri: (value) => /^\d+$/.test(value),
  fo: (value) => /^[01ds](:[01ds])*$/i.test(value),
  rf: (value) => /^[a-z0-9:-]+$/i.test(value),
  rua: isReports,
  ruf: isReports,
};

function isReports(value: string): boolean {
  return value.split(",").every((each) => /^\s*(mailto:[^@\s]+@[^@\s]+|https?:\/\/\S+)\s*$/i.test(each));
}

function dmarcProblems(text: string): readonly string[] {
  if (!isDmarc(text)) return [`"${text.slice(0, 40)}" does not begin with v=DMARC1 (RFC 7489 section 6.3)`];
  const tags = text
    .split(";")
    .slice(1)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "")
    .map((tag) => /^([a-z][a-z0-9_]*)\s*=\s*(.*)$/i.exec(tag) ?? [tag, tag, undefined]);
  const wrong = tags.flatMap(([tag, name = "", value]) => {
    if (value === undefined) return [`"${tag ?? ""}" is no tag with a value`];
    const rule = tagRules[name.toLowerCase()];
    return rule === undefined || rule(value.trim()) ? [] : [`"${tag ?? ""}" has a wrong value`];
  });
  const first = tags[0]?.[1]?.toLowerCase();
  return first === "p" ? wrong : [...wrong, `the policy (p=) must come right behind v=DMARC1 (RFC 7489 section 6.3)`];
}
