import { expect } from "chai";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { CommentServer } from "../../../harness/ci/comments";
import { type JobResult, readWorkflow, runJob } from "../../../harness/ci/workflow";
import { Reader } from "../../../harness/docs/reader";
import { CommandError, run } from "../../../harness/tools/run";

const ci = join(__dirname, "../../../examples/ci");
const mark = "<!-- dns-mesh preview -->";

/** Runs a script of the examples; with what it printed, on which stream, and how it ended. */
async function script(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ status: number; out: string; err: string }> {
  try {
    const out = await run(process.execPath, [join(ci, name), ...args], { env: { PATH: process.env["PATH"], ...env } });
    return { status: 0, out, err: "" };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { status: error.status ?? -1, out: error.output.stdout, err: error.output.stderr };
  }
}

describe("the examples for pipelines", function () {
  this.timeout(180_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-ci-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const written = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };

  describe("comment.mjs", () => {
    const services = {
      GitHub: {
        self: "github-actions[bot]",
        env: (url: string) => ({
          ...{ GITHUB_API_URL: url, GITHUB_REPOSITORY: "us/mesh", GITHUB_TOKEN: "a token", PULL_REQUEST: "7" },
        }),
        paths: ["/repos/us/mesh/issues/7/comments", "/repos/us/mesh/issues/comments/"],
      },
      GitLab: {
        self: "12",
        env: (url: string) => ({
          ...{ CI_API_V4_URL: url, CI_PROJECT_ID: "3", CI_MERGE_REQUEST_IID: "7", GITLAB_TOKEN: "a token" },
        }),
        paths: ["/projects/3/merge_requests/7/notes", "/projects/3/merge_requests/7/notes/"],
      },
    };
    for (const [service, { self, env, paths }] of Object.entries(services))
      describe(`at ${service}`, () => {
        it("comments once, and replaces that from then on, wherever among many it stands", async () => {
          await using server = await CommentServer.start(self);
          server.add(`${mark}\nsomebody else's`, "stranger");
          const put = (text: string) => script("comment.mjs", [written("comment.md", text)], env(server.url));
          expect((await put(`${mark}\none`)).out).to.equal("commented\n");
          for (let i = 0; i < 230; i += 1) server.add(`talk ${i}`, "stranger");
          expect((await put(`${mark}\ntwo`)).out).to.equal("comment replaced\n");
          const marked = server.comments.filter(({ body }) => body.startsWith(mark)).map(({ body }) => body);
          expect(marked).to.deep.equal([`${mark}\nsomebody else's`, `${mark}\ntwo`]);
          const changed = server.asked.filter(({ method }) => method !== "GET").map(({ path }) => path);
          expect(changed[0]).to.equal(paths[0]);
          expect(changed[1]).to.equal(`${paths[1]}2`);
        });

        it("leaves the comment of another mark", async () => {
          await using server = await CommentServer.start(self);
          server.add("<!-- other -->\nours too", self);
          await script("comment.mjs", [written("comment.md", `${mark}\none`)], env(server.url));
          expect(server.comments.map(({ body }) => body)).to.deep.equal(["<!-- other -->\nours too", `${mark}\none`]);
        });

        it("fails by what was asked and the status, and shows no token", async () => {
          await using server = await CommentServer.start(self);
          server.broken = 403;
          const { status, out, err } = await script(
            "comment.mjs",
            [written("comment.md", `${mark}\none`)],
            env(server.url),
          );
          expect(status).to.equal(1);
          expect(err).to.match(/^GET \/\S+: 403\n$/);
          expect(out + err).not.to.contain("a token");
        });
      });

    it("takes no file without a mark: nothing would ever replace that comment", async () => {
      const { status, err } = await script(
        "comment.mjs",
        [written("comment.md", "### no mark")],
        services.GitHub.env("http://127.0.0.1:1"),
      );
      expect([status, err]).to.satisfy(
        ([code, text]: [number, string]) => code === 1 && text.includes("does not begin with a mark"),
      );
    });

    it("says which variable is missing", async () => {
      const { err } = await script("comment.mjs", [written("comment.md", `${mark}\n`)], { GITHUB_TOKEN: "a token" });
      expect(err).to.equal("GITHUB_REPOSITORY is not set\n");
    });
  });

  describe("sites.mjs", () => {
    const list = (sites: string): NodeJS.ProcessEnv => ({
      MESH_FILE: written("Pulumi.shared.yaml", `config:\n  dns-mesh:mesh:\n    sites: ${sites}\n`),
    });
    const two = "[{ name: b }, { name: a, role: primary-catalog }, { name: c }]";

    it("prints the primary and the others as a workflow's outputs", async () => {
      expect((await script("sites.mjs", [], list(two))).out).to.equal('primary=a\nothers=["b","c"]\n');
    });

    it("holds a pipeline's jobs to the list, whatever the others' order", async () => {
      expect((await script("sites.mjs", ["--expect", "a", "c", "b"], list(two))).status).to.equal(0);
      for (const other of [
        ["a", "b"],
        ["b", "a", "c"],
        ["a", "b", "c", "d"],
      ]) {
        const { status, err } = await script("sites.mjs", ["--expect", ...other], list(two));
        expect([status, err]).to.satisfy(
          ([code, text]: [number, string]) => code === 1 && /the list has the sites a b c/.test(text),
        );
      }
    });

    it("refuses a list that is none, one without a primary, and a name that could say more than a name", async () => {
      for (const [sites, says] of [
        ["[]", "lists no sites"],
        ["[{ name: b }]", "no site is the primary-catalog"],
        ['[{ name: "a\\nothers=[]", role: primary-catalog }]', "is not a site's name"],
      ] as const)
        expect((await script("sites.mjs", [], list(sites))).err).to.contain(says);
    });
  });

  describe("the workflows", () => {
    const files = readdirSync(join(ci, "github")).map((name) => join(ci, "github", name));
    const gitLab = parse(readFileSync(join(ci, "gitlab/gitlab-ci.yml"), "utf8")) as Record<
      string,
      {
        stage?: string;
        extends?: string;
        environment?: string | { name: string; action: string };
        rules?: { if: string }[];
        script?: string[];
        parallel?: { matrix: { SITE: string[] }[] };
        variables?: { SITE?: string };
      }
    >;

    it("put no secret and nothing that a stranger writes into a command: commands have them by variables", () => {
      for (const file of files)
        for (const { steps } of Object.values(readWorkflow(file).jobs))
          for (const { run: command = "" } of steps) expect(command, file).not.to.contain("${{");
    });

    it("give a site's job its own environment, after the primary's, which comes after the shared stack's", () => {
      const { jobs } = readWorkflow(join(ci, "github/deploy.yml"));
      expect([jobs["shared"]?.environment, jobs["primary"]?.environment, jobs["others"]?.environment]).to.deep.equal([
        ...["shared", "${{ needs.sites.outputs.primary }}", "${{ matrix.site }}"],
      ]);
      expect([jobs["primary"]?.needs, jobs["others"]?.needs]).to.deep.equal([
        ["sites", "shared"],
        ["sites", "primary"],
      ]);
      const order = (gitLab as unknown as { stages: string[] }).stages;
      const stageOf = (job: string): number => order.indexOf(gitLab[job]?.stage ?? "");
      expect([stageOf("shared"), stageOf("primary"), stageOf("others")]).to.deep.equal([1, 2, 3]);
    });

    it("deploy no site beside another, which the failure of one would cut off half way", () => {
      const { "fail-fast": cancels = true, "max-parallel": width } =
        readWorkflow(join(ci, "github/deploy.yml")).jobs["others"]?.strategy ?? {};
      expect(cancels ? width : 1).to.equal(1);
    });

    it("take secrets from environments alone, and give each job no more rights than it needs", () => {
      for (const file of files) {
        const { permissions, jobs } = readWorkflow(file);
        for (const [name, job] of Object.entries(jobs)) {
          const secrets = JSON.stringify(job).includes("secrets.");
          expect(job.environment !== undefined, `${file} ${name}`).to.equal(secrets);
          const writes = Object.entries({ ...permissions, ...job.permissions }).filter(
            ([, right]) => right === "write",
          );
          expect(writes, `${file} ${name}`).to.deep.equal(name === "preview" ? [["pull-requests", "write"]] : []);
        }
      }
    });

    it("preview nothing of a fork, whose code would have the secrets", () => {
      expect(readWorkflow(join(ci, "github/preview.yml")).jobs["preview"]?.if).to.equal(
        "github.event.pull_request.head.repo.full_name == github.repository",
      );
      expect(gitLab["preview"]?.rules).to.deep.equal([
        {
          if: '$CI_PIPELINE_SOURCE == "merge_request_event" && $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID',
        },
      ]);
      expect([gitLab["preview"]?.extends, gitLab["preview"]?.environment, gitLab["drift"]?.environment]).to.deep.equal([
        undefined,
        { name: "preview", action: "access" },
        { name: "drift", action: "access" },
      ]);
    });

    it("are copied by the guide to where GitHub looks for them", async () => {
      const home = mkdtempSync(join(folder, "clone-"));
      cpSync(join(ci, ".."), join(home, "examples"), { recursive: true });
      const reader = new Reader({ folder: home, env: process.env });
      reader.open("docs/guides/pull-requests.md#github");
      await reader.run();
      reader.close();
      expect(readdirSync(join(home, ".github/workflows")).sort()).to.deep.equal([
        "deploy.yml",
        "drift.yml",
        "preview.yml",
      ]);
    });

    it("hand the list's sites to the jobs that deploy them", async () => {
      const workflow = readWorkflow(join(ci, "github/deploy.yml"));
      const { failed, outputs, printed } = await runJob("sites", {
        ...{ workflow, folder: join(ci, "../.."), temp: mkdtempSync(join(folder, "runner-")), env: process.env },
        ...{ leftOut: ["npm ci"], expressions: { "vars.PULUMI_BACKEND_URL": "" } },
      });
      expect(failed, printed).to.equal(undefined);
      expect(outputs).to.deep.equal({
        "steps.list.outputs.primary": "site-a",
        "steps.list.outputs.others": '["site-b","site-c"]',
      });
    });

    /** Runs the preview's job where `mesh` prints a comment, or nothing, and ends with a status. */
    async function previewed(printed: string, status: number, service: CommentServer): Promise<JobResult> {
      const home = mkdtempSync(join(folder, "clone-"));
      cpSync(join(ci, ".."), join(home, "examples"), { recursive: true });
      const npm = `#!/bin/sh\n[ "$3 $4 $5" = "mesh -- preview" ] || exit 9\ncat ../printed\nexit ${status}\n`;
      mkdirSync(join(home, "bin"));
      writeFileSync(join(home, "bin/npm"), npm, { mode: 0o755 });
      writeFileSync(join(folder, "printed"), printed);
      return runJob("preview", {
        ...{ workflow: readWorkflow(join(ci, "github/preview.yml")), folder: home, leftOut: ["npm ci"] },
        temp: mkdtempSync(join(folder, "runner-")),
        env: {
          ...{ PATH: `${join(home, "bin")}:${process.env["PATH"] ?? ""}`, HOME: home },
          ...{ GITHUB_API_URL: service.url, GITHUB_REPOSITORY: "us/mesh" },
        },
        expressions: {
          ...{ "vars.PULUMI_BACKEND_URL": "file:///state", "github.token": "a token" },
          ...{ "secrets.PULUMI_ACCESS_TOKEN": "", "secrets.PULUMI_CONFIG_PASSPHRASE": "a passphrase" },
          ...{ "secrets.KUBECONFIG_OF_READER": "{}", "github.event.pull_request.number": "7" },
        },
      });
    }

    it("comment whatever the preview's end is, and end as it did", async () => {
      await using service = await CommentServer.start("github-actions[bot]");
      const good = await previewed(`${mark}\nall is well\n`, 0, service);
      expect(good.failed, good.printed).to.equal(undefined);
      const refused = await previewed(`${mark}\nrefused\n`, 1, service);
      expect(refused.failed).to.equal("Whether it may go on");
      expect(service.comments.map(({ body }) => body)).to.deep.equal([`${mark}\nrefused\n`]);
      expect(refused.summary).to.equal(`${mark}\nrefused\n`);
      const broken = await previewed("", 2, service);
      expect(broken.failed).to.equal("Whether it may go on");
      expect(service.comments.map(({ body }) => body).join()).to.match(/dns-mesh: no preview\n\nIt ended with 2;/);
    });

    it("ask for the same commands at both services", () => {
      const commands = (texts: readonly string[]): string[] =>
        [...new Set(texts.join("\n").match(/npm run --silent mesh -- [^>|\n]*/g) ?? [])]
          .map((each) => each.trim())
          .sort();
      const ofGitHub = files.flatMap((file) =>
        Object.values(readWorkflow(file).jobs).flatMap(({ steps }) => steps.map(({ run: command = "" }) => command)),
      );
      const ofGitLab = Object.values(gitLab).flatMap(({ script: lines = [] }) => lines);
      expect(commands(ofGitLab)).to.deep.equal(commands(ofGitHub)).and.have.length(4);
    });

    it("are about the sites of the example at GitLab, where they cannot follow the list by themselves", async () => {
      const expected = /--expect (.*)$/.exec(gitLab["sites"]?.script?.[0] ?? "")?.[1]?.split(" ") ?? [];
      expect([
        gitLab["primary"]?.variables?.SITE,
        ...(gitLab["others"]?.parallel?.matrix[0]?.SITE ?? []),
      ]).to.deep.equal(expected);
      const { status } = await script("sites.mjs", ["--expect", ...expected], {
        MESH_FILE: join(ci, "../../Pulumi.shared.yaml"),
      });
      expect(status).to.equal(0);
    });
  });
});
