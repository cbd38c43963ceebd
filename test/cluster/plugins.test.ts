import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlPlane, type ControlPlane } from "../../harness/plugins/control-plane";
import { disagreements, recordings, recordingsIn, type Recording } from "../../harness/plugins/recordings";
import { isObject, plainProperties, valueAt, without, type Json, type Properties } from "../../harness/plugins/wire";
import { createDriver, type MeshDriver } from "../../harness/pulumi/driver";

/** A resource of any type, with the inputs of a recording. */
class Recorded extends pulumi.CustomResource {
  constructor(recording: Recording, opts: pulumi.CustomResourceOptions) {
    super(recording.type, recording.name, { ...recording.inputs }, opts);
  }
}

/** There is no node here: workloads are recorded with a pod, and tried without. */
function withoutPods(recording: Recording): Recording {
  const scaled = (object: Properties): Properties =>
    isObject(object["spec"]) && object["spec"]["replicas"] !== undefined
      ? { ...object, spec: { ...object["spec"], replicas: 0 } }
      : object;
  const inputs = scaled(recording.inputs);
  return { ...recording, inputs, outputs: { ...scaled(recording.outputs), __inputs: inputs } };
}

const recorded = recordings("kubernetes").map(withoutPods);

/** What a program gives for a recorded resource: the name that the plugin chose is left out, and a Secret has its value. */
function asGiven(recording: Recording): Recording {
  if (recording.name === "autonamed")
    return { ...recording, inputs: { ...recording.inputs, metadata: { namespace: "rec" } } };
  if (recording.name !== "tsig") return recording;
  return { ...recording, inputs: { ...without(recording.inputs, "data"), stringData: { key: "k".repeat(45) } } };
}

interface Setting {
  kubeconfig: string;
  identified: boolean;
  mutable: boolean;
  data: Json;
  image: string;
  serviceName: string;
  extra?: (opts: pulumi.CustomResourceOptions) => void;
}

function declare(setting: Setting): void {
  const provider = new k8s.Provider("cluster", {
    kubeconfig: setting.kubeconfig,
    enableConfigMapMutable: setting.mutable,
    enableSecretMutable: setting.mutable,
    ...(setting.identified && { clusterIdentifier: "site-a" }),
  });
  // The plugins wait some seconds for a namespace that comes late, which a busy machine can need longer for.
  const dependsOn: pulumi.Resource[] = [];
  for (const recording of recorded) {
    const given = asGiven(recording);
    const inputs = plainProperties(given.inputs);
    if (recording.name === "mutable" || recording.name === "immutable") inputs["data"] = setting.data;
    if (recording.name === "knot" && recording.type.endsWith("StatefulSet")) {
      const spec = inputs["spec"] as { serviceName: string; template: { spec: { containers: { image: string }[] } } };
      spec.serviceName = setting.serviceName;
      spec.template.spec.containers[0]!.image = setting.image;
    }
    const ignoreChanges = recording.name === "ignored" ? ["data"] : [];
    const resource = new Recorded({ ...given, inputs }, { provider, ignoreChanges, dependsOn: [...dependsOn] });
    if (recording.type.endsWith(":Namespace")) dependsOn.push(resource);
  }
  setting.extra?.({ provider });
}

describe("the stand-in for the kubernetes plugin", function () {
  this.timeout(120_000);
  let plane: ControlPlane;
  let workDir: string;
  let driver: MeshDriver;
  let state: Map<string, Recording>;
  let usual: Setting;
  let setting: Setting;
  const all = recorded.length + 1;

  before(async () => {
    workDir = mkdtempSync(join(tmpdir(), "dns-mesh-kubernetes-"));
    plane = await startControlPlane();
    const image = "registry.k8s.io/pause:3.10";
    usual = {
      kubeconfig: plane.kubeconfig,
      identified: true,
      mutable: true,
      data: { a: "1" },
      image,
      serviceName: "headless",
    };
    setting = usual;
    driver = createDriver({
      workDir,
      program: () => {
        declare(setting);
        return Promise.resolve({});
      },
    });
    expect((await driver.preview("dev")).changes).to.deep.equal({ create: all + 1 });
    expect((await driver.up("dev")).changes).to.deep.equal({ create: all + 1 });
    state = recordingsIn(await driver.exportState("dev"));
  });
  after(async () => {
    await plane[Symbol.asyncDispose]();
    rmSync(workDir, { recursive: true, force: true });
  });
  afterEach(() => {
    setting = usual;
  });

  const path = "/api/v1/namespaces/rec/configmaps";
  const live = (name: string): Promise<Properties> => plane.api.send({ method: "GET", path: `${path}/${name}` });
  const apply = (name: string, data: Properties, fieldManager: string): Promise<Properties> =>
    plane.api.send({
      method: "PATCH",
      path: `${path}/${name}`,
      query: { fieldManager, force: "true" },
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data },
      contentType: "application/apply-patch+yaml",
    });
  const failure = async (attempt: Promise<unknown>): Promise<string> => {
    const error: unknown = await attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(Error);
    return (error as Error).message;
  };

  for (const recording of recorded) {
    it(`leaves the ${recording.type.split(":").at(-1) ?? ""} "${recording.name}" in the state as the real one does`, () => {
      const made = state.get(`${recording.type} ${recording.name}`);
      const outputs = { ...made?.outputs };
      delete outputs["status"];
      expect(disagreements(recording.inputs, made?.inputs, "inputs")).to.deep.equal([]);
      expect(disagreements(recording.outputs, outputs, "outputs")).to.deep.equal([]);
      expect(disagreements(recording.id, made?.id, "id")).to.deep.equal([]);
    });
  }

  it("changes nothing on a second up, also when another writer filled what is ignored", async () => {
    expect((await driver.up("dev")).changes).to.deep.equal({ same: all + 1 });
    await apply("ignored", { written: "by another" }, "other");
    expect((await driver.up("dev")).changes).to.deep.equal({ same: all + 1 });
    expect((await driver.preview("dev", { refresh: true })).changes).to.deep.equal({ same: all + 1 });
    expect((await driver.up("dev", { refresh: true })).changes).to.deep.equal({ same: all + 1 });
    expect((await live("ignored"))["data"]).to.deep.equal({ written: "by another" });
  });

  it("updates data and templates in place, writes nothing in the preview of it", async () => {
    const before = await live("mutable");
    setting = { ...usual, data: { a: "2" }, image: "registry.k8s.io/pause:3.9" };
    expect((await driver.preview("dev")).changes).to.deep.equal({ update: 3, same: all - 2 });
    expect(await live("mutable")).to.deep.equal(before);
    const { changes, events } = await driver.up("dev");
    expect(changes).to.deep.equal({ update: 3, same: all - 2 });
    expect(valueAt(await live("mutable"), ["metadata", "uid"])).to.equal(valueAt(before, ["metadata", "uid"]));
    expect(JSON.stringify(events)).to.contain("StatefulSet initialization complete");
    setting = usual;
    await driver.up("dev");
  });

  it("replaces data that is not mutable, and what the API server refuses to change, the old one first", async () => {
    setting = { ...usual, mutable: false };
    await driver.up("dev");
    setting = { ...setting, data: { a: "3" }, serviceName: "another" };
    const before = await live("immutable");
    const { changes, events } = await driver.up("dev");
    expect(changes).to.deep.equal({ replace: 3, same: all - 2 });
    const reasons = events.flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata.diffs ?? []);
    expect(reasons).to.include.members(["data", "spec"]);
    const after = await live("immutable");
    expect(after["data"]).to.deep.equal({ a: "3" });
    expect(valueAt(after, ["metadata", "uid"])).to.not.equal(valueAt(before, ["metadata", "uid"]));
    setting = usual;
    await driver.up("dev");
  });

  it("keeps everything when the kubeconfig of an identified cluster changes, and replaces everything otherwise", async () => {
    const moved = join(workDir, "moved");
    writeFileSync(moved, readFileSync(plane.kubeconfig, "utf8").replace(/(127\.0\.0\.1:\d+)/, "$1/"), { mode: 0o600 });
    setting = { ...usual, kubeconfig: moved };
    expect((await driver.up("dev")).changes).to.deep.equal({ update: 1, same: all });
    setting = { ...usual, kubeconfig: moved, identified: false };
    expect((await driver.up("dev")).changes).to.deep.equal({ update: 1, same: all });
    setting = { ...usual, identified: false };
    expect((await driver.preview("dev")).changes).to.deep.equal({ replace: all, same: 1 });
    setting = { ...usual, kubeconfig: moved };
    await driver.up("dev");
    setting = usual;
    await driver.up("dev");
  });

  it("tells a conflict with another field manager, and goes on with the others", async () => {
    await apply("mutable", { a: "theirs" }, "other");
    setting = { ...usual, data: { a: "4" } };
    const message = await failure(driver.up("dev", { continueOnError: true }));
    expect(message).to.contain("server-side apply field conflict detected");
    expect(message).to.match(/Apply failed with 1 conflict: conflict with "other": \.data\.a/);
    expect((await live("mutable"))["data"]).to.deep.equal({ a: "theirs" });
    expect((await live("immutable"))["data"]).to.deep.equal({ a: "4" });
    await apply("mutable", {}, "other");
    setting = usual;
    await driver.up("dev");
  });

  it("fails within seconds when the cluster is unreachable, and drops no state", async () => {
    const gone = join(workDir, "gone");
    writeFileSync(gone, readFileSync(plane.kubeconfig, "utf8").replace(/127\.0\.0\.1:\d+/, "127.0.0.1:1"), {
      mode: 0o600,
    });
    const resources = async (): Promise<string[]> => [...recordingsIn(await driver.exportState("dev")).keys()].sort();
    const before = await resources();
    setting = { ...usual, kubeconfig: gone, data: { a: "5" } };
    const started = Date.now();
    for (const attempt of [() => driver.up("dev"), () => driver.refresh("dev"), () => driver.destroy("dev")]) {
      const text = await failure(attempt());
      expect(text).to.contain("configured Kubernetes cluster is unreachable: ");
      expect(text).to.contain("dial tcp 127.0.0.1:1: connect: connection refused");
    }
    expect(Date.now() - started).to.be.below(30_000);
    expect(await resources()).to.deep.equal(before);
    setting = usual;
    expect((await driver.up("dev")).changes).to.include({ same: all });
  });

  it("says which context is missing", async () => {
    const other = join(workDir, "other");
    writeFileSync(
      other,
      readFileSync(plane.kubeconfig, "utf8").replace('"current-context":"plane"', '"current-context":"nowhere"'),
      { mode: 0o600 },
    );
    setting = { ...usual, kubeconfig: other, data: { a: "6" } };
    expect(await failure(driver.up("dev"))).to.contain('context "nowhere" does not exist');
    setting = usual;
    await driver.up("dev");
  });

  it("owns the fields of a patch, and gives them back when the patch goes", async () => {
    setting = {
      ...usual,
      extra: (opts) => {
        const metadata = { name: "ignored", namespace: "rec", annotations: { "dns-mesh/hash": "abc" } };
        new k8s.core.v1.ConfigMapPatch("patch", { metadata }, opts);
      },
    };
    expect((await driver.up("dev")).changes).to.deep.equal({ create: 1, same: all + 1 });
    expect(valueAt(await live("ignored"), ["metadata", "annotations", "dns-mesh/hash"])).to.equal("abc");
    expect((await driver.up("dev")).changes).to.deep.equal({ same: all + 2 });
    setting = usual;
    expect((await driver.up("dev")).changes).to.deep.equal({ delete: 1, same: all + 1 });
    const after = await live("ignored");
    expect(valueAt(after, ["metadata", "annotations"])).to.equal(undefined);
    expect(after["data"]).to.deep.equal({ written: "by another" });
  });

  it("reports what is not ready when the time is up, keeps the object, and mends it in the next up", async () => {
    const deployment = (replicas: number) => (opts: pulumi.CustomResourceOptions) => {
      const labels = { app: "never" };
      const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "none" }] } };
      const spec = { replicas, selector: { matchLabels: labels }, template };
      const timeouts = { customTimeouts: { create: "2s", update: "20s" } };
      new k8s.apps.v1.Deployment("never", { metadata: { name: "never" }, spec }, { ...opts, ...timeouts });
    };
    setting = { ...usual, extra: deployment(1) };
    expect(await failure(driver.up("dev"))).to.match(/'never' timed out waiting to be Ready[^]*\[Pod default\/never-/);
    setting = { ...usual, extra: deployment(0) };
    expect((await driver.up("dev")).changes).to.deep.equal({ update: 1, same: all + 1 });
    setting = usual;
    expect((await driver.up("dev")).changes).to.deep.equal({ delete: 1, same: all + 1 });
  });

  it("takes everything away, and waits until it is gone", async () => {
    expect((await driver.destroy("dev")).changes).to.deep.equal({ delete: all + 1 });
    const namespaces = await plane.api.send({ method: "GET", path: "/api/v1/namespaces" });
    expect(JSON.stringify(namespaces)).to.not.contain('"name":"rec"');
  });
});
