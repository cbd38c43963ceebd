import { expect } from "chai";
import { up } from "./site-run";

const seconds = (duration: string): number => Number(duration.slice(0, -1)) * (duration.endsWith("m") ? 60 : 1);

describe("how long up waits", () => {
  it("is minutes for objects that are there at once, so that a link that broke is reported soon", async () => {
    const patient = ["Namespace", "Service", "StatefulSet", "Deployment"];
    const { resources } = await up("site-a");
    const objects = resources.filter(({ type }) => type.startsWith("kubernetes:"));
    expect(objects).to.have.length.above(20);
    for (const { type, name, timeouts } of objects) {
      expect(seconds(timeouts.create), `${type} ${name}`).to.be.greaterThan(0);
      if (!patient.some((kind) => type.endsWith(`:${kind}`))) expect(timeouts, name).to.include({ create: "2m" });
    }
  });

  it("is longer than all pods take to leave one after the other", async () => {
    const run = await up("site-a", { config: { replicas: "9", drainSeconds: "600" } });
    const { update } = run.one("StatefulSet").timeouts;
    expect(seconds(update)).to.be.at.least(9 * 610 + 600);
  });
});
