import { expect } from "chai";
import {
  planCloud,
  volumeName,
  type ClaimObject,
  type CloudView,
  type ServiceObject,
} from "../../../harness/clusters/cloud";
import { isFreePrefix, SetNetwork } from "../../../harness/clusters/network";
import { bootId, isLeftover, type SetState } from "../../../harness/clusters/state";
import { ownProcess } from "../../../harness/tools/lock";

const empty: CloudView = {
  siteAddresses: { IPv4: ["10.88.0.101", "10.88.0.151"], IPv6: ["fd88::101", "fd88::151"] },
  services: [],
  claims: [],
  volumes: [],
};

function service(spec: ServiceObject["spec"], ...ips: string[]): ServiceObject {
  const status = { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } };
  return { metadata: { namespace: "dns-system", name: "knot" }, spec, status };
}

function claim(uid: string, storageClassName: string, volume?: string): ClaimObject {
  const resources = { requests: { storage: "1Gi" } };
  const spec = { storageClassName, accessModes: ["ReadWriteOnce"], resources };
  return {
    metadata: { namespace: "dns-system", name: "storage-knot-0", uid },
    spec: volume === undefined ? spec : { ...spec, volumeName: volume },
  };
}

describe("what a cloud would do", () => {
  it("gives a LoadBalancer Service the usual address, once", () => {
    const balanced = { type: "LoadBalancer" };
    const { addresses } = planCloud({ ...empty, services: [service(balanced)] });
    expect(addresses).to.deep.equal([{ namespace: "dns-system", name: "knot", addresses: ["10.88.0.101"] }]);
    expect(planCloud({ ...empty, services: [service(balanced, "10.88.0.101")] }).addresses).to.deep.equal([]);
  });

  it("gives the address that a Service asks for, and none that is not the cluster's", () => {
    const asks = (loadBalancerIP: string): ServiceObject =>
      service({ type: "LoadBalancer", loadBalancerIP }, "10.88.0.101");
    const [moved] = planCloud({ ...empty, services: [asks("10.88.0.151")] }).addresses;
    expect(moved?.addresses).to.deep.equal(["10.88.0.151"]);
    expect(planCloud({ ...empty, services: [asks("192.0.2.1")] }).addresses).to.deep.equal([]);
  });

  it("gives a Service an address in each of its families, and takes the second one back with its family", () => {
    const both = { type: "LoadBalancer", ipFamilies: ["IPv6", "IPv4"] } as const;
    const given = (spec: ServiceObject["spec"], ...has: string[]) =>
      planCloud({ ...empty, services: [service(spec, ...has)] }).addresses.map(({ addresses }) => addresses);
    expect(given(both, "fd88::101")).to.deep.equal([["fd88::101", "10.88.0.101"]]);
    expect(given(both, "fd88::101", "10.88.0.101")).to.deep.equal([]);
    expect(given({ ...both, loadBalancerIP: "10.88.0.151" })).to.deep.equal([["fd88::101", "10.88.0.151"]]);
    expect(given({ ...both, ipFamilies: ["IPv6"] }, "fd88::101", "10.88.0.101")).to.deep.equal([["fd88::101"]]);
  });

  it("leaves other Services alone", () => {
    expect(planCloud({ ...empty, services: [service({ type: "ClusterIP" })] }).addresses).to.deep.equal([]);
  });

  it("makes one volume for each claim of its class that has none", () => {
    const wanted = claim("1", "local");
    const claims = [wanted, claim("2", "other"), claim("3", "local", "pvc-3")];
    expect(planCloud({ ...empty, claims }).provision).to.deep.equal([wanted]);
    const volumes = [{ metadata: { name: volumeName(wanted) }, spec: { storageClassName: "local" } }];
    expect(planCloud({ ...empty, claims, volumes }).provision).to.deep.equal([]);
  });

  it("lets a claim of its class grow that is bound and asks for more than it has", () => {
    const grown = (uid: string, storageClass: string, storage: string): ClaimObject => ({
      ...claim(uid, storageClass, `pvc-${uid}`),
      status: { phase: "Bound", capacity: { storage } },
    });
    const small = grown("1", "local", "1Mi");
    const has = small.spec.resources.requests.storage;
    const claims = [small, grown("2", "local", has), grown("3", "other", "1Mi"), claim("4", "local", "pvc-4")];
    expect(planCloud({ ...empty, claims }).grow).to.deep.equal([small]);
  });

  it("drops a volume only when it is released, of its class, and not to be retained", () => {
    const volume = (name: string, policy: string, phase: string): CloudView["volumes"][number] => ({
      metadata: { name },
      spec: { storageClassName: "local", persistentVolumeReclaimPolicy: policy },
      status: { phase },
    });
    const volumes = [
      volume("a", "Delete", "Released"),
      volume("b", "Retain", "Released"),
      volume("c", "Delete", "Bound"),
    ];
    expect(planCloud({ ...empty, volumes }).remove).to.deep.equal(["a"]);
  });
});

describe("the network of a set", () => {
  const routes = `default via 192.0.2.1 dev eth0
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2
10.88.0.0/24 dev dnsmesh0 proto kernel scope link src 10.88.0.1
local 10.88.0.1 dev dnsmesh0 table local
broadcast 10.90.7.255 dev x table local
10.92.0.0/14 via 192.0.2.9 dev eth0`;

  it("avoids what the machine routes or has, be it smaller or larger", () => {
    expect(isFreePrefix("10.88.0", routes)).to.equal(false);
    expect(isFreePrefix("10.90.7", routes)).to.equal(false);
    expect(isFreePrefix("10.94.3", routes)).to.equal(false);
  });

  it("takes what only the default route covers", () => {
    expect(isFreePrefix("10.88.1", routes)).to.equal(true);
    expect(isFreePrefix("10.91.255", routes)).to.equal(true);
  });

  it("gives every cluster addresses of its own", () => {
    const network = new SetNetwork(0, "10.88.0");
    const places = Array.from({ length: 40 }, (_, place) => place);
    for (const family of ["IPv4", "IPv6"] as const) {
      const addresses = places.flatMap((place) => [
        network.nodeAddress(place, family),
        ...network.siteAddresses(place, family),
      ]);
      expect(new Set([network.hostAddress(family), ...addresses])).to.have.lengthOf(1 + 3 * 40);
    }
  });
});

describe("what a killed run left", () => {
  const alive: SetState = {
    index: 0,
    prefix: "10.88.0",
    owner: ownProcess(),
    keep: false,
    enforcePolicies: false,
    ready: true,
    boot: bootId(),
    clusters: [],
  };
  const dead = { ...alive, owner: { pid: process.pid, started: "0" } };

  it("is a set whose owner is gone, unless it is whole and to be kept", () => {
    expect(isLeftover(alive)).to.equal(false);
    expect(isLeftover(dead)).to.equal(true);
    expect(isLeftover({ ...dead, keep: true })).to.equal(false);
    expect(isLeftover({ ...dead, keep: true, ready: false })).to.equal(true);
  });

  it("is every set of an earlier boot, and a folder without a state", () => {
    expect(isLeftover({ ...alive, keep: true, boot: "another" })).to.equal(true);
    expect(isLeftover(undefined)).to.equal(true);
  });
});
