import { expect } from "chai";

import { promote, type PromotionRequest } from "../../../src/cli/promote";
import { DnsError } from "../../../src/dns/errors";

const text = `# our mesh
config:
  dns-mesh:mesh:
    directoryZone: dns.internal
    catalogZone: catalog.internal.dns
    sites: # in the order of their age
      - { name: site-a, role: primary-catalog,   addresses: [192.0.2.1],    zones: [a.example, b.example] }
      - { name: site-b, role: "secondary-catalog", addresses: [198.51.100.2], zones: [] } # Berlin
      - name: site-c
        role: standard # for now
        addresses: [203.0.113.3]
        zones: [c.example]
`;
const promoted = text
  .replace("role: primary-catalog,", "role: secondary-catalog,")
  .replace('role: "secondary-catalog"', "role: primary-catalog");

type Answers = Readonly<Record<string, Readonly<Record<string, number>>>>;
const everywhere = { "dns.internal": 7, "catalog.internal.dns": 7 };

/** Servers that answer with serials, by address and zone; none of those that are missing does. */
const dnsOf = (answers: Answers): NonNullable<PromotionRequest["dns"]> => ({
  querySoa: ({ address }, zone) => {
    const serial = answers[address]?.[zone];
    if (serial === undefined) return Promise.reject(new DnsError({ kind: "timeout", afterMs: 1 }));
    return Promise.resolve({ serial } as Awaited<ReturnType<NonNullable<PromotionRequest["dns"]>["querySoa"]>>);
  },
});
const to = (site: string, changes: Partial<PromotionRequest> = {}) =>
  promote({ file: "Pulumi.shared.yaml", text, site, ...changes });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "",
    (error: unknown) => (error as Error).message,
  );

describe("mesh promote", () => {
  it("swaps two roles in the list and leaves every other character as it is", async () => {
    const { text: now, lines } = (await to("site-b"))!;
    expect(now).to.equal(promoted);
    expect(lines.join("\n")).to.match(/pulumi up -s shared\n {2}pulumi up -s site-b\n/);
  });

  it("does nothing when the site is the primary already, however often it runs", async () => {
    expect(await to("site-b", { text: promoted })).to.equal(undefined);
  });

  it("refuses a site that the others do not ask for the central zones, or that is not there, and says what else", async () => {
    expect(await failure(to("site-c"))).to.match(/site-c is a standard site.*promote site-b instead/s);
    expect(await failure(to("site-x"))).to.match(/there is no site "site-x"; there are site-a, site-b, site-c/);
    const waiting = text.replace("[198.51.100.2]", "auto");
    expect(await failure(to("site-b", { text: waiting }))).to.match(/site-b waits for an address.*mesh up/);
  });

  it("refuses a list that it cannot read or edit", async () => {
    expect(await failure(to("site-b", { text: "config: {}" }))).to.match(/has no list of sites/);
    expect(await failure(to("site-b", { text: "config: [" }))).to.match(/^Pulumi\.shared\.yaml: /);
    expect(await failure(to("site-b", { text: text.replace("192.0.2.1]", "nowhere]") }))).to.match(/nowhere/);
  });

  it("refuses a site that does not answer the central zones, as far as can be seen from here", async () => {
    for (const answers of [{}, { "198.51.100.2": { "dns.internal": 7 } }])
      expect(await failure(to("site-b", { dns: dnsOf(answers) }))).to.match(
        /site-b does not answer .*catalog\.internal\.dns.*Nothing was changed.*--unasked/s,
      );
  });

  it("names the stack whose file it is", async () => {
    const { lines } = (await to("site-b", { file: "Pulumi.live.yaml" }))!;
    expect(lines.join("\n")).to.match(/^ {2}pulumi up -s live$/m);
  });

  it("says that a dead primary's zones wait for it, and who has their newest copies", async () => {
    const dns = dnsOf({
      "198.51.100.2": { ...everywhere, "a.example": 3 },
      "203.0.113.3": { ...everywhere, "a.example": 4 },
    });
    const lines = (await to("site-b", { dns }))!.lines.join("\n");
    expect(lines).to.match(/site-a does not answer\. .*nothing of that is lost/);
    expect(lines).to.match(/a\.example stays with site-a.*\(serial 4\) is at site-c, site-b not among them/);
    expect(lines).to.match(/b\.example of site-a is answered by no site/);
  });

  it("says of a primary that answers what becomes of it", async () => {
    const at = (serial: number) => dnsOf({ "192.0.2.1": { "dns.internal": serial }, "198.51.100.2": everywhere });
    expect((await to("site-b", { dns: at(7) }))!.lines[0]).to.match(/^site-a answers still: it becomes/);
    expect((await to("site-b", { dns: at(8) }))!.lines[0]).to.match(/with a newer dns\.internal than site-b/);
  });
});
