import { expect } from "chai";
import type { Cluster } from "../../../harness/clusters";
import { eventually } from "../../../harness/eventually";
import { kdigAnswer } from "../../../harness/kdig";
import { zoneNames, type RunningMesh } from "../../../harness/mesh/running-mesh";
import { sharedMesh } from "../../../harness/mesh/shared-mesh";
import { seedExample } from "../../../harness/records/good-specs";

const namespace = "dns-system";
const name = "new-server.standard-1.internal.dns";

describe("DnsRecords in a site's cluster", function () {
  this.timeout(120_000);
  let mesh: RunningMesh;
  let cluster: Cluster;

  before(async () => {
    mesh = await sharedMesh();
    cluster = mesh.cluster("site-c");
  });

  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    cluster.kubectl(["-n", namespace, ...args], input);

  const programmed = (record: string): Promise<string> =>
    kubectl(["wait", "--for=condition=Programmed", `dnsrecord/${record}`, "--timeout=60s"]);

  /** What every site of the mesh answers. */
  async function answers(of: string): Promise<string[]> {
    const asked = mesh.sites.map(({ addresses }) => kdigAnswer(addresses[0] ?? "", of, "A"));
    return (await Promise.all(asked)).map((text) => text.trim());
  }

  const everywhere = (answer: string): string[] => mesh.sites.map(() => answer);

  /** The pod that leads, and those that there are. */
  async function operators(): Promise<{ leader: string; pods: string[] }> {
    const leader = await kubectl(["get", "lease", "dns-mesh-records", "-o", "jsonpath={.spec.holderIdentity}"]);
    const selector = ["-l", "app.kubernetes.io/name=record-operator", "--field-selector=status.phase=Running"];
    const pods = await kubectl(["get", "pods", ...selector, "-o", "jsonpath={.items[*].metadata.name}"]);
    return { leader, pods: pods.split(" ").sort() };
  }

  it("are served by two replicas, one of which leads", async () => {
    const { leader, pods } = await operators();
    expect(pods).to.have.length(2).and.to.include(leader);
  });

  /** Has the seed's example in the cluster and on every site, whatever there was. */
  async function seedExampleApplied(): Promise<void> {
    await kubectl(["apply", "-f", "-"], seedExample);
    await programmed("new-server-in-standard-1");
  }

  it("are answered by every site once they are ready: the seed's example as it stands", async () => {
    await seedExampleApplied();
    expect(await answers(name)).to.deep.equal(everywhere("10.10.1.5"));
    const row = (await kubectl(["get", "dnsrecords", "--no-headers"])).trim().split(/\s+/);
    expect(row.slice(0, -1)).to.deep.equal([
      "new-server-in-standard-1",
      "standard-1.internal.dns",
      "new-server",
      "A",
      "10.10.1.5",
      "3600",
      "True",
    ]);
  });

  it("stay as they are when they are applied again", async () => {
    await seedExampleApplied();
    const look = (): Promise<string> => kubectl(["get", "dnsrecord", "new-server-in-standard-1", "-o", "yaml"]);
    const before = await look();
    expect(await kubectl(["apply", "-f", "-"], seedExample)).to.contain("unchanged");
    expect(await look()).to.equal(before);
  });

  it("follow a change", async () => {
    await seedExampleApplied();
    const patch = JSON.stringify({ spec: { value: "10.10.1.6" } });
    await kubectl(["patch", "dnsrecord", "new-server-in-standard-1", "--type=merge", "-p", patch]);
    await eventually(30, async () => {
      expect(await answers(name)).to.deep.equal(everywhere("10.10.1.6"));
    });
  });

  it("are gone from every site when kubectl says that they are deleted", async () => {
    await seedExampleApplied();
    await kubectl(["delete", "dnsrecord", "new-server-in-standard-1", "--timeout=60s"]);
    await eventually(30, async () => {
      expect(await answers(name)).to.deep.equal(everywhere(""));
    });
  });

  it("are refused when the zone is another site's, with who may help", async () => {
    const owner = mesh.sites.find((site) => site.name !== cluster.name);
    const zone = owner === undefined ? "" : zoneNames(owner)[0];
    const spec = { zone, name: "www", type: "A", value: "192.0.2.1" };
    const record = { apiVersion: "dns.mesh.io/v1alpha1", kind: "DnsRecord", metadata: { name: "strange" }, spec };
    await kubectl(["apply", "-f", "-"], JSON.stringify(record));
    await kubectl(["wait", "--for=condition=Accepted=False", "dnsrecord/strange", "--timeout=60s"]);
    const why = await kubectl(["get", "dnsrecord", "strange", "-o", "jsonpath={.status.conditions[*].message}"]);
    expect(why).to.contain(`${zone} is a zone of ${owner?.name}`);
    await kubectl(["delete", "dnsrecord", "strange", "--timeout=60s"]);
  });

  it("may be changed by whoever may edit in the namespace, and their status by the operator alone", async () => {
    await kubectl(["create", "rolebinding", "record-editors", "--clusterrole=edit", "--user=ed"]);
    const may = (verb: string, ...what: string[]): Promise<string> =>
      kubectl(["auth", "can-i", verb, "dnsrecords.dns.mesh.io", ...what, "--as=ed"]).then(
        (text) => text.trim(),
        () => "no",
      );
    await eventually(20, async () => {
      expect(await may("create")).to.equal("yes");
    });
    expect(await may("patch", "--subresource=status")).to.equal("no");
    await kubectl(["delete", "rolebinding", "record-editors"]);
  });

  it("are served on when the leader is killed", async () => {
    const { leader } = await operators();
    await kubectl(["delete", "pod", leader, "--grace-period=0", "--force"]);
    await eventually(40, async () => {
      expect((await operators()).leader).not.to.be.oneOf(["", leader]);
    });
    await seedExampleApplied();
    expect(await answers(name)).to.deep.equal(everywhere("10.10.1.5"));
  });
});
