import { expect } from "chai";

import { EpochWatch } from "../../../../src/agents/sidecar/epoch-watch";
import { Problems } from "../../../../src/agents/sidecar/http/status";
import { type Inputs, standingInputs } from "../../../../src/agents/sidecar/inputs/inputs";
import { type AgentState, emptyState } from "../../../../src/agents/sidecar/state-store";
import { createLogger } from "../../../../src/base/log";
import type { Message } from "../../../../src/dns/message";
import { type Epoch, epochFacts, isReplaced, signEpoch } from "../../../../src/mesh/epoch";
import { bootstrapView } from "../../../../src/mesh/peers";
import { welcomePacket } from "../../../../src/mesh/welcome";
import { epochSigner, meshOf } from "../../mesh/epoch-signer";

const { privateKey, publicKey } = epochSigner();
const mesh = meshOf("primary-catalog", "secondary-catalog", "standard");
const first: Epoch = { number: 1, primary: "site-a" };
const second: Epoch = { number: 2, primary: "site-b" };
const own = "127.0.0.1";

/** A watch of a site, among servers that answer epochs by their address; what does not answer is missing. */
class Stage {
  now = 1_000_000;
  isSettled = true;
  epochDoubt: string | undefined;
  refences = 0;
  asked = 0;
  state: AgentState;
  readonly retransferred: (readonly string[])[] = [];
  readonly answers = new Map<string, Epoch | "no record">();
  /** How pods name themselves, by address. */
  readonly names = new Map<string, string>();
  readonly watch: EpochWatch;
  readonly #problems: Problems;
  readonly #mounted: Inputs;

  constructor(site: string, changes: { readonly ordinal?: number; readonly signers?: readonly string[] } = {}) {
    const { ordinal: self = 0, signers = [publicKey] } = changes;
    const packet = { ...welcomePacket(mesh, site, "PEM"), ...(signers.length > 0 && { signers }) };
    const runtime = { remotePort: 53, replicas: { self, addresses: [] } };
    this.#mounted = { packet, runtime } as unknown as Inputs;
    this.state = { ...emptyState, view: { ...bootstrapView(packet), epoch: first } };
    this.#problems = new Problems(
      () => this.now,
      () => undefined,
    );
    const mounts = {
      inputs: () => standingInputs(this.#mounted, this.state.fence?.highest),
      isReplaced: () => isReplaced(packet, this.state.fence?.highest),
    };
    const stage = () => this;
    this.watch = new EpochWatch({
      dns: { queryWithNsid: ({ address }, name) => this.#query(address, name) },
      knot: { address: own, port: 53 },
      control: { zoneRetransfer: (zones) => Promise.resolve(void this.retransferred.push(zones)) },
      mounts: {
        get inputs() {
          return mounts.inputs();
        },
        get isReplaced() {
          return mounts.isReplaced();
        },
      },
      store: {
        get state() {
          return stage().state;
        },
        update: (change) => Promise.resolve(void (this.state = change(this.state))),
      },
      agent: {
        get isSettled() {
          return stage().isSettled;
        },
        get epochDoubt() {
          return stage().epochDoubt;
        },
        refence: () => void (this.refences += 1),
      },
      problems: this.#problems,
      now: () => this.now,
      log: createLogger({ write: () => undefined, now: () => this.now }),
    });
  }

  async round(seconds = 0): Promise<void> {
    this.now += seconds * 1000;
    await this.watch.round();
  }

  get fenced(): readonly string[] {
    return this.#problems
      .list()
      .filter(({ kind }) => kind === "fenced")
      .map(({ message }) => message);
  }

  #query(address: string, name: string): Promise<{ readonly message: Message; readonly nsid?: Uint8Array }> {
    this.asked += 1;
    const epoch = this.answers.get(address);
    if (epoch === undefined) return Promise.reject(new Error("nobody answers"));
    const isSigned = name.startsWith("_mesh.");
    const strings =
      epoch === "no record" ? [] : epochFacts(isSigned ? signEpoch("dns.internal", epoch, privateKey) : epoch);
    const answers = strings.length > 0 ? [{ name, class: "IN", ttl: 60, type: "TXT", strings }] : [];
    const pod = this.names.get(address);
    const message = { rcode: 0, flags: { aa: true }, answers } as unknown as Message;
    return Promise.resolve({ message, ...(pod !== undefined && { nsid: Buffer.from(pod) }) });
  }
}

describe("the watch for other sites' epochs", () => {
  it("leaves what is as it was, and asks again when Knot would look", async () => {
    const stage = new Stage("site-c");
    for (const address of ["192.0.2.1", "192.0.2.2", own]) stage.answers.set(address, first);
    await stage.round();
    expect(stage.state.fence).to.deep.equal({ highest: first, behind: [] });
    await stage.round(2);
    const { asked } = stage;
    await stage.round(59);
    expect(stage.asked).to.equal(asked);
    await stage.round(40);
    expect(stage.asked).to.equal(asked + 4);
    expect([stage.fenced, stage.retransferred]).to.deep.equal([[], []]);
  });

  it("does not ask more often because one pod of a site is away, and does because a site is", async () => {
    const stage = new Stage("site-c");
    for (const address of ["192.0.2.1", "192.0.2.2", own]) stage.answers.set(address, first);
    stage.names.set("192.0.2.2", "site-b/0/2");
    await stage.round();
    await stage.round(2);
    const { asked } = stage;
    await stage.round(59);
    expect(stage.asked).to.equal(asked);
    stage.answers.delete("192.0.2.2");
    await stage.round(40);
    const then = stage.asked;
    await stage.round(2);
    expect(stage.asked).to.be.above(then);
  });

  it("asks at once when the agent refuses zones that may be of another epoch, and leaves out who has them", async () => {
    const stage = new Stage("site-c");
    for (const address of ["192.0.2.1", "192.0.2.2", own]) stage.answers.set(address, second);
    await stage.round();
    await stage.round(2);
    stage.answers.set("192.0.2.1", first);
    await stage.round(5);
    expect(stage.state.fence?.behind).to.deep.equal([]);
    stage.epochDoubt = "the directory is of epoch 1, which was replaced by epoch 2";
    await stage.round(1);
    expect(stage.state.fence?.behind).to.deep.equal(["site-a"]);
  });

  it("takes replaced zones anew once Knot has left out what is behind, and not before", async () => {
    const stage = new Stage("site-c");
    for (const address of ["192.0.2.1", own]) stage.answers.set(address, first);
    stage.answers.set("192.0.2.2", second);
    await stage.round();
    expect(stage.state.fence).to.deep.equal({ highest: second, behind: ["site-a"] });
    expect(stage.refences).to.equal(1);
    expect(stage.fenced.join()).to.match(/^site-a answers epoch 1/);
    expect(stage.retransferred).to.deep.equal([]);
    stage.isSettled = false;
    await stage.round(2);
    expect(stage.retransferred).to.deep.equal([]);
    stage.isSettled = true;
    await stage.round(4);
    expect(stage.retransferred).to.deep.equal([["dns.internal", "catalog.internal.dns"]]);
    // The serials may be the same: what is planned is asked for by another content.
    stage.answers.set(own, second);
    await stage.round(8);
    expect(stage.refences).to.equal(2);
    expect(stage.retransferred).to.have.length(1);
  });

  it("takes nothing anew while no site has anything better", async () => {
    const stage = new Stage("site-c");
    stage.answers.set(own, first);
    stage.state = { ...stage.state, fence: { highest: second, behind: ["site-a"] } };
    for (let i = 0; i < 5; i++) await stage.round(30);
    expect(stage.retransferred).to.deep.equal([]);
    expect(stage.state.fence?.behind).to.deep.equal(["site-a"]);
  });

  it("has a former primary step down and say so, and then take what replaced its zones", async () => {
    const stage = new Stage("site-a");
    stage.answers.set(own, first);
    stage.answers.set("192.0.2.2", second);
    await stage.round();
    expect(stage.fenced.join()).to.match(/^site-b has had the primary catalog since epoch 2: this site goes on/);
    await stage.round(2);
    expect(stage.retransferred).to.have.length(1);
  });

  it("never takes anything anew at a primary's writer, and does at its other pods", async () => {
    for (const ordinal of [0, 1]) {
      const stage = new Stage("site-a", { ordinal });
      const third: Epoch = { number: 3, primary: "site-a" };
      stage.state = { ...stage.state, fence: { highest: third, behind: [] } };
      stage.answers.set(own, first);
      await stage.round();
      await stage.round(30);
      expect(stage.retransferred.length > 0).to.equal(ordinal === 1);
      expect(stage.fenced).to.deep.equal([]);
    }
  });

  it("asks nobody without keys to check by, as with a packet of an older release", async () => {
    const stage = new Stage("site-a", { signers: [] });
    stage.answers.set("192.0.2.2", second);
    for (let i = 0; i < 3; i++) await stage.round(100);
    expect([stage.asked, stage.state.fence, stage.fenced]).to.deep.equal([0, undefined, []]);
  });
});
