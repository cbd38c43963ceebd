import { expect } from "chai";
import { eventually } from "../../../harness/eventually";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../../../harness/clusters";
import { documentedRows, quoted } from "../../../harness/doc-table";
import { rightsOf } from "../../../harness/mesh/rights";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";
import { endSharedMesh, sharedMesh } from "../../../harness/mesh/shared-mesh";
import { processesDuring } from "../../../harness/process-watch";
import type { OperationResult } from "../../../harness/pulumi/driver";
import { SecretSearch, secretsInState } from "../../../harness/secret-search";

const namespace = "dns-system";

/** Hashes of what a pod mounts, so that the kubelet looks again or other pods start. What is hashed is too long to be guessed. */
const shownOnPurpose = ["annotations.dns-mesh/mounted", "labels.dns-mesh/restart-hash"];

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly containers: readonly { readonly name: string }[];
    readonly initContainers?: readonly { readonly name: string }[];
    readonly volumes?: readonly {
      readonly projected?: { readonly sources: readonly { readonly serviceAccountToken?: { audience?: string } }[] };
    }[];
  };
  readonly status: { readonly phase: string };
}

async function podsOf(cluster: Cluster): Promise<Pod[]> {
  const text = await cluster.kubectl(["-n", namespace, "get", "pods", "-o", "json"]);
  return (JSON.parse(text) as { items: Pod[] }).items;
}

describe("secrets of a running mesh", function () {
  this.timeout(240_000);
  let mesh: RunningMesh;
  let search: SecretSearch;
  let processes: string;
  const operations = new Map<string, OperationResult>();

  const sites = (): Cluster[] => mesh.sites.map(({ name }) => mesh.cluster(name));
  const stacks = (): string[] => ["shared", ...mesh.sites.map(({ name }) => name)];

  before(async () => {
    mesh = await sharedMesh();
    ({ processes } = await processesDuring(async () => {
      const operate = async (stack: string): Promise<void> => {
        operations.set(`preview of ${stack}`, await mesh.driver.preview(stack));
        operations.set(`up of ${stack}`, await mesh.up(stack));
      };
      await operate("shared");
      await Promise.all(mesh.sites.map(({ name }) => operate(name)));
      await Promise.all(mesh.sites.map(({ name }) => mesh.reconcile(name, { expectFailure: true })));
    }));
    const states = await Promise.all(stacks().map((stack) => mesh.driver.exportState(stack)));
    const secrets = states.flatMap(({ deployment }) => secretsInState(deployment));
    search = new SecretSearch(secrets.filter(({ name }) => !shownOnPurpose.some((end) => name.endsWith(end))));
  });

  it("are known, and found where they belong: in the clusters' Secrets", async () => {
    expect(search.secrets.length).to.be.greaterThan(mesh.sites.length);
    for (const cluster of sites()) {
      const text = await cluster.kubectl(["-n", namespace, "get", "secrets", "-o", "json"]);
      expect(search.in(text), cluster.name).not.to.deep.equal([]);
    }
  });

  it("are not in the clear in Pulumi's state and settings, resource ids included", () => {
    const files = readdirSync(mesh.workDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).to.include("shared.json");
    for (const { parentPath, name } of files)
      expect(search.in(readFileSync(join(parentPath, name), "utf8")), name).to.deep.equal([]);
  });

  it("are not in what the engine prints: previews, ups and their events", () => {
    for (const [name, { stdout, events }] of operations)
      expect(search.in(stdout + JSON.stringify(events)), name).to.deep.equal([]);
  });

  it("are not in outputs that are not secret", async () => {
    for (const stack of stacks()) {
      const open = Object.values(await mesh.driver.outputs(stack)).filter(({ secret }) => !secret);
      expect(search.in(JSON.stringify(open)), stack).to.deep.equal([]);
    }
  });

  it("are not in the logs of any container", async () => {
    for (const cluster of sites()) {
      for (const { metadata, spec } of await podsOf(cluster)) {
        for (const { name } of [...(spec.initContainers ?? []), ...spec.containers]) {
          const log = await cluster.kubectl(["-n", namespace, "logs", metadata.name, "-c", name]).catch(() => "");
          expect(search.in(log), `${cluster.name} ${metadata.name} ${name}`).to.deep.equal([]);
        }
      }
    }
  });

  it("are not in any object but Secrets, nor in what agents report over HTTP", async () => {
    const kinds =
      "configmaps,events,pods,jobs,cronjobs,deployments,statefulsets,leases,dnsrecords,controllerrevisions,services,networkpolicies,serviceaccounts";
    for (const cluster of sites()) {
      const objects = await cluster.kubectl(["-n", namespace, "get", kinds, "-o", "json"]);
      expect(search.in(objects), cluster.name).to.deep.equal([]);
      const told = JSON.stringify(await mesh.status(cluster.name)) + (await mesh.metrics(cluster.name));
      expect(search.in(told), cluster.name).to.deep.equal([]);
    }
  });

  it("are not in command lines or environments, of this machine or of our pods", async () => {
    expect(processes).to.contain("pulumi");
    expect(search.in(processes)).to.deep.equal([]);
    for (const cluster of sites()) {
      for (const container of ["knot", "agent"]) {
        const command = ["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ"];
        // An output that shows none of the pod's own programs is not whole.
        const text = await eventually(10, async () => {
          const said = await cluster.execInPod({ namespace, pod: "knot-0", container }, command);
          expect(said, container).to.match(/knotd|agent\.js/);
          return said;
        });
        expect(search.in(text), `${cluster.name} ${container}`).to.deep.equal([]);
      }
    }
  });
});

describe("rights in a site's namespace", function () {
  this.timeout(120_000);
  let mesh: RunningMesh;

  before(async () => {
    mesh = await sharedMesh();
  });
  after(endSharedMesh);

  /** The rows of `docs/security.md` that hold for an account. */
  function documented(account: string): string[] {
    return documentedRows("docs/security.md", "What accounts may do")
      .filter(([who]) => who === "every" || quoted(who).includes(account))
      .map(([, resource, names, verbs]) => right(quoted(resource)[0] ?? "", quoted(names), quoted(verbs)))
      .sort();
  }

  function right(resource: string, names: readonly string[], verbs: readonly string[]): string {
    return `${[...verbs].sort().join(" ")} ${resource} ${[...names].sort().join(" ")}`.trim();
  }

  it("are those that the documentation lists, for every account", async () => {
    for (const { name: site } of mesh.sites) {
      const cluster = mesh.cluster(site);
      const listed = await cluster.kubectl(["-n", namespace, "get", "serviceaccounts", "-o", "name"]);
      const accounts = listed
        .trim()
        .split("\n")
        .map((line) => line.replace("serviceaccount/", ""));
      expect(accounts).to.include.members(["default", "knot", "reconciler", "record-operator"]);
      const { urls } = await rightsOf(cluster, namespace, "default");
      for (const account of accounts) {
        const rights = await rightsOf(cluster, namespace, account);
        const found = rights.resources.map(({ resource, names, verbs }) => right(resource, names, verbs)).sort();
        expect(found, `${site} ${account}`).to.deep.equal(documented(account));
        expect(rights.urls, `${site} ${account}`).to.deep.equal(urls);
      }
    }
  });

  it("come with a token only where it is needed", async () => {
    for (const { name: site } of mesh.sites) {
      for (const { metadata, spec } of await podsOf(mesh.cluster(site))) {
        const sources = (spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
        const tokens = sources.flatMap(({ serviceAccountToken }) => serviceAccountToken ?? []);
        const forApi = tokens.filter(({ audience }) => audience === undefined);
        const isAsking = ["reconciler", "record-operator"].includes(spec.serviceAccountName);
        expect(forApi, `${site} ${metadata.name}`).to.have.length(isAsking ? 1 : 0);
      }
    }
  });
});
