import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { followInputs, LiveInputs } from "../../../../src/agents/operator/inputs";
import { UserError } from "../../../../src/base/errors";
import { createLogger } from "../../../../src/base/log";
import { liveSettingsText } from "../../../../src/contract/live-settings";
import type { KubeObject } from "../../../../src/kube/answer";
import type { WatchOptions } from "../../../../src/kube/watch";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { OperatorStage, type Turn } from "./operator-stage";

const address = (n: number) => ({ address: `10.96.0.${n}`, port: 53 });

describe("an operator whose site's stack is brought up", () => {
  let stage: OperatorStage;
  let turn: Turn;

  const start = (pods: number): void => {
    stage = new OperatorStage({ pods: { a: pods } });
    for (const ordinal of [0, 1, 2]) stage.sites.addDirect("a", ordinal, address(ordinal).address);
    stage.mount({ pods: Array.from({ length: pods }, (_, ordinal) => address(ordinal)) });
    turn = stage.turn();
  };
  const scale = (pods: number): void => {
    stage.sites.scale("a", pods);
    stage.mount({ pods: Array.from({ length: pods }, (_, ordinal) => address(ordinal)) });
  };
  const message = (name: string): string => stage.api.condition(name, "Programmed")?.message ?? "";
  afterEach(() => turn.end());

  it("waits for a pod that there is more, also with an object that is on its way already", async () => {
    start(1);
    stage.sites.pod("a").behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    scale(2);
    stage.sites.pod("a", 1).behind = 1;
    await stage.clock.advance(10_000);
    delete stage.sites.pod("a").behind;
    await stage.clock.until("pod 1 alone is waited for", () => message("www").endsWith("not yet: a pod 1"));
    delete stage.sites.pod("a", 1).behind;
    await stage.programmed("www");
    expect(stage.api.lists).to.equal(1);
  });

  it("waits no more for a pod that is gone, also with an object that waited for it", async () => {
    start(3);
    for (const ordinal of [1, 2]) stage.sites.pod("a", ordinal).behind = 1;
    stage.api.make("www");
    await stage.says("www", "Programmed", "Propagating");
    expect(message("www")).to.contain("a pod 1, a pod 2");
    scale(1);
    const looks = stage.sites.questions;
    await stage.programmed("www");
    expect(stage.sites.questions - looks).to.be.below(10);
    expect(message("www")).to.equal("every site of the mesh answers it");
  });

  it("serves a zone that is new, with the objects that waited for it, and lists nothing anew", async () => {
    start(1);
    stage.api.make("www");
    stage.api.make("early", { zone: "new.example" });
    await stage.programmed("www");
    await stage.says("early", "Accepted", "UnknownZone");
    await stage.clock.advance(60_000);
    const { updates } = stage.metrics;
    const { looks } = turn.operator.counts;
    stage.mountZones([{ name: "a.example" }, { name: "new.example" }]);
    await stage.programmed("early");
    stage.api.make("later", { zone: "new.example" });
    await stage.programmed("later", "www");
    expect([stage.metrics.updates - updates, stage.api.lists]).to.deep.equal([2, 1]);
    expect(turn.operator.counts.looks).to.be.at.least(looks);
  });

  it("says that a zone is new as long as the list has it and its own stack does not", async () => {
    start(1);
    stage.relist([{ name: "a.example" }, { name: "new.example" }]);
    await stage.clock.advance(10_000);
    stage.api.make("early", { zone: "new.example" });
    await stage.says("early", "Accepted", "UnknownZone");
    expect(stage.api.condition("early", "Accepted")?.message).to.contain("new.example is new at this site");
  });

  it("holds an object that is deleted as long as the list has its zone and we do not know it yet: records may be there", async () => {
    start(1);
    stage.api.make("www");
    await stage.programmed("www");
    stage.mountZones([]);
    await stage.says("www", "Accepted", "UnknownZone");
    stage.api.remove("www");
    await stage.clock.advance(30_000);
    expect(stage.api.find("www")).not.to.equal(undefined);
    stage.mountZones([{ name: "a.example" }]);
    await stage.clock.advance(30_000);
    expect(stage.api.find("www")).to.equal(undefined);
    expect(stage.writer.addresses("www")).to.deep.equal([]);
  });

  it("lets go of a zone that it has no more, ends what is under way in it, and no loop counts as stuck", async () => {
    stage = new OperatorStage({ zones: [{ name: "a.example" }, { name: "old.example" }] });
    turn = stage.turn();
    stage.api.make("www");
    stage.api.make("left", { zone: "old.example" });
    await stage.programmed("www", "left");
    stage.writer.silent.add("old.example");
    stage.api.make("late", { zone: "old.example" });
    await stage.clock.advance(50);
    stage.mountZones([{ name: "a.example" }]);
    await stage.says("left", "Accepted", "UnknownZone");
    await stage.says("late", "Accepted", "UnknownZone");
    const asked = stage.writer.count("UPDATE");
    await stage.clock.advance(400_000);
    expect(stage.writer.count("UPDATE")).to.equal(asked);
    expect(turn.operator.stuck).to.deep.equal([]);
    stage.api.make("other");
    await stage.programmed("www", "other");
  });

  it("serves a zone again that was away meanwhile, whatever it said of its objects", async () => {
    start(1);
    stage.api.make("www");
    await stage.programmed("www");
    stage.mountZones([]);
    await stage.says("www", "Accepted", "UnknownZone");
    stage.mountZones([{ name: "a.example" }]);
    await stage.programmed("www");
    stage.mountZones([]);
    await stage.says("www", "Accepted", "UnknownZone");
  });

  it("asks a writer that is elsewhere, and sites at another port", async () => {
    start(1);
    stage.api.make("www");
    await stage.programmed("www");
    stage.mount({ writer: address(9), remotePort: 5300 });
    await stage.clock.advance(20_000);
    stage.writer.servers.clear();
    stage.sites.ports.clear();
    stage.api.make("other");
    await stage.programmed("other");
    expect([...stage.writer.servers]).to.deep.equal(["10.96.0.9"]);
    expect([...stage.sites.ports]).to.deep.equal([5300]);
  });

  it("goes on with what it knows when the files cannot be used, and says so", async () => {
    start(1);
    stage.unusable = new UserError("/etc/dns-mesh/settings.json: pods must be a JSON object");
    stage.api.make("www");
    await stage.programmed("www");
    await stage.clock.advance(10_000);
    expect(stage.lines.filter((line) => line.startsWith("warn")).join()).to.contain("settings.json: pods must be");
  });
});

describe("what the site's stack mounts into the operator's pod", () => {
  const { mesh } = new OperatorStage();
  let folder: string;
  const packetFile = () => join(folder, "welcome.json");

  const mount = async (addresses: readonly string[]): Promise<void> => {
    const pods = { addresses, port: 53, securePort: 853 };
    await writeFile(join(folder, "settings.json"), liveSettingsText({ pods, remotePort: 5300, securePort: 853 }));
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "operator-"));
    await writeFile(packetFile(), JSON.stringify(welcomePacket(mesh, "a", "CA")));
    await mount(["10.96.0.1"]);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("says where the writer is, its agent, and each pod", async () => {
    const inputs = await LiveInputs.open(packetFile());
    expect(inputs.current).to.deep.include({
      writer: { address: "10.96.0.1", port: 53 },
      agent: { address: "10.96.0.1", port: 8053 },
      pods: [{ address: "10.96.0.1", port: 53 }],
      remotePort: 5300,
    });
  });

  it("is read again when it changed, and stays as it was when that cannot be used", async () => {
    const inputs = await LiveInputs.open(packetFile());
    expect(await inputs.look()).to.equal(false);
    await mount(["10.96.0.1", "10.96.0.2"]);
    expect(await inputs.look()).to.equal(true);
    expect(inputs.current.pods).to.have.length(2);
    await mount([]);
    const failure: unknown = await inputs.look().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(UserError);
    expect(String(failure)).to.contain("settings.json: pods.addresses must list");
    expect(inputs.current.pods).to.have.length(2);
    await mount(["10.96.0.3"]);
    expect(await inputs.look()).to.equal(true);
    expect(inputs.current.writer.address).to.equal("10.96.0.3");
  });

  describe("and the API server has sooner", () => {
    let api: WatchOptions;
    const follow = async (): Promise<{ inputs: LiveInputs; following: Promise<void> }> => {
      const inputs = await LiveInputs.open(packetFile());
      const watch = (options: WatchOptions): Promise<void> => {
        api = options;
        return new Promise(() => undefined);
      };
      const client = { get: () => Promise.resolve(undefined), stream: () => Promise.resolve() };
      const { signal } = new AbortController();
      const [log, random] = [createLogger({ write: (line) => lines.push(line), now: () => 0 }), () => 0];
      const following = followInputs({ inputs, client, watch, namespace: "dns-system", log, signal, random });
      return { inputs, following };
    };
    /** The ConfigMap with what is mounted now. */
    const configMap = async (): Promise<KubeObject> => {
      const names = ["welcome.json", "settings.json"];
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
      return { metadata: { name: "knot-config" }, data: Object.fromEntries(names.map((name, i) => [name, texts[i]])) };
    };
    let lines: string[];
    beforeEach(() => {
      lines = [];
    });

    it("is nothing new as long as it is the same", async () => {
      const { inputs } = await follow();
      api.onList([await configMap()]);
      expect(await inputs.look()).to.equal(false);
    });

    it("is taken from there, and older files are not taken back", async () => {
      const { inputs } = await follow();
      await mount(["10.96.0.7"]);
      const later = await configMap();
      await mount(["10.96.0.1"]);
      api.onChange(later, false);
      expect(await inputs.look()).to.equal(true);
      expect(inputs.current.writer.address).to.equal("10.96.0.7");
      await mount(["10.96.0.6"]);
      expect(await inputs.look()).to.equal(false);
      api.onChange(await configMap(), true);
      expect(await inputs.look()).to.equal(false);
    });

    it("stays with what it has where the ConfigMap is not there or cannot be used, and names that", async () => {
      const { inputs } = await follow();
      api.onList([]);
      expect(await inputs.look()).to.equal(false);
      api.onChange({ data: { ...((await configMap())["data"] as object), "settings.json": "{" } }, false);
      const failure: unknown = await inputs.look().catch((error: unknown) => error);
      expect(String(failure)).to.contain("settings.json of ConfigMap knot-config is not JSON");
      expect(inputs.current.writer.address).to.equal("10.96.0.1");
    });

    it("is waited for until the API server has answered, or cannot", async () => {
      for (const answer of [
        () => {
          api.onList([]);
        },
        () => {
          api.onTrouble(1, "forbidden");
        },
      ]) {
        const { following } = await follow();
        let isOver = false;
        const over = following.then(() => (isOver = true));
        await new Promise(setImmediate);
        expect(isOver).to.equal(false);
        answer();
        await over;
      }
    });

    it("is asked for by its name alone, and a failing watch is reported once", async () => {
      await follow();
      expect(api.path).to.equal("/api/v1/namespaces/dns-system/configmaps?fieldSelector=metadata.name%3Dknot-config");
      for (const tries of [1, 2, 3, 0]) api.onTrouble(tries, "forbidden");
      expect(lines).to.have.length(2);
      expect(lines[0]).to.contain("ConfigMap knot-config cannot be watched").and.to.contain("forbidden");
    });
  });
});
