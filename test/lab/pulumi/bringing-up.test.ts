import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { GuidedMesh } from "../../../harness/plugins/guided-mesh";

/** Two sites in one cluster without nodes, by the guides: steps in their order. */
describe("mesh up, site, zone, preview and doctor, by their guides", function () {
  this.timeout(300_000);
  let mesh: GuidedMesh;

  before(async () => {
    mesh = await GuidedMesh.start();
    mesh.reader.open("docs/guides/a-new-mesh.md#a-new-mesh");
    await mesh.reader.shell(mesh.reader.next("sh"));
    mesh.shareCluster();
    // Which logs in, and brings the shared stack up.
    const short = mesh.anotherReader();
    short.open("docs/guides/ten-minutes.md#a-change-as-a-reviewer-sees-it");
    await short.run();
  });
  after(() => mesh[Symbol.asyncDispose]());

  it("ends in order when Ctrl-C is pressed twice, in the middle of a site, and leaves no lock", async () => {
    const { folder, env } = mesh.checkout;
    const args = ["--import=tsx", "src/cli/mesh.ts", "up", "--yes", "--new"];
    const child = spawn(process.execPath, args, {
      ...{ cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] },
      env: { ...env, PULUMI_CONFIG_PASSPHRASE: "of a trial" },
    });
    let said = "";
    let pressed = 0;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => {
        said += text.toString();
        if (pressed > 0 || (said.match(/^site-a: {3}create/gm)?.length ?? 0) < 10) return;
        // As a terminal does: to every process of the group.
        for (; pressed < 2; pressed += 1) process.kill(-child.pid!, "SIGINT");
      });
    const [code] = (await once(child, "close")) as [number | null];
    expect(code, said).to.equal(130);
    expect(said).to.match(/stopped half way: site-a\nleft: site-b\nNothing is lost: run the same again/);
    expect(mesh.below("locks").filter((name) => name.endsWith(".json"))).to.deep.equal([]);
    // What was under way came to its end: nothing is left of which nobody knows what became of it.
    const kept = readFileSync(join(mesh.state, "stacks/dns-mesh/site-a.json"), "utf8");
    expect(kept)
      .to.match(/"resources"/)
      .and.not.match(/"pending_operations"/);
  });

  it("shows what a mesh that is half up lacks, and brings it up from there", async () => {
    const said = await mesh.reader.run();
    expect(said).to.match(/site-a, the primary, has yet to publish/);
    expect(said).to.match(/site-a: \d+ to make, 0 to change/);
    expect(said).to.match(/site-b: there is no such stack yet/);
    expect(said).to.match(/shared: nothing to do \(\d+ s\)[\s\S]*up: shared, site-a, site-b$/m);
    mesh.reader.close();
  });

  it("edits the list, which a preview explains without writing anything", async () => {
    mesh.reader.open("docs/guides/sites-and-zones.md#sites-and-zones-editing-the-list");
    expect(await mesh.reader.run()).to.match(/\+ {6}- name: site-d[\s\S]*this would be written/);
    await mesh.reader.run();
    mesh.reader.close();
    expect(mesh.file("Pulumi.shared.yaml")).to.match(/name: site-d\n.*\n.*192\.0\.2\.44\]\n +zones: \[d\.example\]\n/);
    mesh.reader.open("docs/guides/previewing.md#what-a-change-does-mesh-preview");
    const before = mesh.below("stacks");
    const said = await mesh.reader.run();
    mesh.reader.close();
    expect(said).to.match(/\+ site site-d: standard, asked at 192\.0\.2\.44/);
    expect(said).to.match(/site-d: new: all of it is made, once shared was brought up with it/);
    expect(said).to.match(/site-a: nothing to do\n\s+site-b: nothing to do/);
    expect(said).to.match(/no engine was asked \(--offline\)/);
    expect(mesh.file("comment.md")).to.match(/^<!-- dns-mesh preview -->[\s\S]*<details open>/);
    expect([mesh.below("stacks"), mesh.below("locks").filter((name) => name.endsWith(".json"))]).to.deep.equal([
      before,
      [],
    ]);
    expect(existsSync(join(mesh.checkout.folder, "../.pulumi/workspaces"))).to.equal(false);
  });

  it("refuses what up would, by what the stacks said", async () => {
    const refused = await mesh.reader
      .shell(`npm run --silent mesh -- zone remove b.example && exit 1 || echo "ended with $?"`)
      .catch(String);
    expect(refused).to.match(/ended with 2/);
    const missing = await mesh.reader
      .shell(`npm run --silent mesh -- up --yes && exit 1 || echo "ended with $?"`)
      .catch(String);
    expect(missing).to.match(/ended with 2/);
  });

  it("is looked over by the doctor, who finds what the guides left out", async () => {
    mesh.reader.open("docs/guides/doctor.md#what-is-wrong-mesh-doctor");
    const looked = mesh.reader.next("sh");
    const local = await mesh.reader.shell(`${looked.trim()} || echo "ended with $?"`);
    mesh.reader.close();
    expect(local).to.match(/hint {4}site-d: there is no Pulumi\.site-d\.yaml here/);
    expect(local).to.match(/the list has changed since it was brought up/);
    expect(local).not.to.match(/^(wrong|unknown)/m);
    const everything = await mesh.reader.shell("npm run --silent mesh -- doctor --json || true");
    const { findings } = JSON.parse(everything) as { findings: { check: string; where: string; state: string }[] };
    const stateOf = (check: string, where: string) =>
      findings.find((each) => each.check === check && each.where === where)?.state;
    expect(stateOf("reachable", "site-a")).to.equal("ok");
    // The cluster has no nodes, and nothing answers at addresses that are for documents.
    expect([stateOf("nodes", "site-a"), stateOf("udp-53", "site-b (198.51.100.2)")]).to.deep.equal(["hint", "wrong"]);
  });

  it("asks the cluster for the keys that Vault lets its pods in by", async () => {
    mesh.reader.open("docs/guides/vault.md#letting-a-clusters-pods-in-by-jwt");
    expect(mesh.reader.next("yaml")).to.contain("-----BEGIN PUBLIC KEY-----");
    expect(await mesh.reader.run()).to.match(/^-----BEGIN PUBLIC KEY-----\n[\w+/=\n]+-----END PUBLIC KEY-----\n/);
    mesh.reader.close();
  });

  it("brings one stack up alone", async () => {
    mesh.reader.open("docs/guides/bringing-up.md#bringing-all-of-it-up-mesh-up");
    await mesh.reader.shell("npm run --silent mesh -- site remove site-d");
    expect(await mesh.reader.run()).to.match(
      /The list changes nothing.*\nStacks: site-b\n[\s\S]*site-b: nothing to do/,
    );
    mesh.reader.close();
  });
});
