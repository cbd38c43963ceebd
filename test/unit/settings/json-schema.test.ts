import { Ajv2020 } from "ajv/dist/2020";
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";
import { join } from "node:path";
import { parse } from "yaml";
import { isStructured, readSettings } from "../../../src/settings/reading";
import { stackFileSchemas } from "../../../src/settings/json-schema";
import { sharedStackShape } from "../../../src/settings/shared-settings";
import { siteSchema } from "../../../src/settings/site-settings";
import { exampleList } from "../components/example-mesh";
import { badMeshes, seed } from "./bad-meshes";
import { badSettings, minimal } from "./bad-settings";

const root = join(__dirname, "../../..");
const file = (name: string): unknown => JSON.parse(readFileSync(join(root, "schemas", name), "utf8"));

const ajv = new Ajv2020({
  strict: false,
  allErrors: true,
  formats: { ipv4: isIPv4, ipv6: (text) => isIPv6(text) && !text.includes("%") },
});
const shared = ajv.compile(stackFileSchemas()["shared.schema.json"] ?? {});
const site = ajv.compile(stackFileSchemas()["site.schema.json"] ?? {});

/** What an editor marks in a stack file. */
function problems(values: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [[`dns-mesh:${key}`, JSON.parse(JSON.stringify(value)) as unknown]],
  );
  const check = "mesh" in values ? shared : site;
  const config: unknown = Object.fromEntries(entries);
  return check({ config }) ? "" : ajv.errorsText(check.errors);
}

/** Inputs that only the program can refuse: it takes more than one field, or a rule that a schema has no words for. */
const beyond: ReadonlySet<string> = new Set([
  // A site's and the shared stack's settings
  ...["with scrapers of every namespace", "with a burst that Knot does not take"],
  ...["with a tenant whose namespace is not served", "with a namespace that two tenants name"],
  ...["with a tenant's subtree that is not a whole name", "with Gateways, and no routes that lead to them"],
  ...["with a quota that counts nothing", "with a quota of namespaces without names"],
  "with a resolver where sites are asked on another port",
  ...["with two families and no policy for two", "with a Service of two families and pods that listen on one"],
  ...["with a Service of IPv6 and pods that listen on IPv4"],
  ...["with an external address of another family than the Service's"],
  ...["with a load balancer's address of another family than the Service's"],
  ...["with a resolver at an address of another family than its Service's"],
  ...["with a client that is no network", "with an updater of names that are not named"],
  ...["with an updater of the key's name elsewhere", "with an updater of names outside its zones"],
  ...["with an updater of a name that is none", "with an updater whose key is a reader's"],
  ...["with a private key among Vault's authorities", "with certificates of Vault and no Vault"],
  ...["with backups and a root that is no certificate", "with probes and no Prometheus operator"],
  ...["with times of a rotation and no Vault", "with rotations that would overtake each other"],
  ...["with a root that signs before it exists", "with a root that signs and is not trusted"],
]);

const beyondMeshes: ReadonlySet<string> = new Set([
  ...["two zones whose files would be one", "a duplicate site", "a duplicate zone in another spelling"],
  ...["a duplicate address in another spelling", "an address that reaches nobody", "an IPv4 address in IPv6 form"],
  ...["a zone too long for the directory", "a zone inside the directory", "a zone that is the catalog"],
  "another site's address for a found one",
  ...["central zones within each other", "a day that does not exist", "a source with bits beyond its prefix"],
  ...["a zone file without SOA", "a zone file that includes another", "an initial record with a bad value"],
  ...["a zone file with a record that cannot be", "a zone file of another zone"],
  ...["initial records beside a zone file", "an initial CNAME beside another record"],
  ...["a name server that is no site", "a zone's name server that is no site", "name servers that all retire"],
  ...["more name servers than an answer holds", "a server's name that another has"],
  ...["a name server outside the mesh in the directory zone", "a site's own server as one outside the mesh"],
  "a zone of the mesh as a name server",
  "more name servers outside than an answer holds beside the sites",
  ...["a server's name in the directory", "a server's name that is a zone"],
]);

describe("the JSON Schemas of the stack files", () => {
  it("stand in the repository as the settings' own schemas give them (npm run schemas)", () => {
    const made = stackFileSchemas();
    expect(readdirSync(join(root, "schemas")).toSorted()).to.deep.equal(Object.keys(made).toSorted());
    for (const [name, schema] of Object.entries(made))
      expect(file(name), `${name} is stale: npm run schemas`).to.deep.equal(JSON.parse(JSON.stringify(schema)));
  });

  it("are those that the example stack files name, and these are valid by them", () => {
    const stacks = readdirSync(root).filter((name) => /^Pulumi\..+\.yaml$/.test(name));
    expect(stacks).to.include.members(["Pulumi.shared.yaml", "Pulumi.site-a.yaml", "Pulumi.site-b.yaml"]);
    for (const name of stacks) {
      const text = readFileSync(join(root, name), "utf8");
      const kind = text.includes("dns-mesh:mesh:") ? "shared" : "site";
      expect(text.split("\n")[0]).to.equal(`# yaml-language-server: $schema=schemas/${kind}.schema.json`);
      // What stands in comments is an example, too.
      const whole = text.replace(/^ {2}# (dns-mesh:.*)$/gm, "  $1");
      for (const each of [text, whole]) {
        const check = kind === "shared" ? shared : site;
        expect(check(parse(each)) ? "" : ajv.errorsText(check.errors), name).to.equal("");
      }
    }
  });

  it("take settings as YAML has them, as pulumi config set writes them, and encrypted", () => {
    for (const values of [
      { replicas: 2, protect: false, remotePort: 5300 },
      { replicas: "2", protect: "false", remotePort: "5300" },
      { rateLimit: false, records: false },
      { readers: { secure: "AAABAA" } },
      { readers: [{ name: "bind", algorithm: "hmac-sha256", secret: { secure: "AAABAA" } }] },
    ])
      expect(problems({ ...minimal, ...values }), JSON.stringify(values)).to.equal("");
    const others = { "kubernetes:context": "x", "pulumi:disable-default-providers": ["*"] };
    expect(
      site({ encryptionsalt: "v1:…", config: { "dns-mesh:shared": "s", "dns-mesh:context": "c", ...others } }),
    ).to.equal(true);
  });

  it("mark a setting that does not exist", () => {
    expect(problems({ ...minimal, replica: 2 })).to.match(/property name must be valid|equal to one of/);
    expect(problems({ mesh: exampleList, replicas: 2 })).not.to.equal("");
  });

  it("describe every setting", () => {
    for (const schema of Object.values(stackFileSchemas())) {
      const { config } = schema["properties"] as { config: { properties: Record<string, { description?: string }> } };
      for (const [key, { description }] of Object.entries(config.properties)) expect(description, key).to.match(/\w/);
    }
  });

  for (const [what, values] of badSettings) {
    it(`${beyond.has(what) ? "leave to the program" : "mark"} settings ${what}`, () => {
      if (beyond.has(what)) expect(problems(values)).to.equal("");
      else expect(problems(values)).not.to.equal("");
    });
  }

  for (const [what, spoil] of badMeshes) {
    it(`${beyondMeshes.has(what) ? "leave to the program" : "mark"} a list with ${what}`, () => {
      const mesh = seed();
      expect(problems({ mesh })).to.equal("");
      spoil(mesh, mesh.sites);
      if (beyondMeshes.has(what)) expect(problems({ mesh })).to.equal("");
      else expect(problems({ mesh })).not.to.equal("");
    });
  }
});

describe("settings that Pulumi hands over as JSON", () => {
  const structured = (
    shape: Parameters<typeof isStructured>[0] extends infer S ? Readonly<Record<string, S>> : never,
  ) => Object.entries(shape).flatMap(([key, schema]) => (isStructured(schema) ? [key] : []));

  it("are those whose schema is more than a text, a number or a switch", () => {
    const shared = ["mesh", "vault", "rotation", "ca", "keys", "recovered", "recoveredRing", "emptied"];
    expect(structured(sharedStackShape)).to.have.members(shared);
    expect(structured(siteSchema.shape)).to.include.members(["service", "clients", "readers", "rateLimit", "records"]);
    expect(structured(siteSchema.shape)).not.to.include.members(["replicas", "protect", "namespace", "context"]);
  });

  it("are refused without being shown where they are none: they may hold a secret", () => {
    for (const text of ['[{ "secret": "c2VjcmV0', "hunter2"]) {
      const settings = { get: (key: string) => (({ ...minimal, readers: text }) as Record<string, string>)[key] };
      expect(() => readSettings(settings, siteSchema.shape))
        .to.throw("dns-mesh:readers must be a list or an object")
        .with.property("message")
        .that.does.not.contain(text.slice(-8));
    }
  });
});
