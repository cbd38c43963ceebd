import { expect } from "chai";
import { once } from "node:events";
import { join } from "node:path";
import { eventually } from "../../../harness/eventually";
import type { RunningMesh } from "../../../harness/mesh/running-mesh";
import { sharedMesh } from "../../../harness/mesh/shared-mesh";
import { runMesh, startMesh } from "../../../lab/mesh-command";
import type { StatusReport } from "../../../src/cli/status-report";
import type { VerifyReport } from "../../../src/cli/verify";

const sites = ["site-a", "site-b", "site-c"];

/** `mesh` in the folder of the stacks' files, with the kubeconfigs that they name. Steps of one mesh's life, in order. */
describe("mesh status, verify and logs before clusters", function () {
  this.timeout(240_000);
  let mesh: RunningMesh;

  before(async function () {
    this.timeout(600_000);
    mesh = await sharedMesh({ sites: 3 });
    await mesh.converged(60);
  });
  after(async () => {
    await mesh.cluster("site-c").heal();
    await mesh.converged(90);
  });

  const withFile = (args: readonly string[]): string[] => [...args, "--file", join(mesh.workDir, "Pulumi.shared.yaml")];
  const run = (...args: string[]) => runMesh(withFile(args));
  async function json(...args: string[]): Promise<{ readonly status: number; readonly report: unknown }> {
    const { status, out, said } = await run(...args, "--json");
    if (out === "") throw new Error(said);
    return { status, report: JSON.parse(out) };
  }
  const statusOf = async () => (await json("status")) as { status: number; report: StatusReport };
  const verify = async () =>
    (await json("verify")) as { status: number; report: VerifyReport & { readonly notes: readonly string[] } };

  /** Runs a site's reconciler as somebody does who does not wait until its CronJob is due. */
  const runByHand = (site: string, job: string): Promise<string> =>
    mesh.cluster(site).kubectl(["-n", "dns-system", "create", "job", job, "--from=cronjob/reconciler"]);

  /** Waits until all is fine. */
  const isFine = (seconds: number): Promise<void> =>
    eventually(
      seconds,
      async () => {
        const { report, status: code } = await statusOf();
        expect([code, report.findings, report.notAsked]).to.deep.equal([0, [], []]);
        expect(report.sites.map(({ answers }) => answers)).to.deep.equal([true, true, true]);
        expect(report.sites.flatMap(({ pods }) => pods.map(({ name }) => name))).to.deep.equal(
          sites.map((site) => `${site}/knot-0`),
        );
      },
      2000,
    );

  async function allAlike(): Promise<void> {
    const { status: code, report } = await verify();
    expect([code, report.ok, report.notes]).to.deep.equal([0, true, []]);
    expect(report.copies).to.equal(sites.length * mesh.zones().length);
  }

  it("find that all is fine, by DNS, certificates, agents and reconcilers", async () => {
    await Promise.all(sites.map((site) => runByHand(site, "reconciler-by-hand")));
    await isFine(120);
  });

  it("compare every zone at every site over TLS, with the keys that the clusters have", allAlike);

  it("have what kubectl logs has, of all sites in one order, and no key", async () => {
    const { status: code, out, said } = await run("logs", "--since", "2h", "--json");
    expect([code, said.length], said.slice(out.length)).to.deep.equal([0, out.length]);
    const entries = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { time: string; site: string; container: string; message: string });
    const times = entries.map(({ time }) => time);
    expect(times).to.deep.equal([...times].sort());
    for (const site of sites) {
      const own = entries.filter((entry) => entry.site === site);
      expect(new Set(own.map(({ container }) => container))).to.include.all.keys("knot", "agent", "reconciler");
      const agents = await mesh
        .cluster(site)
        .kubectl(["-n", "dns-system", "logs", "knot-0", "-c", "agent", "--tail=20"]);
      const messages = own.filter(({ container }) => container === "agent").map(({ message }) => message);
      // Between the two, an agent may have written more.
      const [first] = agents.trim().split("\n");
      expect(messages, site).to.include((JSON.parse(first ?? "{}") as { message: string }).message);
      expect(out).to.not.contain((await mesh.signingKey(site)).secret);
    }
  });

  it("follow a site's agent", async () => {
    await using following = followed(
      withFile(["logs", "--follow", "--since", "2h", "--site", "site-b", "-c", "agent"]),
    );
    let said = "";
    following.onText((text) => (said += text));
    const starts = (): number =>
      said.split("\n").filter((line) => / site-b\/knot-0 agent .*agent starts/.test(line)).length;
    await eventually(60, () => {
      expect(starts()).to.be.above(0);
    });
    const before = starts();
    await mesh.killAgent("site-b");
    await eventually(60, () => {
      expect(starts()).to.equal(before + 1);
    });
    await eventually(60, async () => {
      expect((await mesh.status("site-b")).ready).to.equal(true);
    });
  });

  it("name a site that is cut off, and what is not known of it, and go on with the others", async () => {
    await mesh.cluster("site-c").cut();
    const { status: code, report } = await statusOf();
    expect(code).to.equal(1);
    expect(report.sites.map(({ answers }) => answers)).to.deep.equal([true, true, false]);
    const ofIt = report.findings.filter(({ site }) => site === "site-c").map(({ message }) => message);
    expect(ofIt[0]).to.match(/^site-c does not answer: /);
    expect(ofIt.join("\n")).to.match(/the Kubernetes API is away/);
    const verified = await verify();
    expect(verified.status).to.equal(1);
    expect(verified.report.notAsked).to.deep.equal(["site-c"]);
    for (const zone of verified.report.zones) expect([zone.differing, zone.alike], zone.zone).to.deep.equal([[], 2]);
    const logs = await run("logs", "--since", "2h");
    expect(logs.status).to.equal(1);
    // What comes from both outputs is not put together at the ends of lines.
    expect(logs.said).to.match(/site-c: .*the Kubernetes API is away/);
    expect(logs.out).to.contain(" site-a/knot-0 agent ").and.not.contain(" site-c/");
  });

  it("find that all is fine again once it is back", async () => {
    await mesh.cluster("site-c").heal();
    await mesh.converged(90);
    await runByHand("site-c", "reconciler-once-more");
    await isFine(120);
    await allAlike();
  });
});

/** `mesh` while it goes on, until it is disposed of. */
function followed(args: readonly string[]): { onText(listener: (text: string) => void): void } & AsyncDisposable {
  const child = startMesh(args);
  const ended = once(child, "exit");
  return {
    onText: (listener) => {
      for (const stream of [child.stdout, child.stderr]) stream.on("data", listener);
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGINT");
      await ended;
    },
  };
}
