import { expect } from "chai";
import { recordSetOf } from "../../../src/records/record-set";
import { isAllowed, notAllowedText, tenantOf } from "../../../src/records/tenants";
import { tenantQuotas } from "../../../src/records/tenant-quotas";
import { judgesAny, tenantPolicySpec } from "../../../src/records/tenant-policy";
import { caseNamespaces, caseTenants, caseValues, caseZones, tenantCases } from "../../../harness/records/tenant-cases";

const own = "dns-system";
const tenants = { tenants: caseTenants, own };

describe("who may claim which names", () => {
  for (const [namespace, spec, may, why] of tenantCases)
    it(`${may ? "allows" : "refuses"} ${namespace} ${spec.type} ${spec.name} in ${spec.zone}: ${why}`, () => {
      const reading = recordSetOf({ ...spec, value: caseValues[spec.type] ?? "" });
      if (reading.kind === "refused") throw new Error(reading.problems.join());
      const tenant = tenantOf(tenants, namespace);
      expect(tenant === undefined || isAllowed(tenant, reading.set)).to.equal(may);
    });

  it("does not take an escaped dot for the end of a label", () => {
    const shop = tenantOf(tenants, "shop");
    const claim = { zone: "example.org", name: "evil\\.shop.example.org", type: "A" };
    expect(shop && isAllowed(shop, claim)).to.equal(false);
  });

  it("gives namespaces that nothing names what * has, the site's own all", () => {
    const all = { namespaces: ["*"], allow: [{ zones: ["example.org"], types: ["A"] }] };
    const more = { own, tenants: [...caseTenants, all] };
    expect(tenantOf(more, "stranger")).to.equal(all);
    expect(tenantOf(more, "closed")?.allow).to.deep.equal([]);
    expect(tenantOf(more, own)).to.equal(undefined);
  });

  it("says what a namespace may have, and who decides that", () => {
    const claim = { zone: "example.org", name: "www.example.org", type: "MX" };
    const said = (namespace: string): string => {
      const tenant = tenantOf(tenants, namespace);
      if (tenant === undefined) throw new Error(namespace);
      return notAllowedText(namespace, claim, tenant);
    };
    expect(said("shop")).to.equal(
      "namespace shop may not have MX at www.example.org; it may have A, AAAA, CNAME in shop.example.org, cart.example.org and below; TXT in _acme-challenge.shop.example.org and below; whoever runs the site decides that by records.tenants",
    );
    expect(said("platform")).to.contain("it may have A, AAAA, CNAME, NS in every zone of the site");
    expect(said("stranger")).to.contain("it may have none");
  });

  describe("as ResourceQuotas", () => {
    const quotas = (...listed: Parameters<typeof tenantQuotas>[0]["tenants"]) =>
      tenantQuotas({ own, namespaces: ["shop", "blog", "news"], tenants: listed });

    it("are of each namespace that has a number, those of * too", () => {
      const counted = { [`count/dnsrecords.dns.mesh.io`]: "5", [`count/dnspools.dns.mesh.io`]: "3" };
      expect(
        quotas(
          { namespaces: ["shop", own], allow: [], most: 5, mostTargets: 3 },
          { namespaces: ["*"], allow: [], most: 9 },
        ),
      ).to.deep.equal([
        { namespace: "shop", hard: counted },
        { namespace: own, hard: counted },
        { namespace: "blog", hard: { "count/dnsrecords.dns.mesh.io": "9" } },
        { namespace: "news", hard: { "count/dnsrecords.dns.mesh.io": "9" } },
      ]);
    });

    it("are none where there is no number", () => {
      expect(quotas({ namespaces: ["shop"], allow: [] })).to.deep.equal([]);
    });
  });

  describe("as a ValidatingAdmissionPolicy", () => {
    const input = { own, namespaces: caseNamespaces, zones: caseZones, tenants: caseTenants };
    const selected = (changes: Partial<typeof input>) =>
      tenantPolicySpec({ ...input, ...changes }).matchConstraints.namespaceSelector.matchExpressions.map(
        ({ operator, values }) => [operator, ...values],
      );

    it("looks at what is served, and at the site's own namespace where a tenant names it", () => {
      const named = [...caseTenants, { namespaces: [own], allow: [] }];
      expect(selected({})).to.deep.equal([["In", ...caseNamespaces]]);
      expect(selected({ namespaces: ["*"] })).to.deep.equal([["NotIn", own]]);
      expect(selected({ tenants: named })).to.deep.equal([["In", own, ...caseNamespaces]]);
      expect(selected({ tenants: named, namespaces: ["*"] })).to.deep.equal([]);
    });

    it("is not made where nothing is to be looked at: a selector of no value is refused", () => {
      expect(judgesAny({ ...input, namespaces: [] })).to.equal(false);
      expect(judgesAny(input)).to.equal(true);
      expect(judgesAny({ ...input, namespaces: ["*"] })).to.equal(true);
    });
  });
});
