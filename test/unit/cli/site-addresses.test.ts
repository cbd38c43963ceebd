import { expect } from "chai";
import { addressFinder, type AddressPlaces } from "../../../src/cli/site-addresses";
import type { KubeObject } from "../../../src/kube/answer";
import type { Site } from "../../../src/mesh/model";
import { serviceSchema } from "../../../src/settings/site-parts";

const site: Site = { name: "site-c", role: "standard", addresses: ["192.0.2.3"], auto: true, sources: [], zones: [] };
const labels = { "app.kubernetes.io/part-of": "dns-mesh" };
const service = (changes: object = {}): KubeObject => ({
  metadata: { labels },
  spec: { type: "LoadBalancer" },
  status: { loadBalancer: { ingress: [{ ip: "192.0.2.9" }] } },
  ...changes,
});
const packetOf = (name: string, directoryZone: string): KubeObject => ({
  data: { "welcome.json": JSON.stringify({ directoryZone, site: { name } }) },
});
const objects = "/api/v1/namespaces/dns-system";

/** What a cluster with some objects says, or one that fails. */
async function found(there: Readonly<Record<string, KubeObject>>, more: Partial<AddressPlaces> = {}, settings = {}) {
  const config = { namespace: "dns-system", context: "c", kubeconfig: "k", service: serviceSchema.parse(settings) };
  const find = addressFinder({
    directoryZone: "dns.internal",
    configOf: () => config,
    connect: () => Promise.resolve({ get: (path: string) => Promise.resolve(there[path]) }),
    ...more,
  });
  const each = await find(site);
  return each.kind === "given" ? each.addresses.join() : `${each.kind}: ${each.reason}`;
}

describe("a cluster that is asked for a site's address", () => {
  const own = { [`${objects}/configmaps/knot-config`]: packetOf("site-c", "dns.internal") };

  it("is asked for each Service that makes up the site", async () => {
    expect(await found({ [`${objects}/services/knot`]: service() })).to.equal("192.0.2.9");
    expect(await found({ [`${objects}/services/knot`]: service() }, {}, { split: true })).to.equal(
      "none: Service knot-tcp is not there yet",
    );
    expect(await found({})).to.equal("none: Service knot is not there yet");
  });

  it("is not believed when it is another site's, or the Service somebody else's", async () => {
    const at = { [`${objects}/services/knot`]: service() };
    expect(await found({ ...own, ...at })).to.equal("192.0.2.9");
    const other = { [`${objects}/configmaps/knot-config`]: packetOf("site-b", "dns.internal"), ...at };
    expect(await found(other)).to.match(/^unseen: this is the cluster of site-b, not of site-c/);
    const stranger = { [`${objects}/configmaps/knot-config`]: packetOf("site-c", "other.internal"), ...at };
    expect(await found(stranger)).to.match(/^unseen: this is the site-c of another mesh/);
    const theirs = { [`${objects}/services/knot`]: service({ metadata: { labels: {} } }) };
    expect(await found(theirs)).to.match(/^unseen: the Service knot in dns-system is not of dns-mesh/);
  });

  it("may be away, or not known here, which says nothing of the address", async () => {
    const connect = () => Promise.reject(new Error("no route"));
    expect(await found({}, { connect })).to.equal("unseen: no route");
    expect(await found({}, { configOf: () => undefined })).to.match(/^unseen: its settings are not here/);
    expect(await found({}, {}, { verifyAddress: false })).to.match(/^unusable: .*verifyAddress/);
  });
});
