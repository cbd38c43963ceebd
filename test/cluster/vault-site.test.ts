import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { StorageServer, storageKeys } from "../../harness/backups/storage";
import { run } from "../../harness/tools/run";
import { FullLoad } from "../../harness/load/full-load";
import { DnsClient } from "../../src/dns/client/dns-client";
import { isNewerSerial } from "../../src/dns/serial";
import { VaultClient } from "../../src/vault/client";
import type { KeptKeys } from "../../src/contract/kept-keys";
import { parseRingDocument, type RingDocument } from "../../src/keyring/ring-document";
import { createClusters, type Cluster, type ClusterSet } from "../../harness/clusters";
import { readInPod } from "../../harness/clusters/read-in-pod";
import { blocksOf } from "../../harness/docs/blocks";
import { apexTexts } from "../../harness/dnssec/validators";
import { eventually } from "../../harness/eventually";
import { rotateOnce } from "../../lab/rotator";
import { loadedMesh } from "../../harness/mesh/loaded-mesh";
import { MeshRotator } from "../../harness/mesh/mesh-rotator";
import { listedSite, RunningMesh, zoneNames } from "../../harness/mesh/running-mesh";
import { serviceAccountKeys } from "../../harness/service-account-keys";
import { startVault, type VaultServer } from "../../harness/plugins/vault-server";
import { dataOf, vaultUser, type Ask } from "../../harness/vault-user";

/** A zone that site-b signs. */
const signed = "signed.internal.dns";

/** Steps of one mesh's life, in order: each starts from what the one before left. */
describe("two sites in real clusters whose keys and certificates come from a real Vault", function () {
  this.timeout(300_000);
  const namespace = ["-n", "dns-system"];
  const tokenBefore = process.env["VAULT_TOKEN"];
  let set: ClusterSet;
  let cluster: Cluster;
  let vault: VaultServer;
  let root: Ask;
  let mesh: RunningMesh;
  let rotator: MeshRotator;
  let storage: StorageServer;
  let folder: string;
  let backups: Readonly<Record<string, unknown>>;

  before(async () => {
    set = await createClusters({ names: ["site-a", "site-b"], log: () => undefined });
    cluster = set.get("site-a");
    vault = await startVault(set.hostAddress);
    root = vaultUser(vault, vault.token);
    process.env["VAULT_TOKEN"] = vault.token;
    const [settings = ""] = blocksOf("docs/guides/vault.md#vault", "yaml");
    const [entry = ""] = blocksOf("docs/guides/vault.md#letting-a-clusters-pods-in-by-jwt", "yaml");
    const [{ vault: listedVault }] = parse(entry) as [{ vault: { serviceAccountKeys: string[] } }];
    mesh = new RunningMesh({
      clusters: set.clusters,
      sharedConfig: {
        ...(parse(settings.replace("https://vault.example:8200", vault.address)) as { config: object }).config,
      },
      // A load from one address, and rotators that run when they are told to.
      siteConfig: {
        "dns-mesh:rateLimit": { exempt: [`${set.hostAddress}/32`] },
        "dns-mesh:rotatorSchedule": "0 0 29 2 *",
      },
    });
    const listed = set.clusters.map(async (one, i) => ({
      ...listedSite(one, i),
      vault: { ...listedVault, serviceAccountKeys: await serviceAccountKeys(one) },
    }));
    const sites = await Promise.all(listed);
    sites[1]?.zones.push({ name: signed, dnssec: true });
    await mesh.list(sites);
    await mesh.up("shared");
    folder = await mkdtemp(join(tmpdir(), "backup-storage-"));
    const [buckets, state] = ["buckets", "state"].map((name) => join(folder, name)) as [string, string];
    await mkdir(state);
    storage = await StorageServer.start(buckets, { address: set.hostAddress, state });
    const [backupSettings = ""] = blocksOf("docs/guides/backups.md#turning-it-on", "yaml");
    const { config } = parse(backupSettings) as { config: { "dns-mesh:backups": object } };
    backups = {
      ...{ ...config["dns-mesh:backups"], ...storageKeys, endpoint: storage.url, bucket: "bucket", caCert: storage.ca },
      ...{ password: "password-of-the-repository", schedule: "0 0 29 2 *", drillSchedule: "0 0 29 2 *" },
    };
    for (const one of set.clusters)
      await mesh.configureSite(one, one.name === "site-b" ? { "dns-mesh:backups": backups } : {});
    await Promise.all(set.clusters.map(({ name }) => mesh.up(name)));
    const auth = { method: "token" as const, token: vault.token };
    rotator = new MeshRotator({
      ...{ mesh, site: "site-a", vault: new VaultClient({ address: vault.address, auth }) },
      settings: { every: 86_400, patience: 60, overlap: 1, margin: 4 },
    });
  });
  after(async () => {
    if (tokenBefore === undefined) delete process.env["VAULT_TOKEN"];
    else process.env["VAULT_TOKEN"] = tokenBefore;
    await storage[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
    await mesh[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
    await set[Symbol.asyncDispose]();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(rotator.log);
  });

  const fileAt = (site: Cluster, path: string): Promise<string> =>
    readInPod(site, { namespace: "dns-system", pod: "knot-0", container: "knot" }, `/storage/mesh/${path}`);
  const file = (path: string): Promise<string> => fileAt(cluster, path);
  const ringInVault = async (): Promise<RingDocument> =>
    parseRingDocument((dataOf(await root("GET", "dns-mesh/data/ring")) as { data: unknown }).data);
  const jobLogs: string[] = [];
  const runJob = async (name: string): Promise<RingDocument> => {
    await cluster.kubectl([...namespace, "create", "job", name, "--from=cronjob/key-rotator"]);
    await cluster.kubectl([...namespace, "wait", "--for=condition=complete", `job/${name}`, "--timeout=90s"]);
    jobLogs.push(await cluster.kubectl([...namespace, "logs", `job/${name}`]));
    return ringInVault();
  };
  const haveRing = (ring: RingDocument): Promise<void> =>
    eventually(40, async () => {
      for (const one of set.clusters)
        expect(parseRingDocument(JSON.parse(await fileAt(one, "ring.json"))), one.name).to.deep.equal(ring);
    });

  it("have the ring and a certificate of Vault's on their volumes, and neither in a Secret", async () => {
    await haveRing(await ringInVault());
    for (const one of set.clusters) {
      const { ca } = await mesh.packet(one.name);
      const certificate = new X509Certificate(await fileAt(one, "tls/tls.crt"));
      expect(certificate.verify(new X509Certificate(ca).publicKey)).to.equal(true);
      expect(certificate.subjectAltName).to.equal(`DNS:${one.name}.dns.internal, IP Address:${one.siteAddress}`);
      const secrets = await one.kubectl([...namespace, "get", "secrets", "-o", "name"]);
      const own = ["local-key", "readers", "records", "updaters"].map((name) => `secret/tsig-${name}`);
      const ofBackups = ["password", "storage", "token"].map((name) => `secret/backup-${name}`);
      expect(secrets.trim().split("\n")).to.have.members(one.name === "site-b" ? [...own, ...ofBackups] : own);
    }
    await mesh.converged(30);
  });

  it("have their ring advanced by the rotator's pod, which the agents take over", async () => {
    expect((await ringInVault()).current).to.not.have.property("createdAt");
    const advanced = await runJob("stamp");
    expect(advanced.current).to.have.property("createdAt");
    await haveRing(advanced);
  });

  it("are not touched by another up, and neither is the ring", async () => {
    const before = await ringInVault();
    for (const stack of ["shared", "site-a"])
      expect(Object.keys((await mesh.up(stack)).changes), stack).to.deep.equal(["same"]);
    expect(await ringInVault()).to.deep.equal(before);
  });

  it("rotate three times at full load: no failed transfer, no refused NOTIFY, no lost answer", async () => {
    for (const one of set.clusters) await lookOften(one);
    const first = (await ringInVault()).current.name;
    await using load = FullLoad.start(await loadedMesh({ mesh, ring: ringInVault }));
    for (let i = 0; i < 3; i++) await rotateOnce(rotator);
    const { failures, ...counts } = await load.stop();
    expect(failures.slice(0, 9), `the first of ${failures.length}`).to.deep.equal([]);
    const { transfers, notifies, answers } = counts;
    expect({ failed: transfers.failed, refused: notifies.refused, lost: answers.lost }).to.deep.equal({
      ...{ failed: 0, refused: 0, lost: 0 },
    });
    // How many there are depends on the machine; a count that is stuck must not pass for none that failed.
    for (const [what, { tried }] of Object.entries(counts)) expect(tried, what).to.be.greaterThan(30);
    const rotated = await ringInVault();
    expect([rotated.previous?.name, rotated.current.name, rotated.next?.name]).to.not.include(first);
  });

  /** Lets a site's agent look at Vault so often as tests have time for, as no stack does. */
  async function lookOften(one: Cluster): Promise<void> {
    const name = "vault.json";
    const config = ["configmap", "knot-config"];
    const told = await one.kubectl([...namespace, "get", ...config, "-o", "jsonpath={.data.vault\\.json}"]);
    const data = { [name]: JSON.stringify({ ...(JSON.parse(told) as object), pollSeconds: 0.5 }) };
    await one.kubectl([...namespace, "patch", ...config, "--type=merge", "-p", JSON.stringify({ data })]);
    const agent = { namespace: "dns-system", pod: "knot-0", container: "agent" };
    let tries = 0;
    await eventually(30, async () => {
      await one.kubectl([...namespace, "annotate", "--overwrite", "pod/knot-0", `dns-mesh.test/told=${(tries += 1)}`]);
      expect(await one.execInPod(agent, ["cat", `/etc/dns-mesh/${name}`])).to.include("pollSeconds");
    });
  }

  it("have a rotation scheduled by the rotator's pod once both have answered with the next key", async () => {
    await rotator.run(true);
    const started = await ringInVault();
    expect(started.next).to.not.have.property("signFrom");
    await haveRing(started);
    const scheduled = await runJob("schedule");
    expect(scheduled.next).to.have.property("signFrom");
    expect(jobLogs.at(-1)).to.match(/"answered":\["site-a","site-b"\]/);
    await haveRing(scheduled);
  });

  it("show no secret in their state, their outputs or their pods' logs", async () => {
    const key = (await file("tls/tls.key")).split("\n")[1]!;
    const { current, next } = await ringInVault();
    const logs = await Promise.all(
      ["prepare", "agent", "knot"].map((name) => cluster.kubectl([...namespace, "logs", "knot-0", "-c", name])),
    );
    const texts = [
      ...[...logs, ...jobLogs],
      JSON.stringify(await mesh.driver.exportState("site-a")),
      JSON.stringify(await mesh.driver.outputs("shared")),
      await cluster.kubectl([...namespace, "get", "configmaps,statefulsets,cronjobs", "-o", "json"]),
    ];
    const rings = [current, next!].flatMap(({ secret }) => [secret, Buffer.from(secret, "base64").toString()]);
    for (const text of texts) {
      for (const secret of [key, ...rings]) expect(text).to.not.contain(secret);
    }
  });

  it("keep their zones' DNSSEC keys in Vault, with which a new volume begins", async () => {
    const owner = set.get("site-b");
    const dnskeys = () => apexTexts({ address: owner.siteAddress, port: 53 }, signed, "DNSKEY");
    const before = await dnskeys();
    expect(before).to.have.length(2);
    await eventually(30, async () => {
      const { data } = dataOf(await root("GET", "dns-mesh/data/zone-keys/site-b")) as { data?: KeptKeys };
      expect(data).to.deep.include({ site: "site-b", zones: [signed] });
      expect(data?.keys).to.have.length(2);
    });
    await owner.kubectl([...namespace, "delete", "pvc", "storage-knot-0", "--wait=false"]);
    await owner.kubectl([...namespace, "delete", "pod", "knot-0"]);
    await owner.kubectl([...namespace, "rollout", "status", "statefulset/knot", "--timeout=120s"]);
    expect(await owner.kubectl([...namespace, "logs", "knot-0", "-c", "prepare"])).to.contain(
      "the zones' keys are back",
    );
    await eventually(30, async () => {
      expect(await dnskeys()).to.deep.equal(before);
    });
  });

  /** The commands of a document that ask the cluster. */
  const kubectlOf = (section: string): string[][] =>
    blocksOf(section, "sh")
      .flatMap((text) => text.split("\n"))
      .filter((line) => line.startsWith("kubectl "))
      .map((line) => line.split(" ").slice(1));

  /** A command of a document that has site-b restored. */
  const meshCommand = async (command: string): Promise<void> => {
    const owner = set.get("site-b");
    const options = command.trim().replace("site-c", "site-b").split(" ").slice(5);
    const place = ["--context", owner.context, "--kubeconfig", owner.kubeconfig];
    const cli = join(__dirname, "../../src/cli/mesh.ts");
    expect(await run("node", ["--import=tsx", cli, ...options, ...place])).to.contain("site-b has its zones back");
  };

  it("are backed up and drilled by their jobs, and put back as they were at a time", async () => {
    const owner = set.get("site-b");
    const texts = async () => {
      const { answers } = await new DnsClient().query({ address: owner.siteAddress, port: 53 }, signed, "TXT");
      return answers.filter(({ type }) => type === "TXT").length;
    };
    try {
      for (const args of kubectlOf("docs/guides/backups.md#turning-it-on"))
        await owner.kubectl(args.map((word) => word.replace("--timeout=5m", "--timeout=100s")));
    } catch (error) {
      const pods = ["pods", "-l", "app.kubernetes.io/name=backup"];
      const described = await owner.kubectl([...namespace, "describe", ...pods]);
      const logs = await owner.kubectl([...namespace, "logs", ...pods.slice(1), "--all-containers"]).catch(String);
      throw new Error(`${described}\n${logs}`, { cause: error });
    }
    const at = new Date().toISOString();
    const knotc = (...args: string[]) =>
      owner.execInPod({ namespace: "dns-system", pod: "knot-0", container: "knot" }, [
        ...["knotc", "-s", "/rundir/knot.sock"],
        ...args,
      ]);
    for (const step of [["zone-begin"], ["zone-set"], ["zone-commit"]])
      await knotc(...step, signed, ...(step[0] === "zone-set" ? ["@", "60", "TXT", '"a mistake"'] : []));
    await eventually(10, async () => expect(await texts()).to.equal(1));
    const [command = ""] = blocksOf("docs/guides/backups.md#putting-zones-back-as-they-were", "sh");
    await meshCommand(command.replace("2026-11-29T08:00:00Z", at));
    await eventually(10, async () => expect(await texts()).to.equal(0));
    await mesh.converged(30);
    // As "docs/runbooks/backup-failing.md#runbook-a-backup-or-a-restore-drill-fails" looks.
    for (const args of kubectlOf("docs/runbooks/backup-failing.md#runbook-a-backup-or-a-restore-drill-fails"))
      await owner.kubectl(args.map((word) => word.replace("<name>", "first-drill")));
  });

  it("come back in a new, empty cluster in the place of one that was lost, with their keys and newer serials", async () => {
    const owner = set.get("site-b");
    const dnskeys = () => apexTexts({ address: owner.siteAddress, port: 53 }, signed, "DNSKEY");
    const keys = await dnskeys();
    const before = await mesh.converged(30);
    await set.replace("site-b");
    // With Vault, the new cluster's own keys stand in the list.
    const serviceAccounts = await serviceAccountKeys(owner);
    const sites = mesh.sites.map((site) =>
      site.name === "site-b" ? { ...site, vault: { ...site.vault, serviceAccountKeys: serviceAccounts } } : site,
    );
    await mesh.list(sites);
    await mesh.up("shared");
    const [commands = ""] = blocksOf("docs/runbooks/site-lost.md#runbook-a-site-is-lost", "sh");
    // What the runbook's commands do, by the Automation API; `&` and `wait` make the second and the third one step.
    let bringing: Promise<unknown> = Promise.resolve();
    for (const line of commands.trim().split("\n")) {
      const [value = ""] = /(true|false)$/.exec(line) ?? [];
      if (line.includes("config set"))
        await mesh.configureSite(owner, { "dns-mesh:backups": { ...backups, awaitRestore: value === "true" } });
      else if (line.includes("refresh")) await mesh.driver.refresh("site-b");
      else if (line.endsWith("&")) {
        bringing = mesh.up("site-b");
        bringing.catch(() => undefined);
      } else if (line.includes("restore")) await eventually(200, () => meshCommand(line), 1000);
      else if (line === "wait") await bringing;
      else await mesh.up("site-b");
    }
    // The machine's own neighbour table has the old node's link address at first.
    await eventually(30, async () => expect(await dnskeys()).to.deep.equal(keys));
    const after = await mesh.converged(60);
    for (const zone of [signed, ...zoneNames(listedSite(owner, 1))])
      expect(isNewerSerial(after.get(zone) ?? 0, before.get(zone) ?? 0), zone).to.equal(true);
  });

  it("come back with what their volumes hold when Vault is away", async () => {
    const before = await file("ring.json");
    await vault[Symbol.asyncDispose]();
    await cluster.kubectl([...namespace, "delete", "pod", "knot-0", "--wait=true"]);
    await eventually(60, () =>
      cluster.kubectl([...namespace, "wait", "--for=condition=Ready", "pod/knot-0", "--timeout=30s"]),
    );
    expect(await file("ring.json")).to.equal(before);
  });
});
