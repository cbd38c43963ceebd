import { expect } from "chai";
import { askPod } from "../../../src/agents/pods";
import { DnsClient } from "../../../src/dns/client/dns-client";
import { renderSiteFiles } from "../../../src/knot/config/site-config";
import { startKnot } from "../../../harness/knot";
import { freePorts, runtimeOf, secretsOf, seedMesh, signingKey, startSite, viewOf } from "./lab-mesh";

const serverFile = "conf/peers.d/00-server.conf";

describe("who answers", function () {
  this.timeout(30_000);
  const dns = new DnsClient();
  const zone = "standard-1.internal.dns";

  it("is in the answer of whoever asks for it, signed or not, and changes by a reload when pods come", async () => {
    const mesh = seedMesh();
    const ports = await freePorts();
    const addresses = ["127.101.0.3", "127.101.0.4"];
    await using pod = await startSite({
      mesh,
      site: "site-c",
      view: viewOf(mesh),
      ports,
      replicas: { self: 0, addresses },
    });
    const { server, pid } = pod.knot;
    const { serial } = await pod.soa(zone);
    expect(await askPod({ dns, server, zone })).to.deep.equal({
      serial,
      pod: { site: "site-c", ordinal: 0, replicas: 2 },
    });
    expect((await askPod({ dns, server, zone, key: signingKey })).pod?.replicas).to.equal(2);
    expect((await dns.querySoaWithNsid(server, zone)).nsid).to.deep.equal(Uint8Array.from(Buffer.from("site-c/0/2")));
    const { answers } = await dns.query(server, zone, "SOA");
    expect(answers, "who does not ask is not told").to.have.length(1);

    const three = { self: 0, addresses: [...addresses, "127.101.0.5"] };
    const runtime = runtimeOf(pod.knot, { ports, replicas: three });
    const files = renderSiteFiles({ packet: pod.packet, ...secretsOf(pod.packet), view: viewOf(mesh), runtime });
    await pod.write(serverFile, files.get(serverFile)!);
    await pod.knot.knotc("-b", "reload");
    expect((await askPod({ dns, server, zone })).pod).to.deep.equal({ site: "site-c", ordinal: 0, replicas: 3 });
    expect(pod.knot.pid).to.equal(pid);
  });

  it("is nobody's name where another server answers", async () => {
    const zones = { "some.test": "@ 300 SOA ns admin 5 1 1 1 1\n@ 300 NS ns\nns 300 A 192.0.2.1\n" };
    await using knot = await startKnot({ zones });
    expect(await askPod({ dns, server: knot.server, zone: "some.test" })).to.deep.equal({ serial: 5 });
    expect((await dns.querySoaWithNsid(knot.server, "some.test")).nsid, "its host's name").not.to.equal(undefined);
  });
});
