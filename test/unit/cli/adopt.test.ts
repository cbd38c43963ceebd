import { expect } from "chai";
import { adoptedKeys, finishAdoption, managedIn } from "../../../src/cli/adopt";
import { tsigKeyFrom } from "../../../src/dns/tsig-key";
import type { BackupsConfig } from "../../../src/settings/backup-settings";
import type { KubeObject } from "../../../src/kube/answer";
import { checkAdoption, requireUnforced } from "../../../src/preflight/adoption";

const namespace = "dns-system";
const base = `/api/v1/namespaces/${namespace}`;
const [local, records, seal, token] = ["l", "r", "s", "t"].map((letter) => letter.repeat(64)) as [
  string,
  string,
  string,
  string,
];
const secret = (files: Record<string, string>): KubeObject => ({
  data: Object.fromEntries(Object.entries(files).map(([file, text]) => [file, Buffer.from(text).toString("base64")])),
});
const whole: Readonly<Record<string, KubeObject>> = {
  [`${base}/configmaps/knot-config`]: { data: { "welcome.json": JSON.stringify({ site: { name: "site-c" } }) } },
  [`${base}/secrets/tsig-local-key`]: secret({ "key.json": JSON.stringify(tsigKeyFrom("local", local)) }),
  [`${base}/secrets/tsig-records`]: secret({ "key.json": JSON.stringify(tsigKeyFrom("records", records)) }),
  [`${base}/secrets/zone-keys-seal`]: secret({ key: seal }),
  [`${base}/secrets/backup-token`]: secret({ token }),
};
const keys = { local, records, zoneKeysSeal: seal, backupToken: token };

const place = (objects: Readonly<Record<string, KubeObject>>) => ({
  kube: { get: (path: string) => Promise.resolve(objects[path]) },
  namespace,
});
const failure = (work: Promise<unknown>): Promise<string> => work.then(() => "", String);

describe("mesh adopt", () => {
  it("finds the keys that the former stack made", async () => {
    expect(JSON.parse(await adoptedKeys(place(whole), "site-c"))).to.deep.equal(keys);
    const others = Object.fromEntries(Object.entries(whole).filter(([path]) => !path.endsWith("backup-token")));
    expect(JSON.parse(await adoptedKeys(place(others), "site-c"))).to.not.have.property("backupToken");
  });

  it("refuses another site's cluster, an empty one, and a Secret that is not whole, without showing it", async () => {
    expect(await failure(adoptedKeys(place(whole), "site-b"))).to.contain("the cluster of site-c, not of site-b");
    expect(await failure(adoptedKeys(place({}), "site-c"))).to.contain("nothing to adopt");
    const odd = { ...whole, [`${base}/secrets/zone-keys-seal`]: secret({ key: "another-secret" }) };
    const said = await failure(adoptedKeys(place(odd), "site-c"));
    expect(said).to.contain("zone-keys-seal").and.not.to.contain("another-secret");
  });

  it("is required before a stack takes over", async () => {
    const config = { site: "site-c", namespace, madeKeys: keys };
    await checkAdoption(config, place(whole));
    await checkAdoption({ ...config, madeKeys: {} }, place({}));
    const others = { local, records, backupToken: token };
    expect(await failure(checkAdoption({ ...config, madeKeys: others }, place(whole)))).to.match(
      /zoneKeysSeal.*mesh adopt/s,
    );
    expect(await failure(checkAdoption({ ...config, madeKeys: { ...keys, local: records } }, place(whole)))).to.contain(
      "(local)",
    );
    expect(await failure(checkAdoption({ ...config, site: "site-b" }, place(whole)))).to.contain("is that of site-c");
    const silent = { namespace, kube: { get: () => Promise.reject(new Error("no route")) } };
    expect(await failure(checkAdoption(config, silent))).to.match(/cannot be read: no route.*Nothing was changed/);
  });
});

describe("an up that takes over", () => {
  const config = { site: "site-c", namespace, madeKeys: keys };
  const backups = { password: "the-password-of-the-settings" } as BackupsConfig;
  const at = (files: Record<string, string>) => place({ ...whole, [`${base}/secrets/backup-password`]: secret(files) });

  it("does not write over another password of the backups, which may be the only copy, and shows neither", async () => {
    const former = "the-password-of-the-cluster";
    const said = await failure(checkAdoption({ ...config, backups }, at({ password: former })));
    expect(said).to.match(
      /backup-password in dns-system has another password.*Nothing was changed.*kubectl -n dns-system/,
    );
    expect(said).not.to.contain(former).and.not.to.contain(backups.password);
    expect(await failure(checkAdoption({ ...config, backups }, at({})))).to.contain("has another password");
    await checkAdoption({ ...config, backups }, at({ password: backups.password }));
    await checkAdoption({ ...config, backups }, place(whole));
    await checkAdoption(config, at({ password: former }));
  });

  it("changes nothing where the Secret with that password cannot be read", async () => {
    const { kube } = place(whole);
    const get = (path: string) =>
      path.endsWith("backup-password") ? Promise.reject(new Error("403 Forbidden")) : kube.get(path);
    expect(await failure(checkAdoption({ ...config, backups }, { kube: { get }, namespace }))).to.match(
      /cannot be read: 403 Forbidden\. Nothing was changed/,
    );
  });

  it("does so by force only where the setting says that something is to be taken over", () => {
    for (const name of ["PULUMI_K8S_ENABLE_PATCH_FORCE", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"])
      for (const value of ["true", "1", "T", "yes"]) {
        expect(() => {
          requireUnforced({ adopt: false }, { [name]: value });
        }).to.throw(`${name} is set, and dns-mesh:adopt is not`);
        requireUnforced({ adopt: true }, { [name]: value });
      }
    requireUnforced(
      { adopt: false },
      { PULUMI_K8S_ENABLE_PATCH_FORCE: "false", PULUMI_K8S_UPSERT_EXISTING_OBJECTS: "" },
    );
    requireUnforced({ adopt: false }, {});
  });
});

describe("mesh adopt --finish", () => {
  type Resource = Readonly<Record<string, unknown>>;
  const outputs = (kind: string, apiVersion: string, metadata: object): Resource => ({
    urn: `urn:pulumi:site-c::dns-mesh::kubernetes:${apiVersion}:${kind}::${kind}`,
    type: `kubernetes:${apiVersion}:${kind}`,
    outputs: { kind, apiVersion, metadata, __fieldManager: "pulumi-kubernetes-new" },
  });
  const stack: Resource = {
    ...{ urn: "urn:pulumi:site-c::dns-mesh::pulumi:pulumi:Stack::dns-mesh-site-c", type: "pulumi:pulumi:Stack" },
    outputs: { site: "site-c", namespace },
  };
  const component = {
    ...{ urn: "urn:pulumi:site-c::dns-mesh::dnsmesh:site:SiteStack::site-c", type: "dnsmesh:site:SiteStack" },
    outputs: {},
  };
  const resources: readonly Resource[] = [
    stack,
    component,
    outputs("Namespace", "v1", { name: namespace }),
    outputs("NetworkPolicy", "networking.k8s.io/v1", { name: "default-deny", namespace }),
    outputs("ConfigMap", "v1", { name: "knot-config", namespace }),
    outputs("Secret", "v1", { name: "tsig-local-key", namespace }),
    outputs("StatefulSet", "apps/v1", { name: "knot", namespace }),
    // Read by the stack as well as made by it, as the reconciler's report is.
    {
      external: true,
      outputs: {
        ...{ kind: "NetworkPolicy", apiVersion: "networking.k8s.io/v1", metadata: { name: "default-deny", namespace } },
        __fieldManager: "pulumi-kubernetes-of-a-look",
      },
    },
    outputs("ClusterRole", "rbac.authorization.k8s.io/v1", { name: "shared-by-sites" }),
    outputs("Secret", "v1", { name: "elsewhere", namespace: "other" }),
    { outputs: { something: "else" } },
    {},
  ];
  const exportOf = (of: readonly Resource[], more: object = {}): string =>
    JSON.stringify({ version: 3, deployment: { resources: of, ...more } });
  const exported = exportOf(resources);
  const policy = "/apis/networking.k8s.io/v1/namespaces/dns-system/networkpolicies/default-deny";
  const paths = [
    "/api/v1/namespaces/dns-system",
    policy,
    `${base}/configmaps/knot-config`,
    `${base}/secrets/tsig-local-key`,
    "/apis/apps/v1/namespaces/dns-system/statefulsets/knot",
  ];
  const entry = (manager: string, operation = "Apply", more = {}) => ({ manager, operation, ...more });
  const ours = entry("pulumi-kubernetes-new");
  const former = entry("pulumi-kubernetes-old");
  const owned = (path: string, managedFields: readonly object[], data: object = {}): [string, KubeObject] => [
    path,
    {
      ...data,
      metadata: { name: path.split("/").at(-1) ?? "", resourceVersion: "7", managedFields } as KubeObject["metadata"] &
        object,
    },
  ];
  let written: [string, KubeObject][];
  beforeEach(() => (written = []));
  /** The cluster with all that the stack has, and more or other objects. */
  const cluster = (...more: [string, KubeObject | undefined][]) => {
    const standard = paths.map((path) => owned(path, [ours], whole[path]));
    const all: Record<string, KubeObject | undefined> = Object.fromEntries([...standard, ...more]);
    return {
      get: (path: string): Promise<KubeObject | undefined> => {
        const [collection = "", query] = path.split("?");
        if (query === undefined) return Promise.resolve(all[path]);
        const items = Object.entries(all).flatMap(([at, object]) =>
          object !== undefined && at.slice(0, at.lastIndexOf("/")) === collection ? [object] : [],
        );
        return Promise.resolve({ metadata: { resourceVersion: "9" }, items });
      },
      merge: (path: string, object: KubeObject) => Promise.resolve(written.push([path, object])).then(() => object),
    };
  };
  const finish = (kube: ReturnType<typeof cluster>, text = exported) =>
    finishAdoption({ kube, namespace, site: "site-c", exported: text });

  it("knows what the stack has in the namespace, and the namespace", () => {
    expect(managedIn(exported, namespace).map(({ path }) => path)).to.deep.equal(paths);
  });

  it("takes the former stack out of the owners, and nobody else", async () => {
    const kept = [ours, entry("kubectl", "Update"), entry("reconciler")];
    const managedFields = [...kept, former, entry("pulumi-kubernetes-older")];
    expect(await finish(cluster(owned(policy, managedFields)))).to.deep.equal({ objects: 1, left: [] });
    expect(written).to.deep.equal([[policy, { metadata: { managedFields: kept, resourceVersion: "7" } }]]);
    expect(await finish(cluster())).to.deep.equal({ objects: 0, left: [] });
  });

  it("names what a stack made and the new one does not have", async () => {
    const secrets = `${base}/secrets/backup-password`;
    const { left } = await finish(cluster(owned(secrets, [former]), owned(`${base}/secrets/users`, [entry("helm")])));
    expect(left).to.deep.equal([secrets]);
  });

  const refuse = async (text: string, words: RegExp, kube = cluster()): Promise<void> => {
    expect(await failure(finish(kube, text))).to.match(words);
    expect(written).to.deep.equal([]);
  };

  it("refuses a text that is not of this stack", async () => {
    await refuse(JSON.stringify({ deployment: {} }), /stack export -s site-c/);
    await refuse("", /is not JSON/);
    const renamed = { ...component, urn: component.urn.replace(/site-c$/, "site-b") };
    await refuse(
      exportOf([stack, renamed, ...resources.slice(2)]),
      /the export of the stack of site-b, not of that of site-c/,
    );
    await refuse(exportOf(resources.slice(2)), /the export of another stack, not of that of site-c/);
  });

  it("refuses a stack that is not up, and one whose up was interrupted", async () => {
    await refuse(exportOf([{ ...stack, outputs: {} }, ...resources.slice(1)]), /is not up: it has no outputs/);
    await refuse(
      exportOf(resources.filter((_, i) => i !== 6)),
      /does not have .*statefulsets\/knot; run "pulumi -s site-c up"/,
    );
    await refuse(exportOf(resources, { pending_operations: [{ type: "creating" }] }), /was interrupted: run it again/);
  });

  it("refuses an export that does not have all that was taken over, and one of another time", async () => {
    const taken = owned(`${base}/secrets/tsig-records`, [ours, former]);
    await refuse(exported, /is not whole: the stack took over .*secrets\/tsig-records too/, cluster(taken));
    await refuse(exported, /networkpolicies\/default-deny is not there/, cluster([policy, undefined]));
    await refuse(
      exported,
      /default-deny is another stack's \(pulumi-kubernetes-old\)/,
      cluster(owned(policy, [former])),
    );
  });
});
