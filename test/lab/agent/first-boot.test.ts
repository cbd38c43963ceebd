import { expect } from "chai";

import { eventually } from "../../../harness/eventually";
import { Lab, type LabSite } from "../../../lab";

/** ADR 0038: how soon own zones begin must not depend on what others may still have. */
describe("pods of a site that boot at once with new volumes", function () {
  this.timeout(120_000);
  let lab: Lab;

  before(async () => {
    lab = await Lab.create(3);
    for (const [index, { name }] of lab.list.entries())
      lab.replicas.set(name, [lab.address(index), lab.address(index + 20)]);
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(lab.logs());
  });

  const boot = (name: string) => Promise.all([lab.upSite(name), lab.upReplica(name, 1)]);
  const ready = (name: string) => Promise.all(lab.pods(name).map((pod) => pod.ready(60)));
  const stop = (name: string) => Promise.all(lab.pods(name).map((pod) => pod.stop("SIGKILL")));
  const start = (name: string) => Promise.all(lab.pods(name).map((pod) => pod.start()));
  const loseVolumes = (name: string) => Promise.all(lab.pods(name).map((pod) => pod.loseVolume()));
  const problems = async (pod: LabSite) => (await pod.status()).problems.map(({ message }) => message);
  const serial = (pod: LabSite, zone: string) =>
    pod.soa(zone).then(
      (soa) => soa.serial,
      () => undefined,
    );
  const calm = () =>
    eventually(30, async () => {
      for (const pod of lab.sites.values()) expect(await problems(pod), pod.podName).to.deep.equal([]);
    });

  const zone = "site-c.example";
  const keep = async (text: string) => {
    const record = { name: `kept.${zone}`, type: "TXT", value: `"${text}"` };
    const { missing } = await lab.change(zone, record, 20);
    expect(missing).to.deep.equal([]);
  };
  /** Waits until each pod that runs has what was kept. Returns the serials that the owner's pods answered meanwhile. */
  const kept = async (text: string): Promise<ReadonlySet<number | undefined>> => {
    const served = new Set<number | undefined>();
    await eventually(
      60,
      async () => {
        for (const pod of lab.pods("site-c")) served.add(await serial(pod, zone));
        for (const pod of lab.sites.values()) {
          const { answers } = await pod.dns.query(pod.server, `kept.${zone}`, "TXT");
          expect(answers[0], pod.podName).to.deep.include({ type: "TXT", strings: [text] });
        }
      },
      50,
    );
    return served;
  };

  it("begin the first site's zones although their two are all that there is", async () => {
    await boot("site-a");
    await ready("site-a");
    for (const pod of lab.pods("site-a")) expect((await pod.soa("site-a.example")).serial, pod.podName).to.equal(1);
    await calm();
  });

  it("begin those of two more sites side by side", async () => {
    await Promise.all(["site-b", "site-c"].map(boot));
    await Promise.all(["site-b", "site-c"].map(ready));
    const serials = await lab.converged(30);
    for (const each of ["site-b.example", zone]) expect(serials.get(each), each).to.equal(1);
    await calm();
  });

  it("take back a zone that one site alone still has", async () => {
    await keep("at the first site");
    await Promise.all(["site-b", "site-c"].map(stop));
    await Promise.all(["site-b", "site-c"].map(loseVolumes));
    await Promise.all(["site-b", "site-c"].map(start));
    expect([...(await kept("at the first site"))]).to.not.include(1);
    await Promise.all(["site-b", "site-c"].map(ready));
    await lab.converged(30);
    await calm();
  });

  it("wait for it when that site comes back late, whatever is said by one that lost its volumes as well", async () => {
    await keep("at a site that is late");
    await Promise.all(["site-a", "site-b", "site-c"].map(stop));
    await Promise.all(["site-b", "site-c"].map(loseVolumes));
    await Promise.all(["site-b", "site-c"].map(start));
    const owner = lab.site("site-c");
    // Says so once its Knot has no central zone to read, which two new sites alone may take half a minute to find.
    await eventually(75, async () => {
      expect((await problems(owner)).join()).to.match(/site-c\.example .*this volume is new/);
    });
    // As long as a few looks take.
    const until = Date.now() + 5000;
    await eventually(20, async () => {
      for (const pod of lab.pods("site-c")) expect(await serial(pod, zone), pod.podName).to.equal(undefined);
      if (Date.now() < until) throw new Error("not looked for long enough");
    });
    await start("site-a");
    expect([...(await kept("at a site that is late"))]).to.not.include(1);
    await lab.converged(30);
    await calm();
  });
});
