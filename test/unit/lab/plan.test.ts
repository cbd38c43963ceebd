import { expect } from "chai";
import { LabPlan } from "../../../lab/plan";

describe("the list of a lab", () => {
  it("spreads zones over the sites in turns", () => {
    const plan = new LabPlan({ sites: 3, zones: 5, prefix: "127.10" });
    expect(plan.list.map(({ zones }) => zones)).to.deep.equal([
      ["site-a.example", "zone-4.example"],
      ["site-b.example", "zone-5.example"],
      ["site-c.example"],
    ]);
    expect(new LabPlan({ sites: 3, zones: 1, prefix: "127.10" }).zones()).to.have.length(3);
  });

  it("has names and addresses for as many sites as a mesh may have", () => {
    const { list } = new LabPlan({ sites: 3400, prefix: "127.10" });
    expect(new Set(list.map(({ name }) => name)).size).to.equal(3400);
    const addresses = list.map(({ addresses: [address] }) => address ?? "");
    expect(new Set(addresses).size).to.equal(3400);
    expect(addresses.every((address) => /^127\.10\.\d{1,2}\.[1-9]\d{0,2}$/.test(address))).to.equal(true);
    expect([list[25]?.name, list[26]?.name, list[702]?.name]).to.deep.equal(["site-z", "site-aa", "site-aaa"]);
  });

  it("gives a site that joins no former one's name or address", () => {
    const plan = new LabPlan({ sites: 3, prefix: "127.10" });
    const gone = plan.remove("site-c");
    const next = plan.add();
    expect([next.name, next.addresses]).to.not.deep.equal([gone.name, gone.addresses]);
  });

  it("stays as it was when a change is refused", () => {
    const plan = new LabPlan({ sites: 3, prefix: "127.10" });
    const before = structuredClone(plan.list);
    expect(() => plan.addNamed("site-a")).to.throw();
    expect(() => {
      plan.addZone("x.dns.internal", "site-b");
    }).to.throw();
    expect(plan.list).to.deep.equal(before);
  });
});
