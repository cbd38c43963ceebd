import Ajv from "ajv";
import { expect } from "chai";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { ensureTools, toolPath } from "../../../harness/tools";
import { CommandError, run } from "../../../harness/tools/run";
import { pipelineSchema } from "../../../harness/tools/schemas";

const examples = join(__dirname, "../../../examples/ci");
const folder = join(examples, "github");

describe("the workflows for GitHub", function () {
  this.timeout(600_000);
  let scratch: string;

  before(async () => {
    await ensureTools(["gitops"], console.log);
    scratch = mkdtempSync(join(tmpdir(), "dns-mesh-workflows-"));
    mkdirSync(join(scratch, ".github/workflows"), { recursive: true });
  });
  after(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  /** What actionlint has against a workflow, as it would stand in a repository. */
  async function complaints(text: string): Promise<string> {
    const file = join(scratch, ".github/workflows/tried.yml");
    writeFileSync(file, text);
    try {
      return await run(toolPath("actionlint"), ["-no-color", "-shellcheck=", "-pyflakes=", file], { cwd: scratch });
    } catch (error) {
      if (error instanceof CommandError && error.status === 1) return error.output.stdout;
      throw error;
    }
  }

  for (const name of readdirSync(folder))
    it(`${name}: actionlint finds nothing`, async () => {
      expect(await complaints(readFileSync(join(folder, name), "utf8"))).to.equal("");
    });

  it("would be found wrong with an expression of a step that is not there, or a job's that it does not need", async () => {
    const preview = readFileSync(join(folder, "preview.yml"), "utf8");
    expect(await complaints(preview.replace("steps.preview.outputs.status", "steps.other.outputs.status"))).to.match(
      /"other"/,
    );
    const deploy = readFileSync(join(folder, "deploy.yml"), "utf8");
    expect(await complaints(deploy.replace("needs: [sites, shared]", "needs: shared"))).to.match(/"sites"/);
    expect(await complaints(preview.replace("cancel-in-progress:", "cancel:"))).to.match(/cancel/);
  });
});

describe("the pipelines by the schemas that their services publish", function () {
  this.timeout(120_000);

  before(() => ensureTools(["schemas"], console.log));

  /** What a schema has against a pipeline; empty when it is valid. */
  function problems(service: "gitlab-ci" | "github-workflows", pipeline: unknown): string {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    const isValid = ajv.compile(JSON.parse(readFileSync(pipelineSchema(service), "utf8")) as object);
    return isValid(pipeline) ? "" : ajv.errorsText(isValid.errors);
  }

  const gitLab = parse(readFileSync(join(examples, "gitlab/gitlab-ci.yml"), "utf8")) as Record<string, object>;

  it("GitLab's is valid", () => {
    expect(problems("gitlab-ci", gitLab)).to.equal("");
  });

  it("GitLab's would not be with a job that runs nothing known, or a field that is misspelt", () => {
    expect(problems("gitlab-ci", { ...gitLab, preview: { ...gitLab["preview"], when: "sometimes" } })).to.match(/when/);
    expect(problems("gitlab-ci", { ...gitLab, drift: { ...gitLab["drift"], scripts: [] } })).to.match(
      /additional properties/,
    );
  });

  for (const name of readdirSync(folder))
    it(`GitHub's ${name} is valid`, () => {
      expect(problems("github-workflows", parse(readFileSync(join(folder, name), "utf8")))).to.equal("");
    });
});
