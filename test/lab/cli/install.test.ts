import { expect } from "chai";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { type Checkout, checkOut } from "../../../harness/docs/checkout";
import { Reader } from "../../../harness/docs/reader";
import { securityHeaders } from "../../../src/cli/dashboard/request-guard";

const run = promisify(execFile);
const root = join(__dirname, "../../..");

/**
 * By the guide, to the letter. The packages that Pulumi's program needs are left out: they come from a registry, and the
 * command itself must do without them.
 */
describe("the command as it is installed", function () {
  this.timeout(120_000);
  let folder: string;
  let checkout: Checkout;
  const mesh = (...args: string[]) => run(join(folder, "prefix/bin/mesh"), args, { cwd: folder });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-mesh-install-"));
    checkout = await checkOut();
    const manifest = join(checkout.folder, "package.json");
    const described = JSON.parse(await readFile(manifest, "utf8")) as Record<string, unknown>;
    await writeFile(manifest, JSON.stringify({ ...described, dependencies: {} }));
    const prefix = join(folder, "prefix");
    const env = {
      ...checkout.env,
      npm_config_prefix: prefix,
      npm_config_offline: "true",
      npm_config_audit: "false",
      PATH: [join(prefix, "bin"), checkout.env["PATH"]].join(delimiter),
    };
    const reader = new Reader({ folder: checkout.folder, env });
    reader.open("docs/guides/mesh-command.md#installing");
    expect(await reader.run()).to.contain("Usage: mesh");
    reader.close();
  });
  after(async () => {
    checkout[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("is on the path, and says which version it is", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    expect((await mesh("--version")).stdout).to.equal(`${version}\n`);
  });

  it("works in any folder, without the packages of Pulumi's program", async () => {
    await writeFile(join(folder, "example.zone"), "$ORIGIN example.\n@ 60 SOA a. b. 1 2 3 4 5\nwww 60 A 192.0.2.1\n");
    expect((await mesh("import", "example.zone")).stdout).to.match(/kind: 'DnsRecord'/);
    expect((await mesh("crd")).stdout).to.contain("CustomResourceDefinition");
  });

  it("has its page with it", async () => {
    const site = "{ name: site-a, role: primary-catalog, addresses: [127.0.0.1], zones: [a.example] }";
    const list = `{ directoryZone: dns.internal, catalogZone: catalog.internal.dns, sites: [${site}] }`;
    await writeFile(join(folder, "Pulumi.shared.yaml"), `config:\n  dns-mesh:mesh: ${list}\n`);
    const child = spawn(join(folder, "prefix/bin/mesh"), ["dashboard", "--port", "0"], { cwd: folder });
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const url = line.toString().trim();
      const page = await (await fetch(url)).text();
      const parts = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, part]) => part!);
      expect(parts).to.include.members(["page.js", "page.css", "icon.svg"]);
      for (const part of parts) {
        const { status, headers } = await fetch(new URL(part, url));
        expect([status, headers.get("content-security-policy")], part).to.deep.equal([
          200,
          securityHeaders["content-security-policy"],
        ]);
      }
    } finally {
      child.kill();
      await once(child, "close");
    }
  });

  it("has the lab with it, whose sites it sees", async () => {
    const script = join(folder, "two.lab");
    await writeFile(script, "wait converged 60\nmesh status\nmesh logs --tail 1\n");
    const { stdout } = await mesh("lab", "--sites", "2", "--json", "--script", script);
    const said = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { message?: string; access?: string });
    expect(said.filter(({ access }) => access !== undefined)).to.have.length(1);
    const messages = said.map(({ message = "" }) => message).join("\n");
    expect(messages)
      .to.match(/2 sites, 4 zones .*: fine/)
      .and.match(/mesh status ended with 0/);
    expect(messages)
      .to.match(/site-b\/knot-0 agent /)
      .and.match(/mesh logs --tail 1 ended with 0/);
  });

  it("brings the program along, and none of the tests", async () => {
    const { stdout } = await run("ls", ["-A", join(folder, "prefix/lib/node_modules/dns-mesh")]);
    const names = stdout.trim().split("\n");
    expect(names).to.include.members(["dist", "index.js", "program.ts", "components", "src", "Pulumi.yaml", "LICENSE"]);
    expect(names).not.to.include.members(["test"]).and.not.include.members(["node_modules"]);
  });
});
