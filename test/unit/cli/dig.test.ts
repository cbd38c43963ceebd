import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import { askEverySite } from "../../../src/cli/dig";
import { digText } from "../../../src/cli/dig-text";
import type { MeshAccess } from "../../../src/cli/mesh-access";
import { styleFor } from "../../../src/cli/style";
import type { DnsClient, DnsServer } from "../../../src/dns/client/dns-client";
import { DnsError } from "../../../src/dns/errors";
import type { Message } from "../../../src/dns/message";
import { rcodes } from "../../../src/dns/types";
import { parseMesh } from "../../../src/settings/parse";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1", "192.0.2.11"], zones: ["a.example"] },
    { name: "site-b", role: "standard", addresses: ["192.0.2.2"], zones: ["b.example"] },
  ],
});
const ports = { dns: 53, secure: 853 };
const access: MeshAccess = { from: "t", isLab: false, mesh, ports, keyOf: () => undefined, ca: undefined, pods: [] };
const said = (rcode: number, aa = true) => ({ rcode, flags: { aa }, answers: [] }) as unknown as Message;
const silence = new DnsError({ kind: "timeout", afterMs: 1 });

/** What is reported when servers answer so. */
const ask = (answer: (server: DnsServer) => Message, name = "www.a.example", type = "A") => {
  const dns: Pick<DnsClient, "query"> = {
    query: (server) =>
      new Promise((resolve) => {
        resolve(answer(server));
      }),
  };
  return askEverySite(access, { dns, name, type });
};

describe("mesh dig", () => {
  it("takes answers with authority for fine when they are alike", async () => {
    for (const rcode of [rcodes.NOERROR, rcodes.NXDOMAIN]) expect((await ask(() => said(rcode))).alike).to.equal(true);
    expect((await ask(({ address }) => said(address === "192.0.2.2" ? 0 : 3))).alike).to.equal(false);
  });

  for (const [what, answer] of [
    ["a refusal", said(rcodes.REFUSED)],
    ["a failure", said(rcodes.SERVFAIL)],
    ["an answer without authority", said(rcodes.NOERROR, false)],
  ] as const)
    it(`does not take ${what} from everybody for fine`, async () => {
      const report = await ask(() => answer);
      expect(report.alike).to.equal(false);
      expect(digText(report, styleFor({}))).to.match(/^www\.a\.example A: no site of 2 answers with authority\n/);
    });

  it("names an address that is dead though the site's next one answers", async () => {
    const report = await ask(({ address }) => {
      if (address === "192.0.2.1") throw silence;
      return said(0);
    });
    expect([report.alike, report.ok]).to.deep.equal([true, false]);
    expect(digText(report, styleFor({}))).to.match(/\nsite-a does not answer at 192\.0\.2\.1: /);
    expect((await ask(() => said(0))).ok).to.equal(true);
  });

  it("takes a question that cannot be asked for wrong usage", async () => {
    for (const [name, type] of [
      ["a..example", "A"],
      [`${"x".repeat(64)}.example`, "A"],
      ["a.example", "ADDRESS"],
      ["a.example", "AXFR"],
    ] as const) {
      const error: unknown = await ask(() => said(0), name, type).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(UserError);
    }
  });
});
