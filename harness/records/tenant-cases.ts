import type { DnsRecordSpec } from "../../src/records/model";
import type { Tenant } from "../../src/records/tenants";

const addresses = ["A", "AAAA", "CNAME"];

/** Tenants of a site that owns `example.org` and `example.net`, and serves the namespaces that are named here, and `stranger`. */
export const caseTenants: readonly Tenant[] = [
  {
    namespaces: ["shop"],
    allow: [
      { zones: ["example.org"], subtrees: ["shop.example.org", "cart.example.org"], types: addresses },
      { zones: ["example.org"], subtrees: ["_acme-challenge.shop.example.org"], types: ["TXT"] },
    ],
    mostTargets: 3,
  },
  { namespaces: ["blog", "news"], allow: [{ zones: ["example.net"], types: [...addresses, "TXT"] }] },
  { namespaces: ["platform"], allow: [{ zones: ["*"], types: [...addresses, "NS"] }] },
  { namespaces: ["closed"], allow: [] },
];

/** The zones of that site. */
export const caseZones = ["example.org", "example.net"];

/** The namespaces that it serves beside its own. */
export const caseNamespaces = ["shop", "blog", "news", "platform", "closed", "stranger"];

/** Namespace, spec, whether it is allowed, and why. */
export const tenantCases: readonly (readonly [
  namespace: string,
  spec: Pick<DnsRecordSpec, "zone" | "name" | "type">,
  isAllowed: boolean,
  why: string,
])[] = [
  ["shop", { zone: "example.org", name: "shop", type: "A" }, true, "the subtree's own name"],
  ["shop", { zone: "example.org", name: "www.shop", type: "AAAA" }, true, "a name below"],
  ["shop", { zone: "example.org", name: "a.b.c.cart", type: "CNAME" }, true, "a name far below another subtree"],
  ["shop", { zone: "example.org", name: "*.shop", type: "A" }, true, "a wildcard below"],
  ["shop", { zone: "example.org", name: "WWW.Shop", type: "A" }, true, "capitals"],
  ["shop", { zone: "example.org", name: "www.shop.example.org.", type: "A" }, true, "an absolute name"],
  ["shop", { zone: "example.org", name: "_acme-challenge.shop", type: "TXT" }, true, "the type of another rule"],
  ["shop", { zone: "example.org", name: "www.shop", type: "TXT" }, false, "a type of another subtree"],
  ["shop", { zone: "example.org", name: "shop", type: "MX" }, false, "a type of no rule"],
  ["shop", { zone: "example.org", name: "www", type: "A" }, false, "a name beside the subtrees"],
  ["shop", { zone: "example.org", name: "eshop", type: "A" }, false, "a name that ends as a subtree does"],
  ["shop", { zone: "example.org", name: "@", type: "A" }, false, "the name above"],
  ["shop", { zone: "example.org", name: "*", type: "A" }, false, "a wildcard above"],
  ["shop", { zone: "example.net", name: "shop", type: "A" }, false, "another zone"],
  ["shop", { zone: "example.net", name: "shop.example.org", type: "A" }, false, "a subtree's name in another zone"],
  ["blog", { zone: "example.net", name: "@", type: "A" }, true, "a whole zone"],
  ["news", { zone: "example.net", name: "*", type: "TXT" }, true, "another namespace of the entry"],
  ["blog", { zone: "example.net", name: "sub", type: "NS" }, false, "a delegation that no rule has"],
  ["platform", { zone: "example.org", name: "www", type: "A" }, true, "every zone"],
  ["platform", { zone: "example.net", name: "sub", type: "NS" }, true, "a delegation that a rule has"],
  ["platform", { zone: "example.org", name: "www", type: "TXT" }, false, "a type in every zone"],
  ["closed", { zone: "example.org", name: "www", type: "A" }, false, "a namespace with no rule"],
  ["stranger", { zone: "example.org", name: "www", type: "A" }, false, "a namespace that no tenant names"],
  ["dns-system", { zone: "example.org", name: "@", type: "MX" }, true, "the site's own namespace"],
];

/** A value that is good for each of the types. */
export const caseValues: Readonly<Record<string, string>> = {
  A: "192.0.2.1",
  AAAA: "2001:db8::1",
  CNAME: "elsewhere.test.",
  TXT: "text",
  MX: "10 mail.elsewhere.test.",
  NS: "ns.elsewhere.test.",
};
