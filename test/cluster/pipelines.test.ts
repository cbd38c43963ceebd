import { expect } from "chai";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { CommentServer } from "../../harness/ci/comments";
import { type JobResult, readWorkflow, runJob } from "../../harness/ci/workflow";
import { type Listed, OwnMesh, type SharedFile } from "./own-mesh";

const examples = join(__dirname, "../../examples/ci");
const sites = ["site-a", "site-b", "site-c"] as const;
const zone = "pipelines.internal.dns";
const mark = "<!-- dns-mesh preview -->";

/** An account in a site's cluster, whose token a job is given. */
interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** As much of a kubeconfig as is taken from a cluster's. */
interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: object }[];
}

/**
 * A mesh whose team changes it by pull requests: steps of its life, in order. GitHub is not there: commands of jobs are run as its runner
 * runs them, each with the account and the secrets that its environment has, and a server of our own takes the comments.
 */
describe("a mesh that is changed by pull requests", function () {
  this.timeout(900_000);
  let mesh: OwnMesh;
  let service: CommentServer;
  let runner: string;

  before(async () => {
    mesh = await OwnMesh.create();
    await mesh.bringUp();
    service = await CommentServer.start("github-actions[bot]");
    runner = mkdtempSync(join(tmpdir(), "dns-mesh-runner-"));
    mkdirSync(join(runner, "home"));
    const viewer = ["create", "clusterrolebinding", "preview", "--clusterrole=view"];
    for (const index of sites.keys()) {
      await mesh.cluster(index).kubectl(["create", "serviceaccount", "preview"]);
      await mesh.cluster(index).kubectl([...viewer, "--serviceaccount=default:preview"]);
    }
    for (const site of sites) await mesh.reader.shell(`kubectl --context ${site} apply -f examples/ci/drift-role.yaml`);
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    rmSync(runner, { recursive: true, force: true });
    await mesh[Symbol.asyncDispose]();
  });

  /** A kubeconfig of sites' clusters, for the administrator, or with an account's token at each. */
  async function kubeconfig(names: readonly string[], account?: Account): Promise<string> {
    const of = await Promise.all(
      names.map(async (name) => {
        const cluster = mesh.cluster(sites.findIndex((site) => site === name));
        const own = parse(readFileSync(cluster.kubeconfig, "utf8")) as Kubeconfig & { users: [{ user: object }] };
        const token = async ({ namespace, name: of }: Account): Promise<object> => ({
          token: (await cluster.kubectl(["-n", namespace, "create", "token", of])).trim(),
        });
        const user = account === undefined ? own.users[0].user : await token(account);
        return { name, cluster: own.clusters[0]!.cluster, user, context: { cluster: name, user: name } };
      }),
    );
    return stringify({
      ...{ apiVersion: "v1", kind: "Config" },
      clusters: of.map(({ name, cluster }) => ({ name, cluster })),
      users: of.map(({ name, user }) => ({ name, user })),
      contexts: of.map(({ name, context }) => ({ name, context })),
    });
  }

  /** Runs a job of a workflow with what its environment gives it. */
  function job(workflow: string, name: string, expressions: Readonly<Record<string, string>>): Promise<JobResult> {
    const { env, folder } = mesh.checkout;
    return runJob(name, {
      workflow: readWorkflow(join(examples, "github", `${workflow}.yml`)),
      folder,
      // A runner's is the same for each job.
      temp: join(runner, "temp"),
      // A home without a kubeconfig: what a job is not given, it does not have.
      env: { ...env, HOME: join(runner, "home"), GITHUB_API_URL: service.url, GITHUB_REPOSITORY: "us/mesh" },
      expressions: {
        ...{ "vars.PULUMI_BACKEND_URL": `file://${env["HOME"] ?? ""}/dns-mesh-state`, "github.token": "a token" },
        ...{ "secrets.PULUMI_ACCESS_TOKEN": "", "secrets.PULUMI_CONFIG_PASSPHRASE": "a passphrase of yours" },
        ...{ "github.event.pull_request.number": "7", ...expressions },
      },
      leftOut: ["npm ci"],
    });
  }

  const preview = async (): Promise<JobResult> =>
    job("preview", "preview", {
      "secrets.KUBECONFIG_OF_READER": await kubeconfig(sites, { namespace: "default", name: "preview" }),
    });
  const drift = async (): Promise<JobResult> =>
    job("drift", "drift", {
      "secrets.KUBECONFIG_OF_DRIFT": await kubeconfig(sites, { namespace: "dns-system", name: "dns-mesh-drift" }),
    });

  /** What a site's environment has: its name, and a way into its cluster alone. */
  const siteAccess = async (expression: string, site: string): Promise<Record<string, string>> => ({
    ...{ [expression]: site, "secrets.KUBECONFIG_OF_SITE": await kubeconfig([site]) },
  });

  /** Runs what a push to the main branch runs. */
  async function deploy(): Promise<void> {
    const ended = async (running: Promise<JobResult>): Promise<JobResult> => {
      const result = await running;
      expect(result.failed, result.printed).to.equal(undefined);
      return result;
    };
    const { outputs } = await ended(job("deploy", "sites", {}));
    const primary = outputs["steps.list.outputs.primary"] ?? "";
    const others = JSON.parse(outputs["steps.list.outputs.others"] ?? "") as string[];
    await ended(job("deploy", "shared", {}));
    await ended(job("deploy", "primary", await siteAccess("needs.sites.outputs.primary", primary)));
    for (const site of others) await ended(job("deploy", "others", await siteAccess("matrix.site", site)));
  }

  /** The pull request's only comment of ours. */
  function comment(): string {
    const [own, ...more] = service.comments.filter(({ body }) => body.startsWith(mark));
    expect(more).to.deep.equal([]);
    return own?.body ?? "";
  }

  const siteC = (file: SharedFile): Listed => file.config["dns-mesh:mesh"].sites.find(({ name }) => name === "site-c")!;
  const everywhere = [0, 1, 2];

  it("finds nothing to change, by the guide's own commands", async () => {
    mesh.reader.open("docs/guides/pull-requests.md#what-a-pipeline-runs");
    await mesh.reader.run();
    mesh.reader.close();
    expect(readFileSync(join(mesh.checkout.folder, "comment.md"), "utf8")).to.match(
      /0 of sites, 0 of zones; resources: 0 to make, 0 to change, 0 to replace, 0 to delete/,
    );
  });

  it("shows a change as one comment, for an account that may read, and tells no address and no secret", async () => {
    mesh.edit((file) => siteC(file).zones.push(zone));
    const first = await preview();
    expect(first.failed, first.printed).to.equal(undefined);
    expect(comment()).to.contain(zone);
    await preview();
    expect(comment()).to.equal(first.summary);
    expect(service.comments).to.have.length(1);
    const told = [mesh.checkout.folder, "a passphrase of yours", ...everywhere.map((index) => mesh.siteAddress(index))];
    for (const each of told) expect(comment()).to.not.contain(each);
  });

  it("refuses a change that takes much away, and says what", async () => {
    const listed = readFileSync(join(mesh.checkout.folder, "Pulumi.shared.yaml"), "utf8");
    mesh.edit((file) => {
      file.config["dns-mesh:mesh"].sites = file.config["dns-mesh:mesh"].sites.filter(({ name }) => name === "site-a");
    });
    const refused = await preview();
    expect(refused.failed).to.equal("Whether it may go on");
    expect(comment())
      .to.match(/site-b/)
      .and.match(/site-c/);
    writeFileSync(join(mesh.checkout.folder, "Pulumi.shared.yaml"), listed);
    expect((await preview()).failed).to.equal(undefined);
  });

  it("brings a merged change up stage by stage, with the rights of one site at a time", async () => {
    await deploy();
    await mesh.answered(zone, everywhere);
  });

  it("gives a site's job no way into another's cluster", async () => {
    const access = await siteAccess("matrix.site", "site-b");
    const { failed, printed } = await job("deploy", "others", { ...access, "matrix.site": "site-c" });
    expect(failed).to.match(/mesh -- up/);
    expect(printed).to.match(/site-c/);
  });

  it("changes nothing when it deploys once more, and finds no drift", async () => {
    const before = await versions();
    await deploy();
    expect(await versions()).to.deep.equal(before);
    const { failed, printed } = await drift();
    expect(failed, printed).to.equal(undefined);
  });

  it("finds in the night what somebody changed or took away by hand, and it is put back by the guide", async () => {
    const budget = ["-n", "dns-system", "patch", "poddisruptionbudget", "knot", "--type=merge", "-p"];
    const changed = (most: number) => mesh.cluster(1).kubectl([...budget, `{"spec":{"maxUnavailable":${most}}}`]);
    await changed(2);
    await mesh.cluster(2).kubectl(["-n", "dns-system", "delete", "networkpolicy", "default-deny"]);
    const found = await drift();
    expect(found.failed, found.printed).to.equal("Nothing is to change, by what is really there");
    expect(found.printed)
      .to.match(/site-b-knot-budget.*maxUnavailable/)
      .and.match(/site-c-\S*default-deny/);
    mesh.reader.open("docs/guides/pull-requests.md#what-drifted");
    const [conflict] = await Promise.allSettled([mesh.reader.run()]);
    mesh.reader.close();
    expect(conflict).to.have.property("status", "rejected");
    expect(String((conflict as PromiseRejectedResult).reason)).to.match(/kubectl-patch.*\.spec\.maxUnavailable/s);
    await changed(1);
    mesh.reader.open("docs/guides/pull-requests.md#what-drifted");
    await mesh.reader.run();
    mesh.reader.close();
    // What the mesh has is as it was left; the path of the reader's kubeconfig is another one than a runner's, which does not have that.
    const own = join(mesh.checkout.folder, "../.kube/config");
    renameSync(own, `${own}.away`);
    const afterwards = await drift();
    renameSync(`${own}.away`, own);
    expect(afterwards.failed, afterwards.printed).to.equal(undefined);
    expect(afterwards.printed).to.match(/^site-b, site-c: reached by another kubeconfig.*: no drift$/m);
    await deploy();
    const again = await drift();
    expect(again.failed, again.printed).to.equal(undefined);
  });

  /** Of what the stacks made in each cluster: a write changes it. */
  async function versions(): Promise<readonly string[]> {
    const get = (kinds: string, version: string) => [
      ...["-n", "dns-system", "get", kinds, "-l", "app.kubernetes.io/part-of=dns-mesh"],
      ...["-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.${version}}{"\\n"}{end}`],
    ];
    // The others have a status, which their controllers write, or are written by the site itself.
    const written = get("services,configmaps,secrets,networkpolicies,roles,rolebindings", "resourceVersion");
    const controlled = get("statefulsets,deployments,cronjobs,poddisruptionbudgets", "generation");
    const texts = await Promise.all(
      everywhere.flatMap((index) => [written, controlled].map((args) => mesh.cluster(index).kubectl(args))),
    );
    return texts.flatMap((text) => text.trim().split("\n")).filter((line) => !line.includes("/mesh-status "));
  }
});
