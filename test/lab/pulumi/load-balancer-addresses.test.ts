import { expect } from "chai";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkOut, type Checkout } from "../../../harness/docs/checkout";
import { Reader } from "../../../harness/docs/reader";
import { eventually } from "../../../harness/eventually";
import { type ControlPlane, startControlPlane } from "../../../harness/plugins/control-plane";
import { standInForPods } from "../../../harness/plugins/pod-stand-in";

const listFile = "Pulumi.shared.yaml";
const list = `config:
  dns-mesh:mesh:
    directoryZone: dns.internal
    catalogZone: catalog.internal.dns
    sites:
      - { name: site-a, role: primary-catalog, addresses: [192.0.2.1], zones: [a.example] }
`;

/** Small sites beside each other in one cluster. */
const siteText = (site: string): string => `config:
  dns-mesh:shared: organization/dns-mesh/shared
  dns-mesh:context: plane
  dns-mesh:namespace: ${site}
  dns-mesh:replicas: "1"
  dns-mesh:records: "false"
`;

/** With the engine, and a cluster whose load balancers have the addresses that they are given here. */
describe("addresses from load balancers, by their guide", function () {
  this.timeout(300_000);
  let plane: ControlPlane;
  let pods: AsyncDisposable;
  /** Of load balancers, by namespace. */
  const addresses = new Map<string, string>();
  let checkout: Checkout;
  let reader: Reader;

  before(async () => {
    plane = await startControlPlane();
    pods = await standInForPods(plane, { address: "192.0.2.1", addresses });
    checkout = await checkOut();
    mkdirSync(join(checkout.folder, "../.kube"));
    writeFileSync(join(checkout.folder, "../.kube/config"), readFileSync(plane.kubeconfig), { mode: 0o600 });
    writeFileSync(join(checkout.folder, listFile), list);
    for (const site of ["site-a", "site-c"])
      writeFileSync(join(checkout.folder, `Pulumi.${site}.yaml`), siteText(site));
    reader = new Reader({ folder: checkout.folder, env: checkout.env });
    await reader.shell(`mkdir ../state && pulumi login "file://$(realpath ../state)"
export PULUMI_CONFIG_PASSPHRASE='of a test'
npm run --silent mesh -- up --yes --new --only shared`);
  });
  after(async () => {
    checkout[Symbol.dispose]();
    await pods[Symbol.asyncDispose]();
    await plane[Symbol.asyncDispose]();
  });

  const listed = (): string => readFileSync(join(checkout.folder, listFile), "utf8");

  it("takes the address of a load balancer into the list, once there is one", async () => {
    addresses.set("site-c", "203.0.113.3");
    reader.open("docs/guides/load-balancer-addresses.md#addresses-from-load-balancers-addresses-auto");
    const text = listed().replace("    sites:\n", `    sites:\n${reader.next("yaml")}`);
    writeFileSync(join(checkout.folder, listFile), text);
    const said = await reader.run();
    expect(said).to.match(/\+ site site-c: standard, in the directory with its zones \(1\) once its load balancer/);
    expect(said).to.match(/site-c: warning: site-c waits for an address[\s\S]*its Service alone/);
    expect(said).to.match(/site-c: {3}create kubernetes:core\/v1:Service site-c-service\n/);
    expect(said).to.match(/site-c is at 203\.0\.113\.3, by its load balancer\n[\s\S]*up: shared, site-c, site-a$/m);
    // The whole site goes on with the Service that got the address.
    expect(said).not.to.match(/(replace|delete)\S* kubernetes:core\/v1:Service site-c-service\n/);
    expect(listed()).to.include(reader.next("yaml"));
    reader.close();
  });

  it("shows another address in a preview, and writes nothing", async () => {
    addresses.set("site-c", "203.0.113.9");
    const before = listed();
    await eventually(20, async () => {
      const preview = await reader.shell("npm run --silent mesh -- preview --stack shared");
      expect(preview).to.match(/~ site addresses: 203\.0\.113\.3 → 203\.0\.113\.9/);
      expect(preview).to.match(/site-c is at 203\.0\.113\.9, by its load balancer, and the list has 203\.0\.113\.3/);
    });
    expect(listed()).to.equal(before);
  });
});
