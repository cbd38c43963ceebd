import { expect } from "chai";
import { configDifference } from "../../../../harness/plugins/kubernetes/connection";
import { changes, detailOf, replacePaths } from "../../../../harness/plugins/kubernetes/difference";
import { readKubeconfig } from "../../../../harness/plugins/kubernetes/kubeconfig";
import { checkpoint, mergeStringData, pruneToInputs } from "../../../../harness/plugins/kubernetes/objects";
import { withoutIgnored } from "../../../../harness/plugins/kubernetes/ownership";
import { isSecret, secret, unknown, type Json, type Properties } from "../../../../harness/plugins/wire";

describe("the stand-in for kubernetes: differences", () => {
  const detail = (from: Json, to: Json, of: { replaces?: string[]; ignored?: string[] } = {}): unknown =>
    detailOf(changes(from, to), of.replaces ?? [], of.ignored ?? []);

  it("names each property that differs, in arrays by position and with quotes where a key needs them", () => {
    const from = { a: 1, list: [1, 2], labels: { "x/y.z": "1" }, gone: true };
    const to = { a: 1, list: [1, 3, 4], labels: { "x/y.z": "2" }, come: {} };
    expect(detail(from, to)).to.deep.equal({
      "list[1]": "update",
      "list[2]": "add",
      'labels["x/y.z"]': "update",
      gone: "delete",
      come: "add",
    });
  });

  it("marks a replacement at, below and above a property that cannot be changed", () => {
    const from = { spec: { selector: { matchLabels: { a: "1" } }, replicas: 1 } };
    const to = { spec: { selector: { matchLabels: { a: "2" } }, replicas: 2 } };
    expect(detail(from, to, { replaces: ["spec.selector"] })).to.deep.equal({
      "spec.selector.matchLabels.a": "update-replace",
      "spec.replicas": "update",
    });
    expect(detail({}, { spec: { clusterIP: "None" } }, { replaces: ["spec.clusterIP"] })).to.deep.equal({
      spec: "add-replace",
    });
  });

  it("leaves ignored paths out, and a value that is not known yet counts as a change", () => {
    expect(detail({ data: { a: "1" }, b: "1" }, { data: { a: "2" }, b: unknown }, { ignored: ["data"] })).to.deep.equal(
      {
        b: "update",
      },
    );
  });

  it("replaces a ConfigMap for its data unless the provider lets it change, or it is immutable", () => {
    const map = { apiVersion: "v1", kind: "ConfigMap" };
    expect(replacePaths(map, { configMaps: false, secrets: true })).to.include("data");
    expect(replacePaths(map, { configMaps: true, secrets: false })).to.not.include("data");
    expect(replacePaths({ ...map, immutable: true }, { configMaps: true, secrets: true })).to.include("data");
  });
});

describe("the stand-in for kubernetes: live objects", () => {
  it("cuts a live object down to what the inputs name, and keeps the inputs' spelling of quantities and zero values", () => {
    const inputs = {
      spec: { cpu: { limits: { cpu: "1000m", memory: "64Mi" } }, hostNetwork: false, ports: [{ port: 53 }] },
    };
    const live = {
      spec: {
        cpu: { limits: { cpu: "1", memory: "128Mi" } },
        ports: [{ port: 53, targetPort: 53 }, { port: 54 }],
        added: 1,
      },
      status: {},
    };
    expect(pruneToInputs(live, inputs)).to.deep.equal({
      spec: { cpu: { limits: { cpu: "1000m", memory: "128Mi" } }, hostNetwork: false, ports: [{ port: 53 }] },
    });
  });

  it("keeps a Secret's data secret as a whole, in the inputs too, and forgets who manages fields", () => {
    const live = { kind: "Secret", data: { a: "eA==" }, metadata: { name: "s", managedFields: [] } };
    const kept = checkpoint({
      inputs: { kind: "Secret", data: { a: "eA==" } },
      live,
      initialApiVersion: "v1",
      fieldManager: "f",
      marks: {},
    });
    expect(isSecret(kept["data"])).to.equal(true);
    expect(isSecret((kept["__inputs"] as Properties)["data"])).to.equal(true);
    expect(kept["metadata"]).to.deep.equal({ name: "s" });
  });

  it("carries secret marks of inputs to the outputs of the same name", () => {
    const marks = { spec: { token: secret("x"), list: ["a", secret("b")], plain: "c" } };
    const live = { kind: "X", metadata: {}, spec: { token: "x", list: ["a", "b"], plain: "c" } };
    const { spec } = checkpoint({ inputs: {}, live, initialApiVersion: "", fieldManager: "", marks });
    const { token, list, plain } = spec as Properties;
    expect([token, list, plain].map(isSecret)).to.deep.equal([true, true, false]);
  });

  it("turns stringData into data", () => {
    const object = { kind: "Secret", stringData: { a: "x" }, data: { b: "eQ==" } };
    expect(mergeStringData(object)).to.deep.equal({ kind: "Secret", data: { a: "eA==", b: "eQ==" } });
  });

  it("sends nothing for an ignored field that another manager owns alone, and the live value for one of our own", () => {
    const entry = (manager: string, fieldsV1: Json): Json => ({ manager, fieldsV1 });
    const live = (entries: Json[]): Properties => ({ metadata: { managedFields: entries }, spec: { a: 2 }, data: {} });
    const theirs = entry("other", { "f:spec": { "f:a": {} } });
    const ours = entry("us", { "f:spec": { "f:a": {} } });
    const inputs = { spec: { a: 1, b: 1 } };
    const options = { paths: ["spec.a"], fieldManager: "us" };
    expect(withoutIgnored(inputs, live([theirs]), options)).to.deep.equal({ spec: { b: 1 } });
    expect(withoutIgnored(inputs, live([theirs, ours]), options)).to.deep.equal({ spec: { a: 2, b: 1 } });
  });
});

describe("the stand-in for kubernetes: kubeconfigs", () => {
  const config = (server: string, context = "one"): string =>
    JSON.stringify({
      clusters: [{ name: "c", cluster: { server } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "one", context: { cluster: "c", user: "u", namespace: "n" } }],
      "current-context": context,
    });

  it("reads contents as well as files", () => {
    const access = readKubeconfig({ kubeconfig: config("https://192.0.2.1:6443") });
    expect(access).to.include({ authorization: "Bearer t", namespace: "n", insecure: false });
    expect(access.server.href).to.equal("https://192.0.2.1:6443/");
  });

  it("says which context is missing", () => {
    expect(() => readKubeconfig({ kubeconfig: config("https://192.0.2.1", "nowhere") })).to.throw(
      'context "nowhere" does not exist',
    );
    expect(() => readKubeconfig({ kubeconfig: config("https://192.0.2.1"), context: "other" })).to.throw(
      'context "other" does not exist',
    );
  });

  it("replaces the provider when the cluster moves, unless the identifier says that it is the same", () => {
    const [here, there] = [config("https://192.0.2.1"), config("https://192.0.2.2")];
    const kindOf = (olds: Properties, news: Properties): string | undefined =>
      configDifference(olds, news).detail["kubeconfig"];
    expect(kindOf({ kubeconfig: here }, { kubeconfig: there })).to.equal("update-replace");
    const id = { clusterIdentifier: "site-a" };
    expect(kindOf({ kubeconfig: here, ...id }, { kubeconfig: there, ...id })).to.equal("update");
    expect(configDifference(id, { clusterIdentifier: "site-b" }).detail).to.deep.equal({
      clusterIdentifier: "update-replace",
    });
  });
});
