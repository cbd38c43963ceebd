import { expect } from "chai";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlPlane, type ControlPlane } from "../../../harness/plugins/control-plane";
import { driverEnvironment } from "../../../harness/pulumi/driver";
import { type Engine, openEngine } from "../../../src/cli/stacks/engine";
import { isAccess } from "../../../src/cli/preview/stack-plan";

/** As small as a site can be: objects in a cluster that a kubeconfig leads to. */
const program = `
const k8s = require("@pulumi/kubernetes");
const args = { kubeconfig: process.env.KUBECONFIG, context: "plane", clusterIdentifier: "site-a" };
const provider = new k8s.Provider("site-a-cluster", { ...args, enableServerSideApply: true });
for (const name of ["kept", "taken"])
  new k8s.core.v1.ConfigMap(name, { metadata: { name, namespace: "default" } }, { provider });
`;
const path = "/api/v1/namespaces/default/configmaps/taken";

/** Of another machine there is no more here than that its kubeconfig is nowhere on this one. */
describe("--refresh on another machine than the one that brought a stack up last", function () {
  this.timeout(180_000);
  const former = { ...process.env };
  let plane: ControlPlane;
  let folder: string;
  let engine: Engine;

  before(async () => {
    plane = await startControlPlane();
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-another-machine-"));
    mkdirSync(join(folder, "state"));
    symlinkSync(join(__dirname, "../../../node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), "{}");
    writeFileSync(join(folder, "Pulumi.yaml"), "name: dns-mesh\nruntime: nodejs\n");
    writeFileSync(join(folder, "index.js"), program);
    copyFileSync(plane.kubeconfig, join(folder, "first"));
    Object.assign(process.env, await driverEnvironment({ workDir: folder }), { KUBECONFIG: join(folder, "first") });
    await (await openEngine(folder)).up("site-a");
    renameSync(join(folder, "first"), join(folder, "second"));
    process.env["KUBECONFIG"] = join(folder, "second");
    engine = await openEngine(folder, { refresh: true });
  });
  after(async () => {
    for (const key of Object.keys(process.env)) if (!(key in former)) Reflect.deleteProperty(process.env, key);
    Object.assign(process.env, former);
    rmSync(folder, { recursive: true, force: true });
    await plane[Symbol.asyncDispose]();
  });

  it("looks at what is there by the kubeconfig of now, and has nothing else to say of it", async () => {
    const { steps } = await engine.preview("site-a");
    expect(steps).to.deep.equal([
      { op: "update", type: "pulumi:providers:kubernetes", name: "site-a-cluster", paths: ["kubeconfig"] },
    ]);
    expect(steps.every(isAccess)).to.equal(true);
  });

  it("puts back what somebody took away", async () => {
    await plane.api.send({ method: "DELETE", path });
    const { steps } = await engine.up("site-a");
    expect(steps.filter((step) => !isAccess(step)).map(({ op, name }) => [op, name])).to.deep.equal([
      ["create", "taken"],
    ]);
    await plane.api.send({ method: "GET", path });
    expect((await engine.preview("site-a")).steps).to.deep.equal([]);
  });
});
