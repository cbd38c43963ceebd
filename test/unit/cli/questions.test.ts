import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { exitCodes } from "../../../src/cli/exit-codes";

const root = join(__dirname, "../../..");
const list = `config:
  dns-mesh:mesh:
    directoryZone: dns.internal
    catalogZone: catalog.internal.dns
    sites:
      - { name: site-a, role: primary-catalog, addresses: [192.0.2.1] }
`;
const kubeconfig = {
  ...{ apiVersion: "v1", kind: "Config" },
  clusters: [{ name: "c", cluster: { server: "https://192.0.2.1" } }],
  users: [{ name: "u", user: {} }],
  contexts: [{ name: "site-a", context: { cluster: "c", user: "u" } }],
};
/** A Pulumi CLI whose backend has nothing. */
const emptyBackend = `#!/bin/sh
case "$2" in
  ls) echo '[]' ;;
  *) echo "error: no stack named 'shared' found" >&2; exit 255 ;;
esac
`;

describe("questions of the mesh command", function () {
  this.timeout(120_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-questions-"));
    writeFileSync(join(folder, "kubeconfig"), JSON.stringify(kubeconfig));
    writeFileSync(join(folder, "pulumi"), emptyBackend, { mode: 0o755 });
    writeFileSync(join(folder, "Pulumi.shared.yaml"), list);
    writeFileSync(join(folder, "Pulumi.site-a.yaml"), "config: {}\n");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** The command as a person calls it who keeps what it prints: each stream in a file, the standard input a terminal that is typed into. */
  async function typed(args: readonly string[], keys: string) {
    const command = `"${process.execPath}" --import=tsx src/cli/mesh.ts ${args.join(" ")}`;
    const [out, err] = [join(folder, "out"), join(folder, "err")];
    const script = spawn("script", ["-qec", `${command} >'${out}' 2>'${err}'`, "/dev/null"], {
      ...{ cwd: root, env: environment(), stdio: ["pipe", "ignore", "inherit"] },
    });
    script.stdin.write(keys);
    const [status] = (await once(script, "exit")) as [number];
    return { status, out: readFileSync(out, "utf8"), err: readFileSync(err, "utf8") };
  }

  /** The command as a pipeline calls it. */
  async function piped(args: readonly string[]) {
    const child = spawn(process.execPath, ["--import=tsx", "src/cli/mesh.ts", ...args], {
      ...{ cwd: root, env: environment(), stdio: ["ignore", "pipe", "pipe"] },
    });
    const ended = once(child, "close");
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { status: ((await ended) as [number])[0], out, err };
  }

  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${folder}:${process.env["PATH"] ?? ""}`,
    PULUMI_SKIP_CONFIRMATIONS: "",
  });
  const up = (...more: string[]): string[] => ["up", "--file", join(folder, "Pulumi.shared.yaml"), ...more];
  const init = (...more: string[]): string[] => [
    ...["init", "--folder", join(folder, "new"), "--kubeconfig", join(folder, "kubeconfig")],
    ...more,
  ];

  it("are asked by up on the standard error with --json, and on the standard output otherwise", async () => {
    const json = await typed(up("--json"), "no\n");
    expect([json.status, json.out]).to.deep.equal([exitCodes.found, ""]);
    expect(json.err).to.match(/New stacks.*shared[\s\S]*Bring them up\? yes or no \[no\][\s\S]*Nothing was changed/);
    const plain = await typed(up(), "no\n");
    expect(plain.out).to.match(/New stacks[\s\S]*Bring them up\?/);
    expect(plain.err).not.to.match(/Bring them up/);
  });

  it("are asked by init on the standard error with --json, whose output is JSON then", async () => {
    const { status, out, err } = await typed(init("--json"), "\n\nsite-a\n\n192.0.2.1\na.example\n\n");
    expect(err).to.match(/A new mesh[\s\S]*site 1: name \[site-a\]/);
    expect(status, err).to.equal(exitCodes.fine);
    const { written } = JSON.parse(out) as { readonly written: readonly string[] };
    expect(written).to.deep.equal(["Pulumi.shared.yaml", "Pulumi.site-a.yaml"]);
  });

  for (const [what, args, flag] of [
    ["up", () => up("--json"), /not a terminal to ask on; mesh up --yes --new does it without asking/],
    ["init", () => init("--json"), /not a terminal to ask on; name the sites: mesh init --site/],
  ] as const)
    it(`end ${what} --json without a terminal, by the flag that answers them`, async () => {
      const { status, out, err } = await piped(args());
      expect([status, out]).to.deep.equal([exitCodes.usage, ""]);
      expect(err).to.match(flag);
      expect(existsSync(join(folder, "new"))).to.equal(false);
    });
});
