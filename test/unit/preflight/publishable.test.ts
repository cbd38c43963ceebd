import { expect } from "chai";
import { requirePublishable } from "../../../src/preflight/publishable";
import { UserError } from "../../../src/base/errors";
import { publishedOf } from "../../../src/preflight/published";
import { welcomePacket } from "../../../src/mesh/welcome";
import { exampleMesh } from "../components/example-mesh";
import { up } from "../components/site/site-run";

describe("what the primary publishes", () => {
  const today = "2026-11-28";
  const published = publishedOf({ sites: exampleMesh.sites.slice(0, 1) });
  const former = { published: publishedOf(exampleMesh) };
  const packetOf = (site: string) => welcomePacket(exampleMesh, site, "CA");

  it("is an output of its stack, and of no other", async () => {
    expect((await up("site-a")).outputs["published"]).to.deep.equal({ value: publishedOf(exampleMesh), secret: false });
    expect((await up("site-b")).outputs).not.to.have.property("published");
  });

  it("is refused when every site would hold it back, by what it published last", () => {
    const publish = () => {
      requirePublishable({ packet: packetOf("site-a"), published }, { former, today });
    };
    expect(publish).to.throw(UserError, /the sites site-b, site-c are gone .* 2 of 3[^]*the zones catalog-secondary/);
  });

  it("is not looked at elsewhere, at first, or where an earlier release ran", () => {
    requirePublishable({ packet: packetOf("site-b"), published }, { former, today });
    for (const nothing of [undefined, {}, { published: "?" }])
      requirePublishable({ packet: packetOf("site-a"), published }, { former: nothing, today });
  });
});
