import { expect } from "chai";
import { X509Certificate } from "node:crypto";
import type { WelcomePacket } from "../../src/mesh/model";
import { parseRingDocument, type RingDocument } from "../../src/mesh/ring-document";
import { createClusters, type Cluster, type ClusterSet } from "../support/clusters";
import { eventually } from "../support/eventually";
import { serviceAccountKeys } from "../support/service-account-keys";
import { listedSite, RunningMesh } from "../support/mesh/running-mesh";
import { startVault, type VaultServer } from "../support/plugins/vault-server";
import { dataOf, vaultUser, type Ask } from "../support/vault-user";

describe("a site in a real cluster whose keys and certificate come from a real Vault", function () {
  this.timeout(300_000);
  const namespace = ["-n", "dns-system"];
  const tokenBefore = process.env["VAULT_TOKEN"];
  let set: ClusterSet;
  let cluster: Cluster;
  let vault: VaultServer;
  let root: Ask;
  let mesh: RunningMesh;

  before(async () => {
    set = await createClusters({ names: ["site-a"], log: () => undefined });
    cluster = set.get("site-a");
    vault = await startVault(set.hostAddress);
    root = vaultUser(vault, vault.token);
    process.env["VAULT_TOKEN"] = vault.token;
    const keys = serviceAccountKeys(await cluster.kubectl(["get", "--raw", "/openid/v1/jwks"]));
    mesh = new RunningMesh({
      clusters: set.clusters,
      sharedConfig: { "dns-mesh:vault": { address: vault.address } },
    });
    await mesh.list([{ ...listedSite(cluster, 0), vault: { serviceAccountKeys: keys } }]);
    await mesh.up("shared");
    await mesh.configureSite(cluster);
    await mesh.up("site-a");
  });
  after(async () => {
    if (tokenBefore === undefined) delete process.env["VAULT_TOKEN"];
    else process.env["VAULT_TOKEN"] = tokenBefore;
    await mesh[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
    await set[Symbol.asyncDispose]();
  });

  const file = (path: string): Promise<string> =>
    cluster.execInPod({ namespace: "dns-system", pod: "knot-0", container: "knot" }, ["cat", `/storage/mesh/${path}`]);
  const ringInVault = async (): Promise<RingDocument> =>
    parseRingDocument((dataOf(await root("GET", "dns-mesh/data/ring")) as { data: unknown }).data);

  it("has the ring and a certificate of Vault's on its volume, and neither in a Secret", async () => {
    expect(parseRingDocument(JSON.parse(await file("ring.json")))).to.deep.equal(await ringInVault());
    const { sites } = await mesh.driver.outputs("shared");
    const { ca } = (sites?.value as Record<string, WelcomePacket>)["site-a"]!;
    const certificate = new X509Certificate(await file("tls/tls.crt"));
    expect(certificate.verify(new X509Certificate(ca).publicKey)).to.equal(true);
    expect(certificate.subjectAltName).to.equal(`DNS:site-a.dns.internal, IP Address:${cluster.siteAddress}`);
    const secrets = await cluster.kubectl([...namespace, "get", "secrets", "-o", "name"]);
    expect(secrets.trim().split("\n")).to.have.members(["secret/tsig-local-key", "secret/tsig-readers"]);
  });

  it("has its ring advanced by the rotator's pod, which the agent takes over", async () => {
    expect((await ringInVault()).current).to.not.have.property("createdAt");
    await cluster.kubectl([...namespace, "create", "job", "rotation", "--from=cronjob/key-rotator"]);
    await cluster.kubectl([...namespace, "wait", "--for=condition=complete", "job/rotation", "--timeout=90s"]);
    const advanced = await ringInVault();
    expect(advanced.current).to.have.property("createdAt");
    await eventually(40, async () => {
      expect(parseRingDocument(JSON.parse(await file("ring.json")))).to.deep.equal(advanced);
    });
  });

  it("is not touched by another up, and neither is the ring", async () => {
    const before = await ringInVault();
    for (const stack of ["shared", "site-a"])
      expect(Object.keys((await mesh.up(stack)).changes), stack).to.deep.equal(["same"]);
    expect(await ringInVault()).to.deep.equal(before);
  });

  it("shows no secret in its state, its outputs or its pods' logs", async () => {
    const key = (await file("tls/tls.key")).split("\n")[1]!;
    const ring = (await ringInVault()).current.secret;
    const logs = await Promise.all(
      ["prepare", "agent", "knot"].map((name) => cluster.kubectl([...namespace, "logs", "knot-0", "-c", name])),
    );
    const texts = [
      ...[...logs, await cluster.kubectl([...namespace, "logs", "job/rotation"])],
      JSON.stringify(await mesh.driver.exportState("site-a")),
      JSON.stringify(await mesh.driver.outputs("shared")),
      await cluster.kubectl([...namespace, "get", "configmaps,statefulsets,cronjobs", "-o", "json"]),
    ];
    for (const text of texts) {
      for (const secret of [key, ring, Buffer.from(ring, "base64").toString()]) expect(text).to.not.contain(secret);
    }
  });

  it("comes back with what its volume holds when Vault is away", async () => {
    const before = await file("ring.json");
    await vault[Symbol.asyncDispose]();
    await cluster.kubectl([...namespace, "delete", "pod", "knot-0", "--wait=true"]);
    await eventually(60, () =>
      cluster.kubectl([...namespace, "wait", "--for=condition=Ready", "pod/knot-0", "--timeout=30s"]),
    );
    expect(await file("ring.json")).to.equal(before);
  });
});
