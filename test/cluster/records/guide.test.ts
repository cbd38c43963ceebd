import { expect } from "chai";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { liveSettings } from "../../../components/site/runtime";
import { tenantPolicyManifests } from "../../../src/records/tenant-policy";
import { parseStackConfig, type SiteConfig } from "../../../src/settings/site-settings";
import { Reader } from "../../../harness/docs/reader";
import { blocksOf } from "../../../harness/docs/blocks";
import { eventually } from "../../../harness/eventually";
import { toolPath } from "../../../harness/tools";
import { definitionFiles } from "../../../harness/tools/definitions";
import { HttpTarget } from "../../../harness/pools/targets";
import { RecordMesh } from "../../../harness/records/record-mesh";
import { freeEverywhere } from "../../../lab/ports";

const run = promisify(execFile);
const root = join(__dirname, "..", "..", "..");
const tsx = require.resolve("tsx");

/** What the guide has its reader do, with the guide's own words, files and commands. */
describe("docs/records.md, followed to the letter", function () {
  this.timeout(120_000);
  const guide = readFileSync(join(root, "docs", "records.md"), "utf8");
  const zone = "standard-1.internal.dns";
  const namespaces = ["shop", "blog"];
  let mesh: RecordMesh;
  let folder: string;

  before(async () => {
    const sources = ["Service", "Ingress", "HTTPRoute", "DNSEndpoint"] as const;
    const probes = ["127.0.0.0/28@1024-65535"];
    mesh = await RecordMesh.start({ zones: [zone], namespaces, sources, gatewayNamespaces: ["infra"], probes });
    ({ folder } = mesh.lab);
  });
  after(() => mesh[Symbol.asyncDispose]());
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(mesh.operator.log().slice(-3000));
  });

  /** Runs a command line that stands in the guide. */
  async function follow(command: string): Promise<string> {
    expect(guide, "the guide").to.contain(command);
    const path = [dirname(toolPath("kubectl")), dirname(process.execPath), process.env["PATH"]].join(":");
    const env = { ...process.env, PATH: path, KUBECONFIG: mesh.plane.kubeconfig };
    // npm goes to the project's folder first, and the guide's reader is there.
    const script = command.replaceAll("npm run --silent mesh --", `node --import ${tsx} ${root}/src/cli/mesh.ts`);
    return (await run("bash", ["-ec", script], { env, cwd: folder, timeout: 60_000 })).stdout;
  }
  const firstSteps = "docs/records.md#five-minutes";

  it("puts a record onto every site", async () => {
    writeFileSync(join(folder, "record.yaml"), blocksOf(firstSteps, "yaml")[0] ?? "");
    await follow("kubectl -n dns-system apply -f record.yaml");
    await follow("kubectl -n dns-system wait --for=condition=Programmed rr/new-server-in-standard-1");
    await mesh.everywhere(`new-server.${zone}`, ["10.10.1.5"]);
  });

  it("shows it as the guide shows it", async () => {
    const columns = (text: string) =>
      text
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/ {2,}/).slice(0, -1));
    expect(columns(await follow("kubectl -n dns-system get dnsrecords"))).to.deep.equal(
      columns(blocksOf(firstSteps, "")[0] ?? ""),
    );
    expect(await follow("kubectl -n dns-system describe rr new-server-in-standard-1")).to.contain("AllSites");
    expect(await follow("kubectl explain dnsrecord.spec")).to.match(/^ {2}zone\t<string> -required-/m);
  });

  it("takes records from a zone file, and gives them back", async () => {
    // Names that YAML 1.1, which the API server reads, takes for booleans and numbers.
    const words = "no yes on off y n null 0b11 0o17 017 1_000 1e3".split(" ").map((name) => `${name} A 192.0.2.2\n`);
    const lines = ["@ SOA a. b. 1 2 3 4 5\nwww A 192.0.2.1\n", ...words];
    writeFileSync(join(folder, "example.zone"), `$ORIGIN ${zone}.\n$TTL 1h\n${lines.join("")}`);
    const [commands = ""] = blocksOf("docs/records.md#from-zone-files-and-back", "sh");
    const exported = await follow(commands);
    await eventually(20, () => mesh.everywhere(`www.${zone}`, ["192.0.2.1"]));
    await eventually(20, () => mesh.everywhere(`0b11.${zone}`, ["192.0.2.2"]));
    expect(exported)
      .to.match(/^www.*3600.*A.*192\.0\.2\.1$/m)
      .and.match(/^new-server.*10\.10\.1\.5$/m);
  });

  /** Settings as a document shows them. */
  function settingsOf(text: string): SiteConfig {
    const { config } = parse(text) as { config: Record<string, unknown> };
    const given = { ...config, "dns-mesh:shared": "shared", "dns-mesh:context": "c" } as Record<string, unknown>;
    const get = (key: string) => {
      const value = given[`dns-mesh:${key}`];
      return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
    };
    const stack = parseStackConfig({ get }, "site-c");
    if (stack.kind !== "site") throw new Error("no site");
    return stack.site;
  }

  /** Somebody who has kubectl, for a document's commands. */
  function newReader(): Reader {
    const path = [dirname(toolPath("kubectl")), process.env["PATH"]].join(":");
    const env = { ...process.env, PATH: path, KUBECONFIG: mesh.plane.kubeconfig };
    return new Reader({ folder, env, timeoutMs: 90_000 });
  }

  describe("and docs/tenants.md, too", () => {
    const fiveMinutes = "docs/tenants.md#five-minutes";
    const shown = blocksOf(fiveMinutes, "");
    let reader: Reader;

    before(async () => {
      const crd = await run(process.execPath, ["--import", tsx, `${root}/src/cli/mesh.ts`, "crd"]);
      writeFileSync(join(folder, "crd.yaml"), crd.stdout);
      reader = newReader();
      await reader.shell("kubectl apply --server-side --force-conflicts -f crd.yaml");
      reader.open(fiveMinutes);
    });

    it("takes the settings, and makes the API server refuse what is not allowed", async () => {
      const site = settingsOf(reader.next("yaml"));
      if (site.records === false) throw new Error("no records");
      const { tenants = [], namespaces: listed } = site.records;
      expect(listed).to.deep.equal(namespaces);
      const { tenants: mounted } = liveSettings(site, ["192.0.2.1"]);
      if (mounted === undefined) throw new Error("no tenants");
      await mesh.lab.site(mesh.owner).settle({ tenants: mounted });
      const policy = tenantPolicyManifests({ own: "dns-system", namespaces: listed, zones: [zone], tenants });
      writeFileSync(join(folder, "policy.yaml"), policy.map((each) => JSON.stringify(each)).join("\n---\n"));
      await reader.shell("kubectl apply -f policy.yaml");
      await eventually(30, async () => {
        const spec = `{zone: ${zone}, name: "@", type: A, value: 192.0.2.1}`;
        const tried = `{apiVersion: dns.mesh.io/v1alpha1, kind: DnsRecord, metadata: {name: tried, namespace: shop}, spec: ${spec}}`;
        const said = reader.shell(`kubectl apply --dry-run=server -f - <<< '${tried}'`);
        expect(await said.then(String, String)).to.contain("NotAllowed");
      });
    });

    it("lets a team have what it may, and nothing else", async () => {
      await reader.run();
      reader.write("shop.yaml");
      await reader.run();
      await mesh.everywhere(`www.shop.${zone}`, ["192.0.2.10"]);
      await mesh.everywhere(`cart.shop.${zone}`, ["192.0.2.11"]);
      reader.write("mail.yaml");
      const refused = await reader.run().then(String, String);
      expect(refused).to.contain((shown[0] ?? "missing").trim());
      expect(refused).to.contain("ValidatingAdmissionPolicy 'dns-mesh-tenants-dns-system'");
    });

    it("counts its objects, and lets the next have a place that is free again", async () => {
      reader.write("more.yaml");
      expect(await reader.run()).to.contain((shown[1] ?? "missing").trim());
      await reader.shell("kubectl --as=jane --as-group=shop-team -n shop delete rr/cart");
      await reader.shell("kubectl -n shop wait --for=condition=Programmed rr/more");
      await mesh.everywhere(`more.shop.${zone}`, ["192.0.2.12"]);
    });

    it("keeps a name from another team that may have the zone", async () => {
      reader.write("theirs.yaml");
      expect(await reader.run()).to.contain((shown[2] ?? "missing").trim());
      reader.close();
      const stranger = reader.shell("kubectl --as=joe --as-group=blog-team -n shop delete rr/www");
      expect(await stranger.then(String, String)).to.contain("Forbidden");
      await mesh.everywhere(`www.shop.${zone}`, ["192.0.2.10"]);
    });

    it("takes nothing away when the settings change", async () => {
      await mesh.lab.site(mesh.owner).settle({ tenants: [] });
      await reader.shell(
        "kubectl -n shop wait --for='jsonpath={.status.conditions[?(@.type==\"Accepted\")].reason}=NotAllowed' rr/www",
      );
      await mesh.everywhere(`www.shop.${zone}`, ["192.0.2.10"]);
      await reader.shell("kubectl -n shop delete rr --all && kubectl -n blog delete rr --all");
      await mesh.everywhere(`www.shop.${zone}`, []);
    });
  });

  describe("and docs/sources.md", () => {
    const fiveMinutes = "docs/sources.md#five-minutes";
    let reader: Reader;

    /** What a load balancer or an ingress controller does. */
    async function assign(object: string, ip: string): Promise<void> {
      const status = JSON.stringify({ status: { loadBalancer: { ingress: ip === "" ? [] : [{ ip }] } } });
      await reader.shell(`kubectl -n shop patch ${object} --subresource=status --type=merge -p '${status}'`);
    }
    const soon = (name: string, expected: readonly string[]) =>
      eventually(20, () => mesh.everywhere(`${name}.${zone}`, expected), 50);

    before(async () => {
      reader = newReader();
      reader.open(fiveMinutes);
      const { sources } = liveSettings(settingsOf(reader.next("yaml")), ["192.0.2.1"]);
      await reader.shell(
        "kubectl delete --ignore-not-found validatingadmissionpolicybinding dns-mesh-tenants-dns-system",
      );
      if (sources === undefined) throw new Error("no sources");
      const tenants = namespaces.map((name) => ({ namespaces: [name], allow: [{ zones: [zone], types: ["A"] }] }));
      await mesh.lab.site(mesh.owner).settle({ sources, tenants });
    });

    it("makes DnsRecords of a Service and an Ingress", async () => {
      reader.write("front.yaml");
      await reader.run();
      await assign("service/front", "192.0.2.20");
      await assign("ingress/pages", "192.0.2.21");
      expect(await reader.run())
        .to.match(/front +A +\["192\.0\.2\.20"\] +60 +True/)
        .and.match(/pages +A .* 300 +True/);
      reader.close();
      await soon("front", ["192.0.2.20"]);
      await soon("pages", ["192.0.2.21"]);
    });

    it("follows another address, another name, and none", async () => {
      await assign("service/front", "192.0.2.30");
      await soon("front", ["192.0.2.30"]);
      const annotation = "external-dns.alpha.kubernetes.io/hostname";
      await reader.shell(`kubectl -n shop annotate --overwrite service/front ${annotation}=other.${zone}`);
      await soon("other", ["192.0.2.30"]);
      await soon("front", []);
      await assign("service/front", "");
      await soon("other", []);
      await assign("service/front", "192.0.2.31");
      await soon("other", ["192.0.2.31"]);
    });

    it("makes again what somebody deletes, and puts right what somebody changes", async () => {
      await reader.shell("kubectl -n shop delete rr -l dns.mesh.io/source=Service");
      await soon("other", ["192.0.2.31"]);
      const changed = "kubectl -n shop get rr -l dns.mesh.io/source=Service -o name";
      const change = `$(${changed}) --type=merge -p '{"spec":{"values":["192.0.2.99"]}}'`;
      await eventually(20, () => reader.shell(`kubectl -n shop patch ${change}`));
      await eventually(20, async () => {
        const spec = await reader.shell(`kubectl -n shop get $(${changed}) -o jsonpath='{.spec.values}'`);
        expect(spec).to.contain("192.0.2.31");
      });
      await soon("other", ["192.0.2.31"]);
    });

    it("says what a namespace may not have", async () => {
      await reader.shell("kubectl -n shop annotate service/front external-dns.alpha.kubernetes.io/target=lb.test");
      await eventually(20, async () => {
        const path = '{.items[*].status.conditions[?(@.type=="Accepted")].reason}';
        const reasons = await reader.shell(
          `kubectl -n shop get rr -l dns.mesh.io/source=Service -o jsonpath='${path}'`,
        );
        expect(reasons).to.equal("NotAllowed");
      });
      await reader.shell("kubectl -n shop annotate service/front external-dns.alpha.kubernetes.io/target-");
      await soon("other", ["192.0.2.31"]);
    });

    it("says what cannot be, and leaves what there was", async () => {
      const targets = "external-dns.alpha.kubernetes.io/target=one.test,two.test";
      await reader.shell(`kubectl -n shop annotate ingress/pages ${targets}`);
      await eventually(20, async () => {
        const events = await reader.shell("kubectl -n shop get events -o jsonpath='{.items[*].reason}'");
        expect(events).to.contain("RecordsNotMade");
      });
      await reader.shell("kubectl -n shop annotate ingress/pages external-dns.alpha.kubernetes.io/target-");
      await soon("pages", ["192.0.2.21"]);
    });

    it("takes nothing away when the settings change, and what has lost its label or its source", async () => {
      const { sources } = liveSettings(settingsOf(blocksOf(fiveMinutes, "yaml")[0] ?? ""), ["192.0.2.1"]);
      if (sources === undefined) throw new Error("no sources");
      const settle = async (changed: typeof sources): Promise<void> => {
        const taken = (): number => mesh.operator.log().split("was brought up").length;
        const before = taken();
        await mesh.lab.site(mesh.owner).settle({ sources: changed });
        await eventually(20, () => expect(taken()).to.be.greaterThan(before));
      };
      await settle({ ...sources, zones: [mesh.zone] });
      await settle({ ...sources, kinds: ["Ingress"] });
      await mesh.everywhere(`other.${zone}`, ["192.0.2.31"]);
      await mesh.everywhere(`pages.${zone}`, ["192.0.2.21"]);
      await settle(sources);
      await reader.shell("kubectl -n shop label service/front dns.mesh.io/records-");
      await soon("other", []);
      await reader.shell("kubectl -n shop label service/front dns.mesh.io/records=true");
      await soon("other", ["192.0.2.31"]);
      await reader.shell("kubectl -n shop delete ingress/pages service/front");
      await soon("other", []);
      await soon("pages", []);
    });
  });

  describe("and docs/sources.md, for routes and DNSEndpoints", () => {
    const section = "docs/sources.md#routes-and-dnsendpoints";
    const parentRef = { name: "edge", namespace: "infra" };
    let reader: Reader;

    const write = (object: string, status: object) =>
      reader.shell(`kubectl patch ${object} --subresource=status --type=merge -p '${JSON.stringify({ status })}'`);
    /** What a gateway's controller says of the route. */
    const accept = (status: "True" | "False") => {
      const lastTransitionTime = "2026-01-01T00:00:00Z";
      const condition = { type: "Accepted", status, reason: "OfTheTest", message: "", lastTransitionTime };
      const parents = [{ parentRef, controllerName: "example.test/gateways", conditions: [condition] }];
      return write("-n shop httproute/cart", { parents });
    };
    const place = (...values: string[]) =>
      write("-n infra gateway/edge", { addresses: values.map((value) => ({ type: "IPAddress", value })) });
    const soon = (name: string, expected: readonly string[], type?: string) =>
      eventually(20, () => mesh.everywhere(`${name}.${zone}`, expected, type), 50);

    before(async () => {
      reader = newReader();
      reader.open(section);
      const { sources } = liveSettings(settingsOf(reader.next("yaml")), ["192.0.2.1"]);
      if (sources === undefined) throw new Error("no sources");
      const allow = [{ zones: [zone], types: ["A", "TXT"] }];
      const tenants = namespaces.map((name) => ({ namespaces: [name], allow }));
      await mesh.lab.site(mesh.owner).settle({ sources, tenants });
    });

    it("says what the cluster has no definition of", async () => {
      const command = reader.next("sh");
      await eventually(20, async () => {
        const events = await reader.shell(command);
        for (const missing of ["httproutes", "dnsendpoints", "gateways"]) expect(events).to.contain(missing);
      });
    });

    it("takes a definition up that comes, and makes DnsRecords", async () => {
      const files = definitionFiles().filter((file) => /dnsendpoints|httproutes|_gateways/.test(file));
      await reader.shell(`kubectl apply --server-side ${files.map((file) => `-f ${file}`).join(" ")}`);
      await reader.shell("kubectl wait --for=condition=Established --timeout=30s crd --all");
      const labels = { "kubernetes.io/metadata.name": "shop" };
      const allowedRoutes = { namespaces: { from: "Selector", selector: { matchLabels: labels } } };
      const edge = {
        ...{ apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: parentRef },
        spec: {
          gatewayClassName: "of-the-test",
          listeners: [{ name: "http", port: 80, protocol: "HTTP", hostname: `*.${zone}`, allowedRoutes }],
        },
      };
      await reader.shell(`kubectl apply -f - <<< '${JSON.stringify(edge)}'`);
      await place("192.0.2.50");
      reader.write("names.yaml");
      await reader.run();
      await accept("True");
      expect(await reader.run())
        .to.match(/cart +A +\["192\.0\.2\.50"\] +300 +True/)
        .and.match(/office +A +\["192\.0\.2\.40","192\.0\.2\.41"\] +60 +True/)
        .and.match(/office +TXT .*fourth floor.* +300 +True/)
        .and.match(/\n1$/);
      reader.close();
      await soon("cart", ["192.0.2.50"]);
      await soon("office", ["192.0.2.40", "192.0.2.41"]);
    });

    it("follows the Gateway's address, and the route's acceptance", async () => {
      await place("192.0.2.51", "192.0.2.52");
      await soon("cart", ["192.0.2.51", "192.0.2.52"]);
      await accept("False");
      await soon("cart", []);
      await accept("True");
      await soon("cart", ["192.0.2.51", "192.0.2.52"]);
    });

    it("takes nothing away while it may not see Gateways, and goes on afterwards", async () => {
      await reader.shell("kubectl -n infra get rolebinding record-operator -o json > binding.json");
      await reader.shell("kubectl -n infra delete rolebinding record-operator");
      await mesh.operator.stop();
      const before = mesh.operator.log().length;
      mesh.operator.start();
      const said = () => mesh.operator.log().slice(before);
      await eventually(60, () => expect(said()).to.match(/Gateway.*infra.*forbidden|forbidden.*Gateway/));
      await eventually(60, () => expect(said()).to.contain("caught up"));
      await mesh.everywhere(`cart.${zone}`, ["192.0.2.51", "192.0.2.52"]);
      expect(await reader.shell("kubectl -n shop get rr -l dns.mesh.io/source=HTTPRoute -o name")).to.match(/cart/);
      await reader.shell("kubectl apply -f binding.json");
      await place("192.0.2.53");
      await soon("cart", ["192.0.2.53"]);
    });

    it("takes away what is asked for no more", async () => {
      await reader.shell("kubectl -n shop delete httproute/cart dnsendpoint/office");
      await soon("cart", []);
      await soon("office", []);
      await soon("office", [], "TXT");
    });
  });

  describe("and docs/sources.md, for answers by health", () => {
    const [own, further] = ["127.0.0.11", "127.0.0.12"] as const;
    const targets: HttpTarget[] = [];
    let reader: Reader;
    const soon = (expected: readonly string[]) => eventually(30, () => mesh.everywhere(`cart.${zone}`, expected), 50);
    /** What the operator is told of the namespace's pools. */
    async function settle(mostTargets: number): Promise<void> {
      const { sources } = liveSettings(settingsOf(blocksOf("docs/sources.md#five-minutes", "yaml")[0] ?? ""), [
        "192.0.2.1",
      ]);
      if (sources === undefined) throw new Error("no sources");
      const taken = (): number => mesh.operator.log().split("was brought up").length;
      const before = taken();
      const tenants = [{ namespaces: ["shop"], allow: [{ zones: [zone], types: ["A"] }], mostTargets }];
      await mesh.lab.site(mesh.owner).settle({ sources, tenants });
      await eventually(20, () => expect(taken()).to.be.greaterThan(before));
    }
    const annotate = (...words: string[]) =>
      reader.shell(`kubectl -n shop annotate --overwrite service/cart ${words.join(" ")}`);
    const poolsOf = () => reader.shell("kubectl -n shop get dnspools -l dns.mesh.io/source=Service -o name");
    const recordsOf = () => reader.shell("kubectl -n shop get rr -l dns.mesh.io/source=Service -o name");

    before(async () => {
      const port = await freeEverywhere();
      for (const address of [own, further]) targets.push(new HttpTarget(address, port));
      for (const target of targets) await target.start();
      reader = newReader();
      reader.open("docs/sources.md#answers-by-health");
      await settle(10);
      reader.write("shop.yaml", [
        ["HTTPS", "HTTP"],
        ["443", String(port)],
        ["10.30.0.10", further],
      ]);
    });
    after(async () => {
      for (const target of targets) await target.stop();
    });

    it("makes a pool of a Service", async () => {
      await reader.run();
      const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: own }] } } });
      await reader.shell(`kubectl -n shop patch service/cart --subresource=status --type=merge -p '${status}'`);
      expect(await reader.run()).to.match(/cart +A +127\.0\.0\.11 +Healthy +True/);
      reader.close();
      await soon([own]);
    });

    it("leads elsewhere while the Service's own address is not well", async () => {
      await targets[0]?.stop();
      await soon([further]);
      await targets[0]?.start();
      await soon([own]);
    });

    it("gives its place to a record, and takes it again, and no site is ever without an answer", async () => {
      const { server, dns } = mesh.lab.site(mesh.owner);
      const over = new AbortController();
      let empty = 0;
      const asking = (async () => {
        while (!over.signal.aborted) {
          const { answers } = await dns.query(server, `cart.${zone}`, "A");
          if (answers.length === 0) empty++;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      })();
      await annotate("dns.mesh.io/pool-", "dns.mesh.io/pool-check-", "dns.mesh.io/pool-targets-");
      await eventually(30, async () => expect(await poolsOf()).to.equal(""));
      expect(await recordsOf()).to.match(/cart/);
      await annotate("dns.mesh.io/pool=all", `dns.mesh.io/pool-check='{"type":"TCP","port":${targets[0]?.port ?? 0}}'`);
      await eventually(30, async () => expect(await recordsOf()).to.equal(""));
      expect(await poolsOf()).to.match(/cart.*-pool/);
      over.abort();
      await asking;
      expect(empty).to.equal(0);
    });

    it("says on the Service what cannot be, and leaves the record there was", async () => {
      await annotate("dns.mesh.io/pool-", "dns.mesh.io/pool-check-");
      await eventually(30, async () => expect(await poolsOf()).to.equal(""));
      await settle(1);
      const check = `'{"type":"TCP","port":${targets[0]?.port ?? 0}}'`;
      await annotate(
        "dns.mesh.io/pool=failover",
        `dns.mesh.io/pool-check=${check}`,
        `dns.mesh.io/pool-targets=${further}`,
      );
      await eventually(30, async () => {
        const events = await reader.shell("kubectl -n shop get events -o jsonpath='{.items[*].message}'");
        expect(events).to.match(/the DnsPool service-cart-\S+ is refused: pools of namespace shop may have 1 target/);
      });
      expect(await recordsOf()).to.match(/cart/);
      await soon([own]);
      await settle(2);
      await eventually(30, async () => expect(await recordsOf()).to.equal(""));
      await reader.shell("kubectl -n shop delete service/cart");
      await soon([]);
    });
  });

  it("lets all of it go", async () => {
    await follow("kubectl -n dns-system delete rr --all");
    await mesh.everywhere(`new-server.${zone}`, []);
  });
});
