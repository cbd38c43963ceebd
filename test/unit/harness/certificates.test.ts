import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { issue, makeAuthority, tlsFiles, writeIdentity } from "../../../harness/certificates";

describe("certificates of tests", () => {
  const ca = makeAuthority();
  const root = new X509Certificate(ca.cert);
  const site = { ca, name: "site-a.dns.internal", ips: ["192.0.2.1", "2001:db8::1"] };

  it("are signed by their CA, for their names and addresses, and fit their key", () => {
    const { cert, key } = issue({ ...site, names: ["other.dns.internal"] });
    const leaf = new X509Certificate(cert);
    expect(leaf.verify(root.publicKey) && leaf.checkIssued(root)).to.equal(true);
    for (const name of ["site-a.dns.internal", "other.dns.internal"]) expect(leaf.checkHost(name)).to.equal(name);
    for (const ip of site.ips) expect(leaf.checkIP(ip)).to.equal(ip);
    expect(leaf.ca).to.equal(false);
    expect(new X509Certificate(issue({ ...site, key }).cert).publicKey.equals(leaf.publicKey)).to.equal(true);
  });

  it("are valid, over, or not yet valid, as wanted", () => {
    const end = (options: object) =>
      Math.sign(Date.parse(new X509Certificate(issue({ ...site, ...options }).cert).validTo) - Date.now());
    expect([end({}), end({ expired: true })]).to.deep.equal([1, -1]);
    expect(Date.parse(new X509Certificate(issue({ ...site, early: true }).cert).validFrom)).to.be.above(Date.now());
  });

  it("lie in a folder, the key for its owner only", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mesh-certificates-"));
    try {
      await writeIdentity(join(folder, "tls"), issue(site), [ca, makeAuthority("next")]);
      const roots = await readFile(join(folder, "tls", tlsFiles.ca), "utf8");
      expect(roots.match(/BEGIN CERTIFICATE/g)).to.have.length(2);
      expect((await stat(join(folder, "tls", tlsFiles.key))).mode & 0o077).to.equal(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
