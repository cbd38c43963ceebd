import { expect } from "chai";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { lifetime, lifetimeProblem, readIdentity } from "../../../../../src/agents/sidecar/credentials/identity";
import { issue, makeAuthority, tlsFiles, writeIdentity } from "../../../../../harness/certificates";

describe("a site's identity", () => {
  const host = "site-a.dns.internal";
  const authority = makeAuthority("first");
  const other = makeAuthority("second");
  const own = issue({ ca: authority, name: host });
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "identity-"));
    await writeIdentity(folder, own, [authority]);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const failure = () =>
    readIdentity(folder, host).then(
      () => undefined,
      (error: unknown) => String(error),
    );

  it("is taken when certificate, key and root belong together, also with two roots", async () => {
    await writeIdentity(folder, own, [other, authority]);
    const { certificate, privateKey, roots } = await readIdentity(folder, host);
    expect([certificate, privateKey, roots]).to.deep.equal([own.cert, own.key, other.cert + authority.cert]);
  });

  it("is refused with the key of another certificate, and shows nothing of it", async () => {
    const { key } = issue({ ca: authority, name: host });
    await writeFile(join(folder, tlsFiles.key), key);
    expect(await failure())
      .to.match(/tls\.key is not the key of the certificate/)
      .and.not.contain(key.slice(40, 80));
    await writeFile(join(folder, tlsFiles.key), "no key at all");
    expect(await failure())
      .to.match(/tls\.key is not the key/)
      .and.not.contain("no key at all");
  });

  it("is refused in another's name, from another authority, and in part", async () => {
    await writeIdentity(folder, issue({ ca: authority, name: "site-b.dns.internal" }), [authority]);
    expect(await failure()).to.contain("is not for site-a.dns.internal, but for DNS:site-b.dns.internal");
    await writeIdentity(folder, issue({ ca: other, name: host }), [authority]);
    expect(await failure()).to.contain("was issued by none of the authorities in ca.crt");
    await writeFile(join(folder, tlsFiles.cert), "");
    expect(await failure()).to.contain("tls.crt holds no certificate");
    await rm(join(folder, tlsFiles.ca));
    expect(await failure()).to.contain("ca.crt is missing");
  });

  it("is reported when it ends soon, and when it has ended", () => {
    const { from, to } = lifetime({ certificate: own.cert });
    expect(lifetimeProblem({ certificate: own.cert }, from + 1)).to.equal(undefined);
    expect(lifetimeProblem({ certificate: own.cert }, to - (to - from) / 7)).to.contain("was not renewed");
    expect(lifetimeProblem({ certificate: own.cert }, to)).to.contain("other sites refuse it");
  });
});
