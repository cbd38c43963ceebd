import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Problems } from "../../../src/agents/sidecar/http/status";
import { VaultKeeper } from "../../../src/agents/sidecar/credentials/vault-keeper";
import { createLogger } from "../../../src/base/log";
import { parseMesh } from "../../../src/settings/parse";
import { ringSecret, type VaultAccess } from "../../../src/vault/access";
import { welcomePacket } from "../../../src/mesh/welcome";
import { eventually } from "../../../harness/eventually";
import { firstRing, MeshVault, vaultMount } from "../../../lab/mesh-vault";

const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [{ name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1"] }],
});

describe("the keeper of what comes from Vault", function () {
  this.timeout(30_000);
  let vault: MeshVault;
  let folder: string;
  let stop: AbortController;
  let lines: string[];
  let problems: Problems;
  const running: Promise<void>[] = [];

  before(async () => {
    vault = await MeshVault.start();
    await vault.enablePki();
    await vault.addSite("site-a", ["192.0.2.1"]);
  });
  after(() => vault[Symbol.asyncDispose]());
  beforeEach(async () => {
    vault.heal();
    lines = [];
    stop = new AbortController();
    problems = new Problems(Date.now, () => undefined);
    folder = await mkdtemp(join(tmpdir(), "keeper-"));
    await mkdir(join(folder, "etc"));
    await writeFile(join(folder, "etc", "welcome.json"), JSON.stringify(welcomePacket(mesh, "site-a", "PEM")));
    await tell({});
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(running.splice(0));
    await rm(folder, { recursive: true });
  });

  const tell = async (more: Partial<VaultAccess>) =>
    writeFile(join(folder, "etc", "vault.json"), JSON.stringify(await vault.access("site-a", "site", more)));
  const secure = { listen: [] };
  const path = (...parts: string[]) => join(folder, "storage", "mesh", ...parts);
  const keeper = () =>
    new VaultKeeper({
      options: {
        packetFile: join(folder, "etc", "welcome.json"),
        ringFile: path("ring.json"),
        vaultFile: join(folder, "etc", "vault.json"),
        runtime: { storage: join(folder, "storage"), rundir: "/run", listen: [], secure, replicas: { self: 0 } },
      },
      ...{ now: Date.now, random: Math.random },
      log: createLogger({ write: (line) => lines.push(line), now: Date.now }),
    });
  const run = () => {
    const made = keeper();
    running.push(made.run(stop.signal, problems));
    return made;
  };
  const standingRing = async () => JSON.parse(await readFile(path("ring.json"), "utf8")) as unknown;
  const certificate = async () => new X509Certificate(await readFile(path("tls", "tls.crt"), "utf8"));
  const rewrite = async (data: unknown) =>
    vault.root.writeSecret({
      mount: vaultMount,
      name: ringSecret,
      data,
      cas: (await vault.root.readSecret(vaultMount, ringSecret)).version,
    });

  it("fetches ring and certificate before the first start, readable by nobody else", async () => {
    await keeper().prepare();
    expect(await standingRing()).to.deep.equal((await vault.ring()).document);
    for (const name of ["ring.json", "tls/tls.crt", "tls/tls.key", "tls/ca.crt"])
      expect((await stat(path(name))).mode & 0o777, name).to.equal(0o600);
    const found = await certificate();
    expect(found.subjectAltName).to.equal("DNS:site-a.dns.internal, IP Address:192.0.2.1");
    const root = new X509Certificate(await readFile(path("tls", "ca.crt"), "utf8"));
    expect(found.verify(root.publicKey)).to.equal(true);
  });

  it("does not start without a ring, and says why, but does with the one it has", async () => {
    await tell({ mount: "another" });
    const first = keeper();
    const began = Date.now();
    const refused = Promise.race([
      first.prepare().then(
        () => "started",
        () => "refused",
      ),
      new Promise((resolve) => setTimeout(resolve, 3000, "waits")),
    ]);
    expect(await refused).to.equal("waits");
    await tell({});
    await eventually(5, standingRing);
    expect(Date.now() - began).to.be.lessThan(10_000);
    vault.cut();
    await keeper().prepare();
    expect(lines.join("")).to.include("what the volume holds stays");
  });

  it("takes a ring that changed, and keeps the last good one of a Vault that is away or has nonsense", async () => {
    const made = run();
    await eventually(5, standingRing);
    const ring = firstRing();
    await rewrite({ ...ring, current: { ...ring.current, name: "mesh-2" } });
    await eventually(5, async () => {
      expect(await standingRing()).to.deep.equal((await vault.ring()).document);
    });
    vault.cut();
    const kept = await standingRing();
    await eventually(5, () => {
      expect(problems.list().map(({ kind }) => kind)).to.deep.equal(["vault"]);
    });
    expect(made.facts.up).to.equal(false);
    vault.heal();
    await eventually(5, () => {
      expect(problems.list()).to.deep.equal([]);
    });
    await rewrite({ version: 1, current: { ...ring.current, secret: "c2hvcnQ=" } });
    try {
      await eventually(5, () => {
        expect(problems.list()[0]?.message).to.match(/current\.secret must be base64/);
      });
      expect(await standingRing()).to.deep.equal(kept);
    } finally {
      await rewrite(ring);
    }
    expect(lines.join("")).not.to.include(ring.current.secret);
  });

  it("renews a certificate when two thirds of its life are over", async () => {
    await tell({ pki: vault.pki("site-a", { ttlHours: 6 / 3600 }) });
    run();
    const first = await eventually(5, certificate);
    const second = await eventually(8, async () => {
      const found = await certificate();
      expect(found.serialNumber).not.to.equal(first.serialNumber);
      return found;
    });
    expect(Date.parse(second.validFrom)).to.be.lessThan(Date.parse(first.validTo));
    expect(lines.join("")).to.include("most of its life is over");
  });

  it("has a new one made when addresses change", async () => {
    run();
    await eventually(5, certificate);
    await tell({ pki: vault.pki("site-a", { ipSans: ["192.0.2.7", "2001:db8::7"] }) });
    await eventually(5, async () => {
      expect((await certificate()).checkIP("2001:db8::7")).to.equal("2001:db8::7");
      expect((await certificate()).checkIP("192.0.2.1")).to.equal(undefined);
    });
    const { serialNumber } = await certificate();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await certificate()).serialNumber).to.equal(serialNumber);
  });

  it("has a new one made when another authority issues, and trusts both roots meanwhile", async () => {
    await keeper().prepare();
    const [before, old] = [await certificate(), await readFile(path("tls", "ca.crt"), "utf8")];
    await writeFile(join(folder, "etc", "welcome.json"), JSON.stringify(welcomePacket(mesh, "site-a", old)));
    await vault.addRoot();
    await vault.signWithLatestRoot();
    run();
    await eventually(5, async () => {
      expect((await certificate()).issuer).to.equal(before.issuer);
      expect((await certificate()).serialNumber).not.to.equal(before.serialNumber);
    });
    const roots = (await readFile(path("tls", "ca.crt"), "utf8"))
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .filter(Boolean);
    expect(roots).to.have.length(2);
    const verified = roots
      .map((root) => new X509Certificate(root))
      .map(async ({ publicKey }) => (await certificate()).verify(publicKey));
    expect(await Promise.all(verified)).to.deep.equal([false, true]);
  });
});
