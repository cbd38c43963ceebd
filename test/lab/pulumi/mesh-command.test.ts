import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { checkOut, type Checkout } from "../../../harness/docs/checkout";
import { Reader } from "../../../harness/docs/reader";
import { type ControlPlane, startControlPlane } from "../../../harness/plugins/control-plane";
import { standInForPods } from "../../../harness/plugins/pod-stand-in";

/** Two sites in one cluster without nodes, by the guides: steps in their order. */
describe("mesh init, site, zone, preview and up, by their guides", function () {
  this.timeout(300_000);
  let plane: ControlPlane;
  let pods: AsyncDisposable;
  let checkout: Checkout;
  let reader: Reader;
  /** Of the short path, beside the guides' reader, in the same folder and shell. */
  let short: Reader;

  before(async () => {
    plane = await startControlPlane();
    pods = await standInForPods(plane, { address: "192.0.2.1" });
    checkout = await checkOut();
    const config = parse(readFileSync(plane.kubeconfig, "utf8")) as { contexts: { name: string }[] };
    const contexts = ["site-a", "site-b"].map((name) => ({ ...config.contexts[0], name }));
    mkdirSync(join(checkout.folder, "../.kube"));
    writeFileSync(
      join(checkout.folder, "../.kube/config"),
      JSON.stringify({ ...config, contexts, "current-context": "site-a" }),
      { mode: 0o600 },
    );
    reader = new Reader({ folder: checkout.folder, env: checkout.env });
  });
  after(async () => {
    checkout[Symbol.dispose]();
    await pods[Symbol.asyncDispose]();
    await plane[Symbol.asyncDispose]();
  });

  const file = (name: string): string => readFileSync(join(checkout.folder, name), "utf8");
  const state = (): string => join(checkout.folder, "../dns-mesh-state/.pulumi");
  /** What is below a folder of Pulumi's state. */
  const below = (folder: string): string[] =>
    existsSync(join(state(), folder)) ? readdirSync(join(state(), folder), { recursive: true }).map(String).sort() : [];

  it("writes the files of a mesh, and the second time nothing", async () => {
    reader.open("docs/guides/a-new-mesh.md#a-new-mesh");
    const begin = reader.next("sh");
    expect(await reader.shell(begin)).to.match(
      /Written: Pulumi\.shared\.yaml, Pulumi\.site-a\.yaml, Pulumi\.site-b\.yaml/,
    );
    const again = begin.split("\n").find((line) => line.includes("mesh -- init"))!;
    expect(await reader.shell(again)).to.match(/there already: nothing to do/);
    // Both sites are in one cluster here, which has no load balancer of a site's address.
    for (const site of ["site-a", "site-b"])
      writeFileSync(
        join(checkout.folder, `Pulumi.${site}.yaml`),
        `${file(`Pulumi.${site}.yaml`)}  dns-mesh:namespace: ${site}\n  dns-mesh:service: { verifyAddress: false }\n`,
      );
    short = new Reader({ folder: checkout.folder, env: checkout.env });
    short.open("docs/guides/ten-minutes.md#a-change-as-a-reviewer-sees-it");
    expect(await short.run()).to.match(/\bup: shared$/m);
  });

  it("explains one more site as a comment, by the short path, with nothing but the shared stack", async () => {
    const comment = await short.run();
    short.close();
    expect(comment)
      .to.match(/^<!-- dns-mesh preview -->$/m)
      .and.match(/site-e.*192\.0\.2\.55/)
      .and.match(/e\.example/);
    await reader.shell("npm run --silent mesh -- site remove site-e");
    expect(file("Pulumi.shared.yaml")).not.to.contain("site-e");
  });

  it("ends in order when Ctrl-C is pressed twice, in the middle of a site, and leaves no lock", async () => {
    const { folder, env } = checkout;
    const args = ["--import=tsx", "src/cli/mesh.ts", "up", "--yes", "--new"];
    const mesh = spawn(process.execPath, args, {
      ...{ cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] },
      env: { ...env, PULUMI_CONFIG_PASSPHRASE: "of a trial" },
    });
    let said = "";
    let pressed = 0;
    for (const stream of [mesh.stdout, mesh.stderr])
      stream.on("data", (text: Buffer) => {
        said += text.toString();
        if (pressed > 0 || (said.match(/^site-a: {3}create/gm)?.length ?? 0) < 10) return;
        // As a terminal does: to every process of the group.
        for (; pressed < 2; pressed += 1) process.kill(-mesh.pid!, "SIGINT");
      });
    const [code] = (await once(mesh, "close")) as [number | null];
    expect(code, said).to.equal(130);
    expect(said).to.match(/stopped half way: site-a\nleft: site-b\nNothing is lost: run the same again/);
    expect(below("locks").filter((name) => name.endsWith(".json"))).to.deep.equal([]);
    // What was under way came to its end: nothing is left of which nobody knows what became of it.
    const kept = readFileSync(join(state(), "stacks/dns-mesh/site-a.json"), "utf8");
    expect(kept)
      .to.match(/"resources"/)
      .and.not.match(/"pending_operations"/);
  });

  it("shows what a mesh that is half up lacks, and brings it up from there", async () => {
    const said = await reader.run();
    expect(said).to.match(/site-a, the primary, has yet to publish/);
    expect(said).to.match(/site-a: \d+ to make, 0 to change/);
    expect(said).to.match(/site-b: there is no such stack yet/);
    expect(said).to.match(/shared: nothing to do \(\d+ s\)[\s\S]*up: shared, site-a, site-b$/m);
    reader.close();
  });

  it("edits the list, which a preview explains without writing anything", async () => {
    reader.open("docs/guides/sites-and-zones.md#sites-and-zones-editing-the-list");
    expect(await reader.run()).to.match(/\+ {6}- name: site-d[\s\S]*this would be written/);
    await reader.run();
    reader.close();
    expect(file("Pulumi.shared.yaml")).to.match(/name: site-d\n.*\n.*192\.0\.2\.44\]\n +zones: \[d\.example\]\n/);
    reader.open("docs/guides/previewing.md#what-a-change-does-mesh-preview");
    const before = below("stacks");
    const said = await reader.run();
    reader.close();
    expect(said).to.match(/\+ site site-d: standard, asked at 192\.0\.2\.44/);
    expect(said).to.match(/site-d: new: all of it is made, once shared was brought up with it/);
    expect(said).to.match(/site-a: nothing to do\n\s+site-b: nothing to do/);
    expect(said).to.match(/no engine was asked \(--offline\)/);
    expect(file("comment.md")).to.match(/^<!-- dns-mesh preview -->[\s\S]*<details open>/);
    expect([below("stacks"), below("locks").filter((name) => name.endsWith(".json"))]).to.deep.equal([before, []]);
    expect(existsSync(join(checkout.folder, "../.pulumi/workspaces"))).to.equal(false);
  });

  it("refuses what up would, by what the stacks said", async () => {
    const refused = await reader
      .shell(`npm run --silent mesh -- zone remove b.example && exit 1 || echo "ended with $?"`)
      .catch(String);
    expect(refused).to.match(/ended with 2/);
    const missing = await reader
      .shell(`npm run --silent mesh -- up --yes && exit 1 || echo "ended with $?"`)
      .catch(String);
    expect(missing).to.match(/ended with 2/);
  });

  it("is looked over by the doctor, who finds what the guides left out", async () => {
    reader.open("docs/guides/doctor.md#what-is-wrong-mesh-doctor");
    const looked = reader.next("sh");
    const local = await reader.shell(`${looked.trim()} || echo "ended with $?"`);
    reader.close();
    expect(local).to.match(/hint {4}site-d: there is no Pulumi\.site-d\.yaml here/);
    expect(local).to.match(/the list has changed since it was brought up/);
    expect(local).not.to.match(/^(wrong|unknown)/m);
    const everything = await reader.shell("npm run --silent mesh -- doctor --json || true");
    const { findings } = JSON.parse(everything) as { findings: { check: string; where: string; state: string }[] };
    const stateOf = (check: string, where: string) =>
      findings.find((each) => each.check === check && each.where === where)?.state;
    expect(stateOf("reachable", "site-a")).to.equal("ok");
    // The cluster has no nodes, and nothing answers at addresses that are for documents.
    expect([stateOf("nodes", "site-a"), stateOf("udp-53", "site-b (198.51.100.2)")]).to.deep.equal(["hint", "wrong"]);
  });

  it("asks the cluster for the keys that Vault lets its pods in by", async () => {
    reader.open("docs/guides/vault.md#letting-a-clusters-pods-in-by-jwt");
    expect(reader.next("yaml")).to.contain("-----BEGIN PUBLIC KEY-----");
    expect(await reader.run()).to.match(/^-----BEGIN PUBLIC KEY-----\n[\w+/=\n]+-----END PUBLIC KEY-----\n/);
    reader.close();
  });

  it("brings one stack up alone", async () => {
    reader.open("docs/guides/bringing-up.md#bringing-all-of-it-up-mesh-up");
    await reader.shell("npm run --silent mesh -- site remove site-d");
    expect(await reader.run()).to.match(/The list changes nothing.*\nStacks: site-b\n[\s\S]*site-b: nothing to do/);
    reader.close();
  });
});
