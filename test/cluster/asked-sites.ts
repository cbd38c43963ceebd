import { expect } from "chai";
import { ChangedMesh } from "../../harness/changes/changed-mesh";
import { Matrix } from "../../harness/changes/matrix";
import { sharedChanges } from "../../harness/changes/shared-changes";
import { siteChanges } from "../../harness/changes/site-changes";
import { type Unit, unitsOf } from "../../harness/changes/units";
import { askWhile, disruptions, lossless, resize, type Asked } from "../../harness/mesh/disruptions";
import type { DriverOptions } from "../../harness/pulumi/driver";
import { readyPods } from "../../harness/mesh/ready-pods";
import { recoverFromKill, upInterrupted } from "../../harness/pulumi/interruption";
import { ensureTools } from "../../harness/tools";
import { isNewerSerial } from "../../src/dns/serial";

/** What happens to a site, and what has to be so afterwards. */
interface Event {
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** Events of one site, one after the other. */
type Lane = readonly Event[];

/** What may happen to the sites; `here` is the one whose settings are changed, `there` the other. */
export interface Events {
  readonly here: () => string;
  readonly there: () => string;
  /** One of `disruptions` that no answer may be lost in. */
  readonly disrupted: (kind: string, site: () => string) => Event;
  readonly resized: (from: number, to: number) => Event;
  /** All settings that restart nothing, changed in one `up`. */
  readonly settings: Event;
  readonly killed: Event;
  readonly interrupted: Event;
  readonly comesBack: Event;
}

/**
 * Tests of two sites with two pods each that are asked all the time.
 *
 * @param phasesOf - One phase after the other, the lanes of each beside each other. An engine that is killed takes the programs of
 *   others that run in this process along, so that no other lane of its phase has an `up`.
 * @param options.writes - At the end where no engine is killed.
 */
export function describeAskedSites(
  title: string,
  phasesOf: (events: Events) => readonly (readonly Lane[])[],
  options: Pick<DriverOptions, "writes"> = {},
): void {
  describe(title, () => {
    define(phasesOf, options);
  });
}

function define(
  phasesOf: (events: Events) => readonly (readonly Lane[])[],
  options: Pick<DriverOptions, "writes">,
): void {
  let changed: ChangedMesh;
  /** Events of each site by their title: the sites' take place beside each other, one site's one after the other. */
  const taken = new Map<string, Promise<void>>();

  before(async function () {
    this.timeout(400_000);
    await ensureTools(["kubernetes", "pulumi", "provider", "knot", "vault"], () => undefined);
    changed = await ChangedMesh.start(() => undefined, options);
  });
  after(function () {
    this.timeout(400_000);
    return changed[Symbol.asyncDispose]();
  });

  function noneLost({ udp, tcp }: { readonly udp: Asked; readonly tcp: Asked }): void {
    expect([udp.lost, tcp.lost], JSON.stringify({ udp, tcp })).to.deep.equal([0, 0]);
    expect(Math.min(udp.tried, tcp.tried)).to.be.greaterThan(1000);
  }

  function resized(from: number, to: number): Event {
    const run = async (): Promise<void> => {
      const { mesh, other: site } = changed;
      const before = await readyPods(mesh.cluster(site), from);
      let after = before;
      const asked = await askWhile(mesh, {
        ways: lossless,
        site,
        work: async () => {
          after = await resize(mesh, site, to);
        },
      });
      const staying = Object.entries(before.ids).slice(0, Math.min(from, to));
      expect(Object.entries(after.ids).slice(0, staying.length)).to.deep.equal(staying);
      expect(after.restarts).to.equal(0);
      noneLost(asked);
      expect((await mesh.up(site)).changes).to.have.all.keys("same");
    };
    return { title: `goes from ${from} to ${to} pods: what stays runs on, and no answer is lost`, run };
  }

  function disrupted(kind: string, site: () => string): Event {
    const found = disruptions.find((one) => one.kind === kind);
    if (found === undefined) throw new Error(`no disruption ${kind}`);
    const run = async (): Promise<void> => {
      noneLost(
        await askWhile(changed.mesh, { ways: lossless, site: site(), work: () => found.work(changed.mesh, site()) }),
      );
    };
    return { title: `loses no answer: ${kind}`, run };
  }

  function changes(what: string, unit: Unit): Event {
    const run = async (): Promise<void> => {
      for (const outcome of await new Matrix(changed, () => undefined).measure(unit)) {
        expect(outcome.problems).to.deep.equal([]);
        noneLost(outcome);
      }
    };
    return { title: `changes ${what} and back: what restarts is what is documented, a second up changes nothing`, run };
  }

  const killed: Event = {
    title: "goes on from one pod while the other's server or agent is killed, and is whole again after it",
    run: async () => {
      const { mesh, site } = changed;
      for (const { work } of disruptions.filter(({ voluntary }) => !voluntary)) {
        const { udp, tcp } = await askWhile(mesh, { ways: lossless, site, work: () => work(mesh, site) });
        expect(udp.lost + tcp.lost, JSON.stringify({ udp, tcp })).to.be.lessThan(0.1 * (udp.tried + tcp.tried));
      }
    },
  };

  const interrupted: Event = {
    title: "loses no answer when the engine is killed in the middle of a rollout, which the next up finishes",
    run: async () => {
      const { mesh, site } = changed;
      mesh.agentComments.set(site, "another agent");
      const work = async (): Promise<void> => {
        await upInterrupted(mesh.driver, site, { how: "SIGKILL", at: 2 });
        await recoverFromKill(mesh.driver, site, mesh.workDir);
        await mesh.up(site);
        await readyPods(mesh.cluster(site), 2);
        expect((await mesh.up(site)).changes).to.not.have.any.keys("create", "update", "replace", "delete");
      };
      noneLost(await askWhile(mesh, { ways: lossless, site, work }));
    },
  };

  const comesBack: Event = {
    title: "comes back with its zones after it was destroyed, and the other goes on from where it was",
    run: async () => {
      const { mesh, site } = changed;
      const before = await mesh.converged(120);
      await mesh.driver.destroy(site);
      await mesh.up(site);
      const after = await mesh.converged(120);
      expect([...after.keys()]).to.deep.equal([...before.keys()]);
      for (const [zone, serial] of before) expect(isNewerSerial(serial, after.get(zone) ?? 0), zone).to.equal(false);
      expect((await mesh.up(site)).changes).to.have.all.keys("same");
    },
  };

  const [calm] = unitsOf([...siteChanges, ...sharedChanges]);
  if (calm === undefined) throw new Error("nothing to change");
  const together = `${calm.changes.length} settings that restart nothing in one up`;
  const phases = phasesOf({
    here: () => changed.site,
    there: () => changed.other,
    disrupted,
    resized,
    settings: changes(together, calm),
    killed,
    interrupted,
    comesBack,
  });

  /** Starts everything, once. An event that fails does not keep the next from taking place. */
  function start(): void {
    if (taken.size > 0) return;
    let phase: Promise<unknown> = Promise.resolve();
    for (const lanes of phases) {
      const ends = lanes.map((lane) => {
        let last: Promise<unknown> = phase;
        for (const { title, run } of lane) {
          const event = last.then(run);
          taken.set(title, event);
          last = event.catch(() => undefined);
        }
        return last;
      });
      phase = Promise.all(ends);
    }
  }

  for (const { title } of phases.flat(2)) {
    it(title, () => {
      start();
      return taken.get(title);
    }).timeout(400_000);
  }
}
