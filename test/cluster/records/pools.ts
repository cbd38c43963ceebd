import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blocksOf } from "../../../harness/docs/blocks";
import { eventually } from "../../../harness/eventually";
import type { Properties } from "../../../harness/plugins/wire";
import { HttpTarget } from "../../../harness/pools/targets";
import { namespace, type OperatorProcess } from "../../../harness/records/operator-process";
import type { RecordMesh } from "../../../harness/records/record-mesh";
import { toolPath } from "../../../harness/tools";
import { run } from "../../../harness/tools/run";
import { runMesh } from "../../../lab/mesh-command";
import { freeEverywhere } from "../../../lab/ports";
import type { PoolReport } from "../../../src/cli/pools-report";
import type { PoolOutlook } from "../../../src/cli/pools-text";
import type { StatusReport } from "../../../src/cli/status-report";
import type { PoolSpec, PoolStatus } from "../../../src/pools/model";
import { poolId } from "../../../src/pools/wire";

const pools = `/apis/dns.mesh.io/v1alpha1/namespaces/${namespace}/dnspools`;
const records = `/apis/dns.mesh.io/v1alpha1/namespaces/${namespace}/dnsrecords`;

const guide = "docs/pools.md#five-minutes";

/** What the operator of a site may probe in {@link describePools}. */
export const poolProbes = ["127.0.0.0/28@1024-65535"];

/** What pools do in a mesh whose sites have zones for them; in order: each step starts from what the one before left. */
export function describePools(mesh: () => RecordMesh): void {
  let others: OperatorProcess[];
  let port: number;
  const targets: HttpTarget[] = [];
  const [first, second, third, stranger] = ["127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.77"] as const;
  const [one, other] = [() => targets[0]!, () => targets[1]!];

  before(async () => {
    port = await freeEverywhere();
    for (const address of [first, second, third, stranger]) {
      const target = new HttpTarget(address, port);
      await target.start();
      targets.push(target);
    }
    const names = [...mesh().lab.sites.keys()].filter((name) => name !== mesh().owner);
    others = await Promise.all(names.map((name) => mesh().operatorOf(name, { probes: poolProbes, leaseSeconds: 4 })));
    for (const each of others) each.start();
  });
  after(async () => {
    for (const target of targets) await target.stop();
  });
  afterEach(function () {
    if (this.currentTest?.state !== "failed") return;
    for (const each of [mesh().operator, ...others]) console.log(each.log().slice(-4000));
  });

  const send = (method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object) =>
    mesh().plane.api.send({
      method,
      path,
      ...(body && { body: body as Properties }),
      ...(method === "PATCH" && { contentType: "application/merge-patch+json" }),
    });
  const make = (name: string, spec: Partial<PoolSpec>) =>
    send("POST", pools, {
      apiVersion: "dns.mesh.io/v1alpha1",
      kind: "DnsPool",
      metadata: { name },
      spec: { zone: mesh().zone, name, type: "A", ttl: 5, ...spec },
    });
  const statusOf = async (name: string): Promise<PoolStatus> =>
    ((await send("GET", `${pools}/${name}`)) as { status?: PoolStatus }).status ?? {};
  const conditionOf = async (name: string, type: string) =>
    (await statusOf(name)).conditions?.find((condition) => condition.type === type);
  const web = (address: string, priority: number) => ({
    value: address,
    priority,
    check: { type: "HTTP" as const, port, path: "/" },
  });
  const shop = () => poolId({ zone: mesh().zone, name: `shop.${mesh().zone}`, type: "A" });
  const everywhere = (name: string, ...expected: string[]) =>
    eventually(75, () => mesh().everywhere(`${name}.${mesh().zone}`, expected));

  it("leads to its first target at every site, and says what each of them sees", async () => {
    await make("far", { targets: [{ value: stranger, check: { type: "HTTP", port } }] });
    const [, , pool = ""] = blocksOf(guide, "yaml");
    const [commands = ""] = blocksOf(guide, "sh");
    const [shown = ""] = blocksOf(guide, "");
    const { folder } = mesh().lab;
    // The guide's targets and zone are those of the reader.
    const asHere = (text: string): string =>
      [
        ["standard-1.internal.dns", mesh().zone],
        ["HTTPS", "HTTP"],
        ["443", String(port)],
        ["10.20.0.10", first],
        ["10.30.0.10", second],
      ].reduce((all, [from = "", to = ""]) => all.replaceAll(from, to), text);
    writeFileSync(join(folder, "pool.yaml"), asHere(pool));
    const path = [dirname(toolPath("kubectl")), process.env["PATH"]].join(":");
    const env = { ...process.env, PATH: path, KUBECONFIG: mesh().plane.kubeconfig };
    const printed = await run("bash", ["-ec", commands], { env, cwd: folder, timeoutMs: 90_000 });
    const columns = (text: string): string[] =>
      text
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/ {2,}/).slice(0, -1).join(" "));
    expect(columns(printed)).to.include.members(columns(asHere(shown)));
    await everywhere("shop", first);
    await eventually(30, async () => {
      const { targets: seen } = await statusOf("shop");
      const up = [...mesh().lab.sites.keys()].sort();
      expect(seen).to.deep.equal([
        { value: first, healthy: "True", answered: true, up },
        { value: second, healthy: "True", answered: false, up },
      ]);
      for (const type of ["Accepted", "Healthy", "Programmed", "Ready"])
        expect(await conditionOf("shop", type), type).to.include({ status: "True" });
    });
  });

  const shownBy = async (...args: string[]): Promise<unknown> => {
    const { out, said } = await runMesh([...args, "--access", await mesh().lab.writeAccess(), "--json"]);
    if (out === "") throw new Error(said);
    return JSON.parse(out);
  };
  const ofShop = <P extends PoolReport>({ pools: found = [] }: { readonly pools?: readonly P[] }) =>
    found.find(({ name }) => name === `shop.${mesh().zone}`);

  it("is shown by mesh over DNS as each site sees it, with what it would lead to without a target", async () => {
    const up = [...mesh().lab.sites.keys()].sort();
    await eventually(30, async () => {
      const shown = ofShop((await shownBy("pools", "--without", first)) as { pools: PoolOutlook[] });
      expect(shown).to.deep.include({ owner: mesh().owner, verdict: "Healthy", answer: [first] });
      expect(shown?.targets.map((target) => target.up)).to.deep.equal([up, up]);
      expect(shown?.then).to.deep.equal({ answer: [second], verdict: "Healthy" });
    });
    const status = (await shownBy("status")) as StatusReport;
    expect(ofShop(status)?.targets[0]).to.deep.include({ answered: true, healthy: "True", down: [] });
    expect(status.probes?.map(({ site, stale }) => [site, stale])).to.deep.equal(up.map((site) => [site, false]));
    expect(status.findings.map(({ message }) => message).join("\n")).to.not.contain("shop");
  });

  it("leads to the next where a target is gone, and back when it is there again", async () => {
    await one().stop();
    await everywhere("shop", second);
    await eventually(30, async () => {
      expect((await statusOf("shop")).targets?.[0]).to.deep.include({ healthy: "False", answered: false });
    });
    await one().start();
    await everywhere("shop", first);
  });

  it("goes by the status of answers, too", async () => {
    await make("status", { targets: [web(third, 0), web(second, 1)] });
    await everywhere("status", third);
    targets[2]!.status = 503;
    await everywhere("status", second);
    targets[2]!.status = 200;
    await everywhere("status", third);
  });

  it("keeps its last answer where every target is gone, and says so", async () => {
    for (const target of [one(), other()]) await target.stop();
    await eventually(30, async () => {
      expect(await conditionOf("shop", "Healthy")).to.include({ status: "False", reason: "NoneHealthy" });
    });
    await eventually(30, async () => {
      const { findings } = (await shownBy("status")) as StatusReport;
      expect(findings.find(({ message }) => message.includes(`shop.${mesh().zone}`))?.message).to.contain(
        "keeps its last answer",
      );
    });
    await mesh().everywhere(`shop.${mesh().zone}`, await mesh().answer(mesh().owner, `shop.${mesh().zone}`));
    expect(await mesh().answer(mesh().owner, `shop.${mesh().zone}`)).to.have.length(1);
    for (const target of [one(), other()]) await target.start();
    await eventually(60, async () => {
      expect(await conditionOf("shop", "Healthy")).to.include({ status: "True", reason: "Healthy" });
    });
    await everywhere("shop", first);
  });

  it("does without a site that is silent", async () => {
    const [gone] = others;
    await gone?.kill();
    await eventually(30, async () => {
      expect((await statusOf("shop")).targets?.[1]?.up).to.have.length(2);
    });
    gone?.start();
    await eventually(30, async () => {
      expect((await statusOf("shop")).targets?.[1]?.up).to.have.length(3);
    });
  });

  it("keeps its answer while the operator of its site is away, and is decided on afterwards", async () => {
    await mesh().operator.stop();
    await one().stop();
    // The others see it, and say so at every site, but nobody decides.
    await eventually(30, async () => {
      const { server, dns } = mesh().lab.site(mesh().owner);
      for (const site of [...mesh().lab.sites.keys()].filter((name) => name !== mesh().owner)) {
        const { answers } = await dns.query(server, `${shop()}.seen._pools.${site}.internal`, "TXT");
        expect(answers.flatMap((record) => (record.type === "TXT" ? record.strings : [])).join()).to.include("=down");
      }
    });
    await mesh().everywhere(`shop.${mesh().zone}`, [first]);
    mesh().operator.start();
    await everywhere("shop", second);
    await one().start();
    await everywhere("shop", first);
  });

  it("probes nothing that no site's settings list, and answers it", async () => {
    await everywhere("far", stranger);
    expect(await conditionOf("far", "Healthy")).to.include({ status: "Unknown", reason: "NotProbed" });
    expect(targets[3]?.asked).to.equal(0);
  });

  it("is not served in another site's zone, nor under the name of a record that is not its own", async () => {
    await make("elsewhere", { zone: "site-b.example", targets: [{ value: "192.0.2.1" }] });
    await eventually(30, async () => {
      expect(await conditionOf("elsewhere", "Accepted")).to.include({ status: "False", reason: "UnknownZone" });
    });
    await mesh().objects().make("taken", { name: "taken", value: "192.0.2.9" });
    await make("taken", { targets: [{ value: "192.0.2.1" }] });
    await eventually(30, async () => {
      expect(await conditionOf("taken", "Accepted")).to.include({ status: "False", reason: "NameTaken" });
    });
    expect(await mesh().answer(mesh().owner, `taken.${mesh().zone}`)).to.deep.equal(["192.0.2.9"]);
  });

  it("is refused where its namespace may not have the name, and served once it may", async () => {
    const site = mesh().lab.site(mesh().owner);
    const allow = [{ zones: [mesh().zone], subtrees: [`team.${mesh().zone}`, `shop.${mesh().zone}`], types: ["A"] }];
    const taken = (): number => mesh().operator.log().split("the site's stack was brought up").length;
    const before = taken();
    await site.settle({ tenants: [{ namespaces: [namespace], allow, mostTargets: 12 }] });
    await eventually(30, () => {
      expect(taken()).to.be.above(before);
    });
    await make("banned", { targets: [web(first, 0)] });
    await make("granted", { name: "www.team", targets: [web(first, 0)] });
    await eventually(30, async () => {
      expect(await conditionOf("banned", "Accepted")).to.include({ status: "False", reason: "NotAllowed" });
    });
    await everywhere("www.team", first);
    await everywhere("banned");
    await make("large", {
      name: "large.team",
      targets: Array.from({ length: 12 }, (_, i) => ({ value: `192.0.2.${i}` })),
    });
    await eventually(30, async () => {
      expect(await conditionOf("large", "Accepted")).to.include({ status: "False", reason: "NotAllowed" });
    });
    await site.settle({ tenants: [] });
    await everywhere("banned", first);
    await eventually(30, async () => {
      expect(await conditionOf("banned", "Accepted")).to.include({ status: "True" });
    });
  });

  it("takes its answer along when it goes", async () => {
    await send("DELETE", `${pools}/shop`);
    await everywhere("shop");
    await eventually(30, async () => {
      const listed = (await send("GET", records)) as { items?: { metadata: { name: string } }[] };
      expect(listed.items?.map(({ metadata }) => metadata.name)).to.not.include("shop");
    });
  });
}
