import { expect } from "chai";

import type { KeyRing } from "../../../src/keyring/ring-document";
import { freePorts, type LabSite, type LabSiteOptions, ring, seedMesh, startSite, viewOf } from "./lab-mesh";
import { askStrangely, type StrangeAnswer } from "./stranger";

const from = "127.50.0.1";
const badCookie = 23;
const client = Buffer.alloc(8, 7);

const key = (n: number) => ({
  name: `mesh-${n}`,
  algorithm: "hmac-sha256" as const,
  secret: Buffer.alloc(32, n).toString("base64"),
});

async function start(options: Partial<LabSiteOptions> = {}): Promise<LabSite> {
  const mesh = seedMesh();
  const site = options.site ?? "site-c";
  const ports = options.ports ?? (await freePorts());
  return startSite({ mesh, site, view: viewOf(mesh), ports, ...options });
}

const ask = (at: LabSite, cookie: Buffer): Promise<StrangeAnswer> =>
  askStrangely({ server: at.knot.server, from, name: at.packet.site.zones[0]!.name, cookie });

describe("cookies", () => {
  it("are given to who asks for one, and known again", async () => {
    await using site = await start();
    const { rcode, cookie } = await ask(site, client);
    expect(rcode).to.equal(badCookie);
    expect(cookie).to.have.length(24);
    expect((await ask(site, cookie!)).rcode).to.equal(0);
    const forged = Buffer.concat([cookie!.subarray(0, 23), Buffer.from([cookie![23]! ^ 1])]);
    expect((await ask(site, forged)).rcode).to.equal(badCookie);
    expect(await site.knot.knotc("stats", "mod-cookies")).to.contain("presence = 3");
  });

  it("are known again after a reload and a restart, and at every pod of the site, but at no other site", async () => {
    const addresses = ["127.101.3.1", "127.101.3.2"];
    const ports = await freePorts();
    const pod = (self: number) => start({ ports, replicas: { self, addresses } });
    await using first = await pod(0);
    await using second = await pod(1);
    const { cookie } = await ask(first, client);
    expect((await ask(second, cookie!)).rcode).to.not.equal(badCookie);
    await first.knot.knotc("-b", "reload");
    expect((await ask(first, cookie!)).rcode).to.equal(0);
    await first.knot.stop();
    await first.knot.start();
    expect((await ask(first, cookie!)).rcode).to.equal(0);
    await using elsewhere = await start({ site: "site-b" });
    expect((await ask(elsewhere, cookie!)).rcode).to.equal(badCookie);
  });

  it("outlive one turn of the ring, not two", async () => {
    const turned: KeyRing = { signing: "mesh-3", accepted: [key(2), key(3)] };
    const again: KeyRing = { signing: "mesh-4", accepted: [key(3), key(4)] };
    await using before = await start();
    const { cookie } = await ask(before, client);
    await using after = await start({ ring: turned });
    expect((await ask(after, cookie!)).rcode).to.equal(0);
    await using late = await start({ ring: again });
    expect((await ask(late, cookie!)).rcode).to.equal(badCookie);
    expect(ring.signing).to.equal("mesh-2");
  });
});
