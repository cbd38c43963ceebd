import { Ajv2020 } from "ajv/dist/2020";
import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { parse } from "yaml";
import { InterruptedError } from "../../../../src/cli/exit-codes";
import { askForMesh, onTerminal, type Questions } from "../../../../src/cli/init/ask";
import { type InitAnswers, initFiles, initSteps, writeNew } from "../../../../src/cli/init/files";
import { answersOf } from "../../../../src/cli/init/flags";

const flags = {
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  organization: "organization",
  site: ["site-a=192.0.2.1,2001:db8::1", "site-b=198.51.100.2", "site-c=203.0.113.3"],
  zone: ["site-c=c.example,d.example"],
  context: ["site-b=cluster-b"],
};
const contexts = ["site-a", "cluster-b", "site-c"];
const answers = answersOf(flags, contexts);
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};
/** Answers questions from a list, and notes what is said. */
const scripted = (script: readonly string[]): Questions & { readonly said: string[] } => {
  const rest = [...script];
  const said: string[] = [];
  return {
    said,
    say: (line) => void said.push(line),
    ask: (_, suggestion, problemOf) => {
      for (;;) {
        const answer = (rest.shift() ?? "") || suggestion;
        const problem = problemOf(answer);
        if (problem === undefined) return Promise.resolve(answer);
        said.push(problem);
        if (rest.length === 0) throw new Error(`no answer left: ${problem}`);
      }
    },
  };
};

describe("mesh init", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-init-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("writes a file for each stack, which the schemas of the editors accept", async () => {
    const files = initFiles(answers);
    expect(await writeNew(folder, files)).to.deep.equal(files.map(({ name }) => name));
    expect(readdirSync(folder).sort()).to.deep.equal(
      ["shared", "site-a", "site-b", "site-c"].map((stack) => `Pulumi.${stack}.yaml`),
    );
    for (const { name, text } of files) {
      const kind = name === "Pulumi.shared.yaml" ? "shared" : "site";
      const schema = JSON.parse(readFileSync(`schemas/${kind}.schema.json`, "utf8")) as object;
      const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
      expect(validate(parse(text)), JSON.stringify(validate.errors)).to.equal(true);
    }
    expect(parse(files[0]!.text)).to.deep.equal({
      config: {
        "dns-mesh:mesh": {
          directoryZone: "dns.internal",
          catalogZone: "catalog.internal.dns",
          sites: [
            { name: "site-a", role: "primary-catalog", addresses: ["192.0.2.1", "2001:db8::1"] },
            { name: "site-b", role: "secondary-catalog", addresses: ["198.51.100.2"] },
            { name: "site-c", role: "standard", addresses: ["203.0.113.3"], zones: ["c.example", "d.example"] },
          ],
        },
      },
    });
    expect(parse(files[2]!.text)).to.deep.equal({
      config: { "dns-mesh:shared": "organization/dns-mesh/shared", "dns-mesh:context": "cluster-b" },
    });
  });

  it("changes nothing the second time, and finishes what was interrupted", async () => {
    const files = initFiles(answers);
    await writeNew(folder, files.slice(0, 2));
    expect(await writeNew(folder, files)).to.deep.equal(["Pulumi.site-b.yaml", "Pulumi.site-c.yaml"]);
    expect(await writeNew(folder, files)).to.deep.equal([]);
  });

  it("never overwrites, and then writes nothing at all", async () => {
    writeFileSync(join(folder, "Pulumi.site-b.yaml"), "config: {}\n");
    const error: unknown = await writeNew(folder, initFiles(answers)).catch((thrown: unknown) => thrown);
    expect(String(error)).to.match(/Pulumi\.site-b\.yaml: there already, and never overwritten\. Nothing was written/);
    expect(readdirSync(folder)).to.deep.equal(["Pulumi.site-b.yaml"]);
    expect(readFileSync(join(folder, "Pulumi.site-b.yaml"), "utf8")).to.equal("config: {}\n");
  });

  it("refuses what the list's rules refuse, contexts that are not there, and options about no site", () => {
    const withFlags = (changes: Partial<typeof flags>): string =>
      refusal(() => initFiles(answersOf({ ...flags, ...changes }, contexts)));
    expect(withFlags({ site: ["site-a=nowhere"], zone: [], context: [] })).to.match(/"nowhere" is not an IP address/);
    expect(withFlags({ zone: ["site-c=dns.internal"] })).to.match(/dns\.internal/);
    expect(withFlags({ context: [] })).to.match(/no context "site-b" \(it has site-a, cluster-b, site-c\)/);
    expect(withFlags({ zone: ["site-x=x.example"] })).to.match(/--zone site-x=…: there is no --site site-x/);
    expect(withFlags({ site: ["site-a"] })).to.match(/--site "site-a" is not NAME=VALUE/);
    expect(withFlags({ site: [], zone: [], context: [] })).to.match(/at least one site/);
    const shared = { ...flags, site: ["shared=192.0.2.1"], zone: [], context: ["shared=site-a"] };
    expect(refusal(() => initFiles(answersOf(shared, contexts)))).to.match(/cannot be called "shared"/);
  });

  it("asks for what it needs, and again for what it cannot use", async () => {
    const script = [
      "",
      "cat.example",
      "",
      "",
      "192.0.2.300",
      "192.0.2.1",
      "a.example",
      "site-a",
      "east",
      "nope",
      "cluster-b",
      "192.0.2.2",
      "",
      "",
    ];
    const questions = scripted(script);
    const found: InitAnswers = { ...(await askForMesh(questions, contexts)), organization: "acme" };
    expect(found).to.deep.equal({
      directoryZone: "dns.internal",
      catalogZone: "cat.example",
      organization: "acme",
      sites: [
        { name: "site-a", context: "site-a", addresses: ["192.0.2.1"], zones: ["a.example"] },
        { name: "east", context: "cluster-b", addresses: ["192.0.2.2"], zones: [] },
      ],
    });
    expect(questions.said.join("\n")).to.match(
      /"192\.0\.2\.300" is not an IP.*"site-a" is taken.*your kubeconfig has/s,
    );
    expect(
      initFiles(found)
        .map(({ text }) => text)
        .join(),
    ).to.include("acme/dns-mesh/shared");
  });

  it("writes nothing when the terminal hangs up in the middle", async () => {
    const input = new PassThrough();
    using questions = onTerminal(input, new PassThrough());
    const asked = askForMesh(questions, contexts);
    input.end("dns.internal\n");
    expect(String(await asked.catch((error: unknown) => error))).to.match(
      /not answered to the end\. Nothing was written/,
    );
  });

  it("writes nothing and says that it was interrupted, by Ctrl-C", async () => {
    const [input, output] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: true })];
    using questions = onTerminal(input, output);
    const asked = askForMesh(questions, contexts);
    input.write("dns.internal\r\u0003");
    expect(await asked.catch((error: unknown) => error)).to.be.instanceOf(InterruptedError);
  });

  it("says what to run next, the primary first", () => {
    expect(initSteps(answers).join("\n")).to.match(/up -s shared\npulumi up -s site-a\npulumi up -s site-b/);
  });
});
