import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../../../src/base/errors";
import { changesAnything, type Preview, previewMesh } from "../../../../src/cli/preview/gather";
import { commentMark, previewMarkdown } from "../../../../src/cli/preview/markdown";
import { problemsOf, reachedOtherwise } from "../../../../src/cli/preview/problems";
import { previewText } from "../../../../src/cli/preview/text";
import type { Engine, EngineResult } from "../../../../src/cli/stacks/engine";
import type { StackReader } from "../../../../src/cli/stacks/reader";
import { renderDirectory } from "../../../../src/mesh/directory";
import { publishedOf } from "../../../../src/preflight/published";
import { parseMesh } from "../../../../src/settings/parse";
import { exampleList } from "../../components/example-mesh";
import { welcomePacket } from "../../../../src/mesh/welcome";

const today = "2026-11-29";
type List = Omit<typeof exampleList, "sites"> & { readonly sites: readonly object[]; readonly transport?: string };
const [a, b, c] = exampleList.sites;

/** What the stacks said last when they were brought up with a list. */
function saidOf(list: List): Record<string, Record<string, unknown>> {
  const mesh = parseMesh(list);
  const packets = mesh.sites.map(({ name }) => [name, welcomePacket(mesh, name, "PEM")]);
  return {
    shared: { sites: Object.fromEntries(packets) as unknown, directory: renderDirectory(mesh) },
    "site-a": { published: publishedOf(mesh) },
  };
}
const step = (op: string, [type, name]: readonly [string, string], paths: string[] = []) => ({ op, type, name, paths });

describe("mesh preview", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-preview-"));
    file = join(folder, "Pulumi.shared.yaml");
    for (const site of ["site-a", "site-b", "site-c"])
      writeFileSync(join(folder, `Pulumi.${site}.yaml`), "config: {}\n");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const readerOf = (said: Record<string, Record<string, unknown>>): StackReader => ({
    find: (stack) =>
      Promise.resolve(said[stack] === undefined ? { kind: "missing" } : { kind: "found", outputs: said[stack] }),
  });
  const engineOf = (plans: Record<string, EngineResult["steps"] | string>): Engine => ({
    preview: (stack) => {
      const plan = plans[stack] ?? [];
      return typeof plan === "string"
        ? Promise.reject(new UserError(plan))
        : Promise.resolve({ steps: plan, warnings: [] });
    },
    up: () => Promise.reject(new Error("a preview brings nothing up")),
  });
  function preview(
    list: List,
    {
      said = saidOf(exampleList),
      engine = engineOf({}),
    }: { said?: Record<string, Record<string, unknown>>; engine?: Engine | null } = {},
  ): Promise<Preview> {
    writeFileSync(file, stringify({ config: { "dns-mesh:mesh": list } }));
    return previewMesh({ file, reader: readerOf(said), today, ...(engine && { engine }) });
  }
  const lines = ({ changes }: Preview): string[] =>
    changes.map(({ site, what, action, name }) => `${site}: ${action} ${what} ${name}`);

  it("prints nothing of what a list says that would steer a terminal", async () => {
    const zoneFile = "@ SOA a. b. 1 1 1 1 1\n@ NS a. ; \u001b[2J\u202e\n";
    const named = [{ name: "new.example", zoneFile }];
    const found = await preview({ ...exampleList, sites: [a, b, { ...c, zones: named }] as object[] });
    for (const text of [previewText(found), previewMarkdown(found)]) {
      expect(text)
        .to.include("\\u{1b}[2J\\u{202e}")
        .and.not.match(/[\u001b\u202e]/);
    }
  });

  it("finds nothing where nothing changes", async () => {
    const found = await preview(exampleList);
    expect(found).to.deep.include({
      changes: [],
      refused: [],
      warnings: [],
      restarts: [],
      irreversible: [],
      removals: 0,
    });
    expect([changesAnything(found), found.complete]).to.deep.equal([false, true]);
  });

  it("shows a site that waits for an address, and refuses to lose one that is known", async () => {
    const d = { name: "site-d", role: "standard", addresses: "auto", zones: ["d.example"] };
    const waiting = await preview({ ...exampleList, sites: [a, b, c, d] as object[] });
    expect(lines(waiting)).to.deep.equal(["site-d: add site site-d"]);
    expect(previewText(waiting)).to.include("in the directory with its zones (1) once its load balancer has given");
    expect(waiting.refused).to.deep.equal([]);
    const lost = await preview({ ...exampleList, sites: [a, b, { ...c, addresses: "auto" }] as object[] });
    expect(lost.refused.join()).to.match(/site-c has addresses: auto.*"found: \[203\.0\.113\.3\]"/);
    const fresh = await preview(
      { ...exampleList, sites: [{ ...a, addresses: "auto" }, b, c] as object[] },
      { said: {} },
    );
    expect([lines(fresh), fresh.refused]).to.deep.equal([
      ["site-a: add site site-a", "site-b: add site site-b", "site-c: add site site-c"],
      [],
    ]);
  });

  it("shows what a load balancer says and the list does not have yet, without writing it", async () => {
    const listed = (found: string) => ({ ...exampleList, sites: [a, b, { ...c, addresses: "auto", found: [found] }] });
    const [before, next] = ["203.0.113.3", "203.0.113.9"].map((found) =>
      stringify({ config: { "dns-mesh:mesh": listed(found) } }),
    );
    writeFileSync(file, before!);
    const addresses = [{ said: "site-b: its addresses stay: secret.example is away", words: "secret.example is away" }];
    const found = await previewMesh({
      ...{ file, text: next!, addresses, reader: readerOf(saidOf(listed("203.0.113.3") as List)), today },
    });
    expect(previewText(found)).to.match(/~ site addresses: 203\.0\.113\.3 → 203\.0\.113\.9/);
    expect(found.warnings).to.include("site-b: its addresses stay: secret.example is away");
    expect(previewMarkdown(found)).to.include("its addresses stay").and.not.include("secret.example");
    expect(readFileSync(file, "utf8")).to.equal(before);
  });

  it("shows a new site with its zones and records, and what that changes at the others", async () => {
    const zones = [{ name: "d.example", records: [{ name: "www", type: "A", value: "192.0.2.9" }] }];
    const found = await preview({
      ...exampleList,
      sites: [a!, b!, c!, { name: "site-d", role: "standard", addresses: ["192.0.2.44"], zones }],
    });
    expect(lines(found)).to.deep.equal([
      "mesh: change records catalog.internal.dns",
      "mesh: change records dns.internal",
      "mesh: add peers site-d",
      "mesh: change policy peers",
      "site-d: add site site-d",
      "site-d: add zone d.example",
      "site-d: add records d.example",
    ]);
    expect(found.changes.find(({ what }) => what === "policy")?.detail).to.equal(
      "at every site: in: +192.0.2.44/32; out: +192.0.2.44/32",
    );
    expect(previewText(found))
      .to.match(/\+site-d TXT .*role=standard/)
      .and.to.match(/it begins with 1 records: www/);
    expect(found.stacks.at(-1)).to.deep.include({ stack: "site-d", kind: "waits" });
  });

  it("shows other addresses, roles, transport and signing, with what restarts and what stays for good", async () => {
    const found = await preview({
      ...exampleList,
      transport: "tcp",
      sites: [
        { ...a!, role: "secondary-catalog" },
        { ...b!, role: "primary-catalog", addresses: ["198.51.100.7"] },
        { ...c!, zones: [{ name: "standard-1.internal.dns", dnssec: { withdraw: true } }] },
      ],
    });
    expect(lines(found)).to.include.members([
      "mesh: change mesh transport",
      "mesh: change mesh primary-catalog",
      "site-b: change site addresses",
      "site-c: change zone standard-1.internal.dns",
    ]);
    expect(found.restarts).to.deep.equal(["Knot's pods of every site, one by one, by its next up: mesh.transport"]);
    expect(found.irreversible.join()).to.match(/change mesh primary-catalog: sites follow no lower epoch/);
  });

  it("shows other name servers, and nothing once they are what was brought up", async () => {
    const list = {
      ...exampleList,
      nameServers: "all",
      sites: [
        { ...a!, nameServer: "ns1.example" },
        b!,
        { ...c!, zones: [{ name: "standard-1.internal.dns", dnssec: true, nameServers: ["site-a", "site-c"] }] },
      ] as object[],
    };
    const found = await preview(list);
    expect(lines(found)).to.deep.equal([
      "mesh: change mesh nameServers",
      "mesh: change records dns.internal",
      "site-a: change site nameServer",
      "site-c: change zone standard-1.internal.dns",
    ]);
    expect(previewText(found)).to.contain("name servers: not said → site-a,site-c");
    expect(found.restarts).to.deep.equal([]);
    expect(lines(await preview(list, { said: saidOf(list) }))).to.deep.equal([]);
    expect(lines(await preview(exampleList, { said: saidOf(list) }))).to.have.length(4);
  });

  it("shows who leaves, what up would refuse, and counts removals", async () => {
    const found = await preview({ ...exampleList, sites: [a!, b!, { ...c!, zones: [] }] });
    expect(lines(found)).to.include("site-c: remove zone standard-1.internal.dns");
    expect(found.removals).to.equal(1);
    expect(found.refused.join()).to.match(
      /"standard-1\.internal\.dns" of site-c is gone from the list and was not retired/,
    );
    expect(previewText(found)).to.match(/^.*\n\nRefused: up would change nothing/);
    const fewer = await preview({ ...exampleList, sites: [a!] });
    expect(fewer.refused.join()).to.match(/sites site-b, site-c are gone from the list, 2 of 3/);
    expect(fewer.irreversible).to.have.length(4);
    expect(fewer.removals).to.equal(4);
  });

  it("says once what the list's checks and the engine both refuse", async () => {
    const list = { ...exampleList, sites: [a!, b!, { ...c!, zones: [] }] };
    const { refused } = await preview(list, { engine: null });
    const both = await preview(list, {
      engine: engineOf({ shared: refused.join("\n"), "site-a": "dns-mesh:replicas: must be at most 9" }),
    });
    expect(both.refused).to.deep.equal([...refused, "site-a: dns-mesh:replicas: must be at most 9"]);
  });

  it("names resources, what restarts pods, and what is lost with them", async () => {
    const found = await preview(exampleList, {
      engine: engineOf({
        "site-b": [
          step("update", ["kubernetes:apps/v1:StatefulSet", "site-b-knot"], ["spec.template.spec.containers[0].image"]),
          step("update", ["kubernetes:apps/v1:Deployment", "site-b-operator"], ["metadata.labels.x"]),
        ],
        "site-c": [step("delete", ["kubernetes:core/v1:PersistentVolumeClaim", "storage-knot-0"])],
      }),
    });
    expect(found.restarts).to.deep.equal(["site-b: pods of site-b-knot, one by one"]);
    expect(found.irreversible.join()).to.match(
      /^site-c: delete .*PersistentVolumeClaim storage-knot-0: the volume goes/,
    );
    expect([found.removals, changesAnything(found)]).to.deep.equal([1, true]);
    expect(previewText(found)).to.include("site-b: 0 to make, 2 to change, 0 to replace, 0 to delete");
  });

  it("works without clusters, and says which were not seen", async () => {
    const lost = "configured Kubernetes cluster is unreachable: https://192.0.2.9: no connection within 5000 ms";
    const found = await preview(
      { ...exampleList, sites: [a!, b!, { ...c!, retired: "2026-12-31" }] },
      {
        engine: engineOf({ "site-a": lost, "site-b": lost }),
      },
    );
    expect(found.refused).to.deep.equal([]);
    expect(found.complete).to.equal(false);
    expect(lines(found)).to.include("site-c: change site site-c");
    expect(previewText(found)).to.include(`site-a, site-b: ${lost}`);
    const offline = await preview(exampleList, { engine: null });
    expect(previewText(offline)).to.match(/shared, site-a, site-b, site-c: no engine was asked/);
  });

  it("says that the primary has yet to publish, and that nothing was ever up", async () => {
    const said = {
      ...saidOf(exampleList),
      "site-a": { published: publishedOf(parseMesh({ ...exampleList, sites: [a!, b!] })) },
    };
    expect((await preview(exampleList, { said })).warnings.join()).to.match(/site-a, the primary, has yet to publish/);
    const first = await preview(exampleList, { said: { shared: {} } });
    expect(first.compared).to.equal(true);
    expect(lines(first)).to.include.members(["mesh: add records dns.internal", "site-c: add site site-c"]);
  });

  it("says that nothing was compared where there is no shared stack", async () => {
    const found = await preview(exampleList, { said: {}, engine: null });
    expect(found.compared).to.equal(false);
    expect(found.warnings.join()).to.match(/no stack "shared" in the backend.*removals are not checked/);
    expect(problemsOf(found, { most: 99 }).join()).to.match(/no shared stack to compare with/);
    expect(problemsOf(found, { expectNoChanges: true }).join()).to.match(/no shared stack to compare with/);
    expect(problemsOf(found, {})).to.deep.equal([]);
  });

  it("is refused by one error that is not expected, whatever else was reported", async () => {
    const lost = "configured Kubernetes cluster is unreachable: https://192.0.2.9:\n    no connection within 5000 ms";
    const found = await preview(exampleList, {
      engine: engineOf({ "site-a": `${lost}\nsite-a-knot: field is immutable`, "site-b": lost }),
    });
    expect(found.refused.join()).to.match(/^site-a: .*field is immutable$/s);
    expect(found.stacks.map(({ kind }) => kind)).to.deep.equal(["planned", "refused", "unseen", "planned"]);
  });

  it("shows everybody what the mesh's own policies say, and of others' that there is something", async () => {
    const ours = "policy dns-mesh/services-private: site-a-knot-0: the Service knot-0 is reachable";
    const found = await preview(exampleList, {
      engine: engineOf({ "site-a": ours, "site-b": "policy corporate/tags: https://internal.example" }),
    });
    expect(found.refused).to.deep.equal([`site-a: ${ours}`, "site-b: policy corporate/tags: https://internal.example"]);
    const text = previewMarkdown(found);
    expect(text).to.include(ours).and.include("site-b: refused; mesh preview prints why");
    expect(text).not.to.include("internal.example");
  });

  it("counts no removals as few ones while a stack could not be planned", async () => {
    const found = await preview(exampleList, { engine: engineOf({ "site-b": "there is no kubeconfig" }) });
    expect(problemsOf(found, { most: 1 }).join()).to.match(/removals of site-b could not be counted.*--offline/);
    expect(problemsOf(found, { most: 1, offline: true })).to.deep.equal([]);
    const withNew = await preview({
      ...exampleList,
      sites: [a!, b!, c!, { name: "site-d", role: "standard", addresses: ["192.0.2.44"] }],
    });
    expect(problemsOf(withNew, { most: 1 })).to.deep.equal([]);
  });

  it("takes another way to a cluster for no drift where all in it was looked at, and is as it was left", async () => {
    const provider = ["pulumi:providers:kubernetes", "site-b-cluster"] as const;
    const judged = async (steps: EngineResult["steps"], list: List = exampleList) => {
      const found = await preview(list, { engine: engineOf({ "site-b": steps }) });
      const problems = problemsOf(found, { expectNoChanges: true, refresh: true });
      return { found, passed: reachedOtherwise(found), isFine: problems.length === 0 };
    };
    const moved = step("update", provider, ["context", "kubeconfig"]);
    const { found, ...fine } = await judged([moved]);
    expect(fine).to.deep.equal({ passed: ["site-b"], isFine: true });
    // What nobody looked at may be another cluster.
    expect(problemsOf(found, { expectNoChanges: true })).to.have.length(1);
    const changed = step("update", ["kubernetes:core/v1:Service", "site-b-knot"], ["kubeconfig"]);
    for (const steps of [
      [moved, changed],
      [step("update", provider, ["clusterIdentifier", "kubeconfig"])],
      [step("update", provider)],
      [step("replace", provider, ["kubeconfig"])],
      [step("update", ["pulumi:providers:vault", "vault"], ["context"])],
    ])
      expect(await judged(steps)).to.deep.include({ passed: [], isFine: false });
    const zoned = { ...exampleList, sites: [a!, b!, { ...c!, zones: ["x.example"] }] };
    expect(await judged([moved], zoned)).to.deep.include({ passed: ["site-b"], isFine: false });
  });

  it("prints what the engine warned of", async () => {
    const engine: Engine = {
      ...engineOf({}),
      preview: (stack) =>
        Promise.resolve({ steps: [], warnings: stack === "site-b" ? ["v1 of it is deprecated"] : [] }),
    };
    const found = await preview(exampleList, { engine });
    expect(previewText(found)).to.match(/Warnings\n {2}site-b: v1 of it is deprecated/);
    expect(previewMarkdown(found)).to.include("site-b: 1 of the engine").and.not.include("deprecated");
  });

  it("throws when what the shared stack said cannot be read: nothing could be compared", async () => {
    writeFileSync(file, stringify({ config: { "dns-mesh:mesh": exampleList } }));
    const reader = { find: () => Promise.reject(new UserError("incorrect passphrase")) };
    const error: unknown = await previewMesh({ file, reader, today }).catch((thrown: unknown) => thrown);
    expect(String(error)).to.match(/cannot be read: incorrect passphrase; the checks against losing zones go by it/);
  });

  describe("as a comment on a pull request", () => {
    const many = Array.from({ length: 400 }, (_, i) => `z${i}.example`);

    it("is the same for the same mesh whatever the list's order, and begins with its mark", async () => {
      const sites = [a!, b!, { ...c!, zones: ["standard-1.internal.dns", "x.example", "y.example"] }];
      const one = previewMarkdown(await preview({ ...exampleList, sites }, { engine: null }));
      const reordered = [{ ...c!, zones: ["y.example", "standard-1.internal.dns", "x.example"] }, b!, a!];
      const other = previewMarkdown(await preview({ ...exampleList, sites: reordered }, { engine: null }));
      const dns = (text: string) => text.slice(text.indexOf("DNS, by the list"));
      expect(dns(one)).to.equal(dns(other));
      expect(one.startsWith(commentMark)).to.equal(true);
    });

    it("stays below its limit with whole sections, and says what was cut", async () => {
      const list = { ...exampleList, sites: [a!, b!, { ...c!, zones: [...c!.zones, ...many] }] };
      const found = await preview(list, { engine: null });
      const text = previewMarkdown(found, { most: 8000 });
      expect(text.length).to.be.at.most(8000);
      expect(text).to.match(/… and \d+ more lines/);
      expect(text.match(/<details/g)).to.have.length(text.match(/<\/details>/g)!.length);
      expect(previewMarkdown(found)).to.include("z399.example");
    });

    it("tells strangers the list's faults in full, and of the engine's words their kind alone", async () => {
      const secret = "/home/ops/.kube/config";
      const plans = {
        "site-a": `${secret} has no context "prod-a"`,
        "site-b": `Get "https://10.1.2.3:6443/api": x509 ${secret}`,
        "site-c": "dns-mesh:replicas: must be at most 9",
      };
      const found = await preview(exampleList, { engine: engineOf(plans) });
      const text = previewMarkdown(found);
      for (const word of [secret, "prod-a", "10.1.2.3"]) {
        expect(text).not.to.include(word);
        expect(previewText(found)).to.include(word);
      }
      expect(text)
        .to.include("site-a: no such context in the kubeconfig")
        .and.include("site-b: refused; mesh preview prints why")
        .and.include("site-c: dns-mesh:replicas: must be at most 9");
    });

    it("does not tell strangers why a stack could not be read", async () => {
      writeFileSync(file, stringify({ config: { "dns-mesh:mesh": exampleList } }));
      const known = readerOf(saidOf(exampleList));
      const reader: StackReader = {
        find: (stack) => (stack === "site-a" ? Promise.reject(new UserError("open /home/ops/key")) : known.find(stack)),
      };
      const found = await previewMesh({ file, reader, today });
      expect(found.warnings.join()).to.include("open /home/ops/key");
      expect(previewMarkdown(found)).to.include("cannot be read: mesh preview prints why").and.not.include("/home/ops");
    });

    it("cannot be broken out of by what it quotes", async () => {
      const found = await preview(exampleList, {
        engine: engineOf({ "site-a": "dns-mesh:replicas: bad ```\n  </details><script>" }),
      });
      expect(previewMarkdown(found)).to.match(/````diff\n.*bad ```/);
    });
  });
});
