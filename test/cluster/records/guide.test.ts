import { expect } from "chai";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { blocksOf } from "../../../harness/docs/blocks";
import { eventually } from "../../../harness/eventually";
import { toolPath } from "../../../harness/tools";
import { RecordMesh } from "../../../harness/records/record-mesh";

const run = promisify(execFile);
const root = join(__dirname, "..", "..", "..");
const tsx = require.resolve("tsx");

/** What the guide has its reader do, with the guide's own words, files and commands. */
describe("docs/records.md, followed to the letter", function () {
  this.timeout(120_000);
  const guide = readFileSync(join(root, "docs", "records.md"), "utf8");
  const zone = "standard-1.internal.dns";
  let mesh: RecordMesh;
  let folder: string;

  before(async () => {
    mesh = await RecordMesh.start({ zones: [zone] });
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

  it("lets all of it go", async () => {
    await follow("kubectl -n dns-system delete rr --all");
    await mesh.everywhere(`new-server.${zone}`, []);
  });
});
