import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freeEverywhere } from "../../../lab/ports";
import { blocksOf } from "../../../harness/docs/blocks";
import { checkOut, type Checkout } from "../../../harness/docs/checkout";
import { Reader } from "../../../harness/docs/reader";

describe("the lab, by README and guide", function () {
  this.timeout(180_000);
  let checkout: Checkout;
  let reader: Reader;

  before(async () => {
    checkout = await checkOut();
    reader = new Reader({ folder: checkout.folder, env: checkout.env, timeoutMs: 150_000 });
  });
  after(() => {
    checkout[Symbol.dispose]();
  });

  /** Runs a command that asks for lines, and types these. */
  const typing = (command: string, lines: string): Promise<string> =>
    reader.shell(`{ ${command.trim()}\n} <<'LINES'\n${lines.trim()}\nquit\nLINES`);

  it("runs as the README's first screen has it, whose other commands are there", async () => {
    reader.open("README.md#dns-mesh");
    const [screen = ""] = blocksOf("README.md#dns-mesh", "");
    const change = screen.split("\n").filter((line) => line.startsWith("change "));
    const shown = await typing(reader.next("sh"), ["wait converged 60", ...change, "status"].join("\n"));
    expect(shown).to.match(/www\.site-b\.example A changed at site-b: answered by 5 sites/);
    expect(shown).to.match(/^site-a +primary-catalog +127\./m);
    const { scripts } = JSON.parse(readFileSync(join(checkout.folder, "package.json"), "utf8")) as { scripts: object };
    const [, others = ""] = blocksOf("README.md#dns-mesh", "sh");
    expect(others.match(/npm (?:run )?\w+/g)).to.deep.equal(["npm run demo", "npm test"]);
    expect(scripts).to.include.keys("demo", "test");
    reader.close();
  });

  it("takes all that the guide says to try", async () => {
    reader.open("docs/guides/lab.md#the-lab-a-mesh-on-your-machine");
    const [commands = ""] = blocksOf("docs/guides/lab.md#try-this", "lab");
    const shown = await typing(
      reader.next("sh", [
        ["--sites 50", "--sites 4"],
        ["--zones 200", "--zones 6"],
      ]),
      commands,
    );
    expect(shown).not.to.match(/^! /m);
    expect(shown)
      .to.match(/berlin at 127\.[\d.]+ is ready/)
      .and.match(/shop\.example TXT changed at berlin/);
  });

  it("has name servers that follow, as their guide says", async () => {
    const elsewhere = new Reader({ folder: checkout.folder, env: checkout.env, timeoutMs: 150_000 });
    elsewhere.open("docs/name-servers.md#in-the-lab");
    const shown = await typing(elsewhere.next("sh"), elsewhere.next("lab"));
    elsewhere.close();
    expect(shown).not.to.match(/^! /m);
    const asked = [...shown.matchAll(/site-a answers site-b\.example NS: NOERROR, (.*), after/g)];
    expect(asked.map(([, records = ""]) => records.match(/[\w-]+(?=\.dns\.internal)/g)?.sort())).to.deep.equal([
      ["site-a", "site-b"],
      ["site-a", "site-b", "site-c"],
      ["berlin", "site-a", "site-b", "site-c"],
      ["site-a", "site-b", "site-c"],
    ]);
    expect(shown).to.match(/parents outside the mesh should have:\n.*site-a\.example\. NS site-a\.dns\.internal\./);
  });

  it("answers a second terminal", async () => {
    const port = await freeEverywhere();
    const [lab = "", dig = ""] = reader.next("sh", [["5300", String(port)]]).split("\n");
    reader.close();
    const shown = await reader.shell(
      [
        "mkfifo typed",
        `{ ${lab}; } < typed > lab.txt 2>&1 &`,
        "exec 3> typed",
        "echo 'wait converged 60' >&3; echo status >&3",
        "until grep -q '^site-c' lab.txt; do kill -0 $!; sleep 0.2; done",
        dig.replace("127.128.0.3", "$(awk '/^site-c/ { print $3; exit }' lab.txt)"),
        "echo quit >&3",
        "wait $!",
      ].join("\n"),
    );
    expect(shown)
      .to.match(/status: NOERROR/)
      .and.match(/^site-b\.example\.\s+\d+\s+IN\s+SOA/m);
  });

  it("plays the guide's script, in namespaces", async () => {
    // Root needs no sudo.
    await reader.shell('command -v sudo > /dev/null || sudo() { "$@"; }');
    reader.open("docs/guides/lab.md#from-a-script");
    const shown = await reader.run();
    reader.close();
    expect(shown).to.match(/site-c answers www\.site-b\.example A: NOERROR, 192\.0\.2\.9/);
  });
});
