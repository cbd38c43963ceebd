import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiVersion, kind, type DnsRecordSpec } from "../../../src/records/model";
import { pendingStatus, statusOf } from "../../../src/records/conditions";
import { importZone } from "../../../src/records/convert";
import { recordSetOf } from "../../../src/records/record-set";
import { readZoneFile } from "../../../src/records/zone-file";
import { eventually } from "../../../harness/eventually";
import { startControlPlane, type ControlPlane } from "../../../harness/plugins/control-plane";
import type { Json } from "../../../harness/plugins/wire";
import { toolPath } from "../../../harness/tools";
import { run } from "../../../harness/tools/run";
import { tenantPolicyManifests } from "../../../src/records/tenant-policy";
import { tenantQuotaManifests } from "../../../src/records/tenant-quotas";
import { notAllowedText, tenantOf } from "../../../src/records/tenants";
import { caseNamespaces, caseTenants, caseValues, caseZones, tenantCases } from "../../../harness/records/tenant-cases";
import { badChanges, badSpecs } from "./bad-specs";
import { goodSpecs, seedExample } from "../../../harness/records/good-specs";

/** As it goes over the wire: without what is undefined. */
const json = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

const good = { zone: "standard-1.internal.dns", name: "new-server", ttl: 3600, type: "A", value: "10.10.1.5" };

const zones = join(__dirname, "../../lab/records/zones");

describe("DnsRecord in a real API server", function () {
  this.timeout(120_000);
  let plane: ControlPlane;
  let folder: string;

  before(async () => {
    plane = await startControlPlane();
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-records-"));
    await apply(await run("npm", ["run", "--silent", "mesh", "--", "crd"], { timeoutMs: 60_000 }));
    await kubectl("wait", "--for", "condition=Established", "crd/dnsrecords.dns.mesh.io", "--timeout", "30s");
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await plane[Symbol.asyncDispose]();
  });

  const kubectl = (...args: string[]): Promise<string> =>
    run(toolPath("kubectl"), ["--kubeconfig", plane.kubeconfig, ...args], { timeoutMs: 60_000 });

  function apply(text: string): Promise<string> {
    const file = join(folder, "objects.yaml");
    writeFileSync(file, text);
    return kubectl("apply", "-f", file);
  }

  /** What the API server says to a spec without keeping it; empty when it takes it. */
  async function refusal(spec: object): Promise<string> {
    const body = { apiVersion, kind, metadata: { name: "tried" }, spec: json(spec) };
    const path = `/apis/${apiVersion}/namespaces/default/dnsrecords`;
    try {
      await plane.api.send({ method: "POST", path: `${path}?dryRun=All&fieldValidation=Strict`, body });
      return "";
    } catch (error) {
      return String(error);
    }
  }

  function problems(spec: object): string {
    const reading = recordSetOf(spec as DnsRecordSpec);
    return reading.kind === "set" ? "" : reading.problems.join("\n");
  }

  it("takes the seed's example as it stands", async () => {
    expect(await apply(seedExample)).to.contain("new-server-in-standard-1 created");
    expect(problems(good)).to.equal("");
  });

  it("says of an object that no operator has seen that it is not known to be ready, and lets a status take the place of that", async () => {
    const path = `/apis/${apiVersion}/namespaces/default/dnsrecords/new-server-in-standard-1`;
    expect((await plane.api.send({ method: "GET", path }))["status"]).to.deep.equal(json(pendingStatus));
    const progress = { kind: "programmed", away: [], unseen: [] } as const;
    const facts = { generation: 1, progress, retired: undefined, now: Date.parse("2026-11-28T12:00:00Z") };
    const status = statusOf({ status: pendingStatus, applied: undefined }, facts);
    const body = JSON.stringify({ status });
    await kubectl("patch", "rr/new-server-in-standard-1", "--subresource=status", "--type=merge", "-p", body);
    expect((await plane.api.send({ method: "GET", path }))["status"]).to.deep.equal(json(status));
  });

  it("takes a reverse zone with a slash (RFC 2317)", async () => {
    const spec = { zone: "0/26.2.0.192.in-addr.arpa", name: "1", type: "PTR", value: "a.example." };
    expect([await refusal(spec), problems(spec)]).to.deep.equal(["", ""]);
  });

  it("shows zone, name, type, value, TTL, whether it is ready, and age", async () => {
    const several = { ...good, name: "several", value: undefined, values: ["10.10.1.6", "10.10.1.7"] };
    await apply(JSON.stringify({ apiVersion, kind, metadata: { name: "several" }, spec: several }));
    const status = {
      conditions: [
        { type: "Accepted", status: "True", reason: "Valid", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
        {
          type: "Programmed",
          status: "False",
          reason: "Waits",
          message: "",
          lastTransitionTime: "2026-01-01T00:00:00Z",
        },
      ],
    };
    await kubectl("patch", "rr/several", "--subresource=status", "--type=merge", "-p", JSON.stringify({ status }));
    const lines = (await kubectl("get", "dnsrecords")).trim().split("\n");
    expect(lines[0]?.split(/\s+/)).to.deep.equal(["NAME", ...["ZONE", "NAME", "TYPE", "VALUE", "TTL", "READY", "AGE"]]);
    expect(lines[1]).to.match(
      /^new-server-in-standard-1 +standard-1\.internal\.dns +new-server +A +10\.10\.1\.5 +3600/,
    );
    expect(lines[2]).to.match(/several +A +\["10\.10\.1\.6","10\.10\.1\.7"\] +3600 +False/);
    expect(await kubectl("get", "dns-mesh", "-o", "name")).to.contain("dnsrecord.dns.mesh.io/several");
  });

  it("explains each field", async () => {
    const explained = await kubectl("explain", "dnsrecord", "--recursive");
    expect(explained).to.contain("observedGeneration");
    for (const field of ["spec", "spec.zone", "spec.name", "spec.ttl", "spec.type", "spec.value", "spec.values"])
      expect(await kubectl("explain", `dnsrecord.${field}`), field).to.match(/DESCRIPTION:\n +\S/);
    for (const field of ["status", "status.conditions", "status.conditions.reason", "status.applied.values"])
      expect(await kubectl("explain", `dnsrecord.${field}`), field).to.match(/DESCRIPTION:\n +\S/);
  });

  it("fills in the TTL of an hour", async () => {
    const path = `/apis/${apiVersion}/namespaces/default/dnsrecords?dryRun=All`;
    const body = { apiVersion, kind, metadata: { name: "tried" }, spec: json({ ...good, ttl: undefined }) };
    const made = await plane.api.send({ method: "POST", path, body });
    expect(made["spec"]).to.deep.equal(good);
  });

  for (const spec of goodSpecs)
    it(`takes ${spec.type} ${spec.name} ${(spec.value ?? spec.values?.join(", ") ?? "").slice(0, 50)}`, async () => {
      expect(await refusal({ ...good, value: undefined, ...spec })).to.equal("");
      expect(problems({ ...good, value: undefined, ...spec })).to.equal("");
    });

  for (const file of readdirSync(zones).filter((each) => each.endsWith(".zone")))
    it(`takes every object that ${file} gives`, async () => {
      const { objects } = importZone(readZoneFile(readFileSync(join(zones, file), "utf8")));
      for (const { spec } of objects) expect(await refusal(spec), spec.name).to.equal("");
    });

  it("has a table of at least 60 bad specs", () => {
    expect(badSpecs.length + badChanges.length).to.be.at.least(60);
  });

  for (const [title, change, by, says] of badSpecs)
    it(`refuses ${title}: ${by === "apply" ? "at apply" : "in a condition"}`, async () => {
      const spec = { ...good, ...change };
      const said = await refusal(spec);
      if (by === "apply") expect(said).to.contain(says);
      else expect([said, problems(spec)]).to.satisfy((texts: string[]) => texts[0] === "" && texts[1]?.includes(says));
    });

  for (const [title, change, , says] of badChanges)
    it(`refuses ${title} for an object that is there`, async () => {
      const body = JSON.stringify({ spec: change });
      const changed = kubectl("patch", "rr/new-server-in-standard-1", "--type=merge", "-p", body);
      expect(await changed.then(String, String)).to.contain(says);
    });

  describe("with a site's tenants, whose rules are a ValidatingAdmissionPolicy", () => {
    const input = { own: "dns-system", namespaces: caseNamespaces, zones: caseZones, tenants: caseTenants };
    /** Has the API server look at an object that it does not keep. */
    const send = (namespace: string, spec: object) => {
      const body = { apiVersion, kind, metadata: { name: "tried" }, spec: json(spec) };
      return plane.api.send({
        method: "POST",
        path: `/apis/${apiVersion}/namespaces/${namespace}/dnsrecords?dryRun=All`,
        body,
      });
    };
    const said = (sent: Promise<unknown>): Promise<string> => sent.then(() => "", String);
    const stranger = { zone: "example.org", name: "www", type: "A", value: "192.0.2.1" };

    before(async () => {
      for (const name of [input.own, ...caseNamespaces]) await kubectl("create", "namespace", name);
      await send("stranger", stranger);
      const made = { ...stranger, name: "before" };
      await apply(
        JSON.stringify({ apiVersion, kind, metadata: { name: "standing", namespace: "stranger" }, spec: made }),
      );
      for (const manifest of tenantPolicyManifests(input)) await apply(JSON.stringify(manifest));
      await eventually(30, async () => expect(await said(send("stranger", stranger))).to.contain("NotAllowed"));
    });
    after(async () => {
      for (const { kind: of, metadata } of tenantPolicyManifests(input)) await kubectl("delete", of, metadata.name);
    });

    for (const [namespace, spec, may, why] of tenantCases)
      it(`${may ? "takes" : "refuses"} ${namespace} ${spec.type} ${spec.name} in ${spec.zone}: ${why}`, async () => {
        const answer = await said(send(namespace, { ...spec, value: caseValues[spec.type] }));
        if (may) expect(answer).to.equal("");
        else expect(answer).to.contain(`NotAllowed: namespace ${namespace} may not have ${spec.type} at`);
      });

    it("says what the namespace may have, as the operator does", async () => {
      const claim = { zone: "example.org", name: "www.example.org", type: "MX" };
      const tenant = tenantOf(input, "shop");
      const text = tenant && notAllowedText("shop", claim, tenant);
      expect(await said(send("shop", { ...claim, name: "www", value: "10 mail" }))).to.contain(text);
    });

    it("refuses pools by the same rules, and one with more targets than its namespace's may have", async () => {
      const pool = (name: string, targets: number) => {
        const values = Array.from({ length: targets }, (_, i) => ({ value: `192.0.2.${i}` }));
        const spec = { zone: "example.org", name, type: "A", targets: values };
        const body = { apiVersion, kind: "DnsPool", metadata: { name: "tried" }, spec };
        const path = `/apis/${apiVersion}/namespaces/shop/dnspools?dryRun=All`;
        return said(plane.api.send({ method: "POST", path, body }));
      };
      expect(await pool("www.shop", 3)).to.equal("");
      expect(await pool("www", 3)).to.contain("NotAllowed: namespace shop may not have A at www.example.org");
      expect(await pool("www.shop", 4)).to.contain("NotAllowed: pools of namespace shop may have 3 targets together");
    });

    it("leaves zones of other sites, and names with escapes, to operators", async () => {
      expect(await said(send("stranger", { ...stranger, zone: "example.com" }))).to.equal("");
      expect(await said(send("stranger", { ...stranger, name: "a\\.b" }))).to.equal("");
    });

    it("keeps nobody from marking or deleting what was there before, and refuses a change of its spec", async () => {
      const patch = (change: string) => kubectl("-n", "stranger", "patch", "rr/standing", "--type=merge", "-p", change);
      await kubectl("-n", "stranger", "annotate", "rr/standing", "example.com/note=x");
      await patch('{"metadata":{"finalizers":["a.example/b"]}}');
      const changed = patch('{"spec":{"value":"192.0.2.2"}}');
      expect(await changed.then(String, String)).to.contain("NotAllowed: namespace stranger may not have A");
      await kubectl("-n", "stranger", "delete", "rr/standing", "--wait=false");
      await kubectl("-n", "stranger", "patch", "rr/standing", "--type=merge", "-p", '{"metadata":{"finalizers":null}}');
      await eventually(10, async () => expect(await kubectl("-n", "stranger", "get", "rr", "-o", "name")).to.equal(""));
    });
  });

  describe("with a site's quotas, which are ResourceQuotas", () => {
    const quota = (most: number, mostTargets = 2) =>
      tenantQuotaManifests({
        ...{ own: "dns-system", namespaces: ["counted"] },
        tenants: [{ namespaces: ["counted"], allow: [], most, mostTargets }],
      });
    const path = (of: string) => `/apis/${apiVersion}/namespaces/counted/${of}`;
    const make = (name: string, of: "DnsRecord" | "DnsPool" = "DnsRecord"): Promise<string> => {
      const { value, ...pooled } = { ...good, name };
      const spec = of === "DnsPool" ? { ...pooled, targets: [{ value }] } : { ...pooled, value };
      const body = { apiVersion, kind: of, metadata: { name }, spec };
      const sent = plane.api.send({ method: "POST", path: path(`${of.toLowerCase()}s`), body });
      return sent.then(() => "made", String);
    };
    const named = () => kubectl("-n", "counted", "get", "rr", "-o", "name").then((text) => text.trim().split("\n"));
    const counts = async () => {
      const told = await kubectl("-n", "counted", "get", "resourcequota", "-o", "jsonpath={.items[0].status}");
      return (told === "" ? {} : JSON.parse(told)) as Partial<Record<"hard" | "used", Record<string, string>>>;
    };
    /** What the API server has of it is what we gave, and was counted. */
    const taken = async (most: number) => {
      for (const manifest of quota(most)) await apply(JSON.stringify(manifest));
      await eventually(60, async () => {
        const { hard, used } = await counts();
        expect(hard?.["count/dnsrecords.dns.mesh.io"]).to.equal(String(most));
        expect(used).to.have.all.keys("count/dnsrecords.dns.mesh.io", "count/dnspools.dns.mesh.io");
      });
    };

    before(async () => {
      await kubectl("create", "namespace", "counted");
      // Of definitions that the controllers have not found yet, which they look for each half a minute, nothing is counted.
      await eventually(60, async () => {
        for (const manifest of quota(5)) await apply(JSON.stringify(manifest));
        await eventually(3, async () => expect(await counts()).to.have.property("used")).catch(
          async (error: unknown) => {
            await kubectl("-n", "counted", "delete", "resourcequota", "--all");
            throw error;
          },
        );
      });
      await taken(5);
    });

    it("let no more be made than there may be, however many make them at once", async () => {
      const names = Array.from({ length: 20 }, (_, i) => `race-${i}`);
      const answers = await Promise.all(names.map((name) => make(name)));
      expect(answers.filter((answer) => answer === "made")).to.have.lengthOf(5);
      for (const answer of answers.filter((each) => each !== "made"))
        expect(answer).to.match(
          /exceeded quota: dns-mesh-tenants-dns-system|unable to create|object has been modified/,
        );
      expect(await named()).to.have.lengthOf(5);
    });

    it("say what is used up, and let one be made for one that goes", async () => {
      expect(await make("more")).to.match(
        /exceeded quota: dns-mesh-tenants-dns-system, requested: count\/dnsrecords\.dns\.mesh\.io=1, used: .*=5, limited: .*=5/,
      );
      const [first = ""] = await named();
      await kubectl("-n", "counted", "delete", first);
      await eventually(30, async () => expect(await make("more")).to.equal("made"));
    });

    it("take nothing away when they are lowered, let it be changed, and let nothing be made until there is room", async () => {
      await taken(3);
      expect(await named()).to.have.lengthOf(5);
      await kubectl("-n", "counted", "patch", "rr/more", "--type=merge", "-p", '{"spec":{"value":"192.0.2.77"}}');
      const [one = "", other = "", third = ""] = (await named()).filter((name) => !name.endsWith("/more"));
      await kubectl("-n", "counted", "delete", one, other);
      await eventually(30, async () => {
        expect((await counts()).used?.["count/dnsrecords.dns.mesh.io"]).to.equal("3");
      });
      expect(await make("late")).to.contain("exceeded quota");
      await kubectl("-n", "counted", "delete", third);
      await eventually(30, async () => expect(await make("late")).to.equal("made"));
    });

    it("count pools by the targets that these have at least", async () => {
      expect([await make("one", "DnsPool"), await make("two", "DnsPool")]).to.deep.equal(["made", "made"]);
      expect(await make("three", "DnsPool")).to.contain("requested: count/dnspools.dns.mesh.io=1");
    });
  });

  it("lets editors edit and viewers view, and neither write a status", async () => {
    for (const role of ["view", "edit"]) {
      const subject = `system:serviceaccount:default:${role}`;
      await kubectl("create", "rolebinding", role, `--clusterrole=${role}`, `--serviceaccount=default:${role}`);
      const may = (...what: string[]): Promise<string> =>
        kubectl("auth", "can-i", ...what, "--as", subject).then(
          () => "yes",
          () => "no",
        );
      await eventually(30, async () => {
        expect(await may("list", "dnsrecords"), role).to.equal("yes");
      });
      expect(await may("patch", "dnsrecords"), role).to.equal(role === "edit" ? "yes" : "no");
      expect(await may("patch", "dnsrecords", "--subresource=status"), role).to.equal("no");
    }
  });
});
