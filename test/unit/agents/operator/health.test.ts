import { expect } from "chai";

import { healthRoutes } from "../../../../src/agents/operator/health";
import { Heartbeats } from "../../../../src/base/clock";
import { HttpServer } from "../../../../src/base/http-server";
import { poolOf, type PoolSite, PoolStage } from "./pools/pool-stage";

describe("the health of the operator's program", () => {
  let stage: PoolStage;
  let site: PoolSite | undefined;
  let heart: Heartbeats;
  let serving: boolean;
  let isStandby: boolean;
  let stuckZones: string[];

  beforeEach(() => {
    stage = new PoolStage("a", "b");
    site = undefined;
    heart = new Heartbeats(stage.clock.now);
    [serving, isStandby, stuckZones] = [false, false, []];
  });
  afterEach(() => {
    // What hangs never ends.
    void site?.end();
  });

  /** What the program's server answers. */
  const ask = async (path: "live" | "ready"): Promise<readonly [number, string]> => {
    const turn = () => site && { operator: { stuck: stuckZones, isServing: serving }, pools: site.operator };
    await using server = new HttpServer(healthRoutes({ heart, turn, isStandby: () => isStandby }));
    const port = await server.listen("127.0.0.1", 0);
    const answer = await fetch(`http://127.0.0.1:${port}/${path}`);
    return [answer.status, (await answer.text()).trim()];
  };

  it("is ready as a standby once the API server answers, and as the leader once it has listed", async () => {
    expect(await ask("ready")).to.deep.equal([503, "waits for: the Kubernetes API"]);
    isStandby = true;
    expect(await ask("ready")).to.deep.equal([200, "ok"]);
    site = stage.start("a");
    expect(await ask("ready")).to.deep.equal([503, "waits for: the Kubernetes API"]);
    serving = true;
    expect(await ask("ready")).to.deep.equal([200, "ok"]);
  });

  it("is alive as long as its loops go on, however long nothing happens, with pools and without", async () => {
    site = stage.start("a");
    await stage.clock.advance(400_000);
    expect(await ask("live")).to.deep.equal([200, "ok"]);
    stage.api.make("shop", poolOf("shop", ["192.0.2.1", "192.0.2.2"]));
    await stage.clock.advance(400_000);
    expect(await ask("live")).to.deep.equal([200, "ok"]);
  });

  it("names the loops that do not go on, those of the Lease and of zones, too", async () => {
    heart.beat("lease");
    await stage.clock.advance(200_000);
    expect(await ask("live")).to.deep.equal([503, "stuck: lease"]);
    site = stage.start("a");
    stuckZones.push("a.example");
    expect(await ask("live")).to.deep.equal([503, "stuck: lease, a.example"]);
  });

  for (const [loop, hang] of Object.entries({
    "tellings of pools": () => ({ announce: () => new Promise<void>(() => undefined) }),
    "decisions on pools": () => {
      stage.api.hanging = "record";
      return {};
    },
    "reports of pools": () => {
      stage.api.hanging = "status";
      return {};
    },
  }))
    it(`is not alive when the ${loop} hang`, async () => {
      site = stage.start("a", hang());
      stage.api.make("shop", poolOf("shop", ["192.0.2.1", "192.0.2.2"]));
      await stage.clock.advance(150_000);
      expect(await ask("live")).to.deep.equal([200, "ok"]);
      await stage.clock.advance(50_000);
      expect(await ask("live")).to.deep.equal([503, `stuck: ${loop}`]);
    });
});
