import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bringUp, outcomeLines } from "../../../../src/cli/up/bring-up";
import { newStacks, type NewStacks, newStacksLines } from "../../../../src/cli/up/new-stacks";
import { stagesOf } from "../../../../src/cli/up/order";
import { UserError } from "../../../../src/base/errors";
import { parseMesh } from "../../../../src/settings/parse";

const site = (name: string, role: string, host: number) => ({ name, role, addresses: [`192.0.2.${host}`] });
const mesh = parseMesh({
  directoryZone: "dns.internal",
  catalogZone: "catalog.internal.dns",
  sites: [
    site("site-a", "standard", 1),
    site("site-b", "primary-catalog", 2),
    site("site-c", "secondary-catalog", 3),
    site("site-d", "standard", 4),
  ],
});

describe("mesh up", () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-up-"));
    file = join(folder, "Pulumi.shared.yaml");
    for (const stack of ["shared", "site-a", "site-b", "site-c"])
      writeFileSync(join(folder, `Pulumi.${stack}.yaml`), "");
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("begins with the shared stack, then the primary, wherever it is in the list", () => {
    expect(stagesOf(file, mesh, { sites: ["site-a", "site-c"] })).to.deep.equal([
      ["shared"],
      ["site-b"],
      ["site-a", "site-c"],
    ]);
    expect(stagesOf(file, mesh, { only: ["site-c", "shared"] })).to.deep.equal([["shared"], ["site-c"]]);
  });

  it("refuses, before anything changes, a site without settings or one that is not there", () => {
    expect(() => stagesOf(file, mesh, {})).to.throw(
      UserError,
      /no settings of site-d here.*--site.*Nothing was changed/,
    );
    expect(() => stagesOf(file, mesh, { sites: ["site-x"] })).to.throw(UserError, /there is no site "site-x"/);
  });

  it("makes site stacks without a word, and a shared one only for a mesh that is new", () => {
    const stacks = ["shared", "site-b", "site-a"];
    const made = (there: readonly string[], more: Partial<NewStacks> = {}) =>
      newStacks({
        shared: "shared",
        stacks,
        sites: ["site-a", "site-b", "site-c"],
        there,
        isNew: false,
        asks: false,
        ...more,
      });
    expect(made(["shared", "site-b"])).to.deep.equal(["site-a"]);
    expect(() => made([])).to.throw(UserError, /no stack "shared".*Nothing was changed; log in.*add --new/);
    expect(made([], { isNew: true })).to.deep.equal(stacks);
    expect(newStacksLines("shared", made([], { asks: true })).join()).to.match(/a new key ring.*say no/);
    // Sites that are there were made with a shared stack, which is lost.
    for (const more of [{ isNew: true }, { asks: true }])
      expect(() => made(["site-c"], more)).to.throw(UserError, /the stacks of site-c are there.*shared-state-lost\.md/);
    expect(() => made([], { stacks: ["site-a"], isNew: true })).to.throw(UserError, /bring shared up first/);
  });

  /** Stacks whose up waits until it is let go, and notes the order of what happens. */
  function stage(failing: readonly string[] = []) {
    const log: string[] = [];
    const open = new Map<string, () => void>();
    const aborting = new AbortController();
    const up = (stack: string, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise<{ steps: never[]; warnings: never[] }>((resolve, reject) => {
        log.push(`begin ${stack}`);
        signal?.addEventListener("abort", () => {
          log.push(`abort ${stack}`);
          reject(new Error("cancelled"));
        });
        open.set(stack, () => {
          log.push(`end ${stack}`);
          if (failing.includes(stack)) reject(new UserError(`${stack} has no disk`));
          else resolve({ steps: [], warnings: [] });
        });
      });
    const stages = [["shared"], ["p"], ["s1", "s2", "s3", "s4"]];
    const outcome = bringUp({
      ...{ engine: { up }, stages, width: 2, signal: aborting.signal, now: () => 0 },
      print: () => undefined,
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    const finish = async (stack: string): Promise<void> => {
      await settle();
      open.get(stack)!();
      await settle();
    };
    return {
      log,
      outcome,
      finish,
      settle,
      abort: () => {
        aborting.abort();
      },
    };
  }

  it("waits for each stage, and brings so many up at a time", async () => {
    const { log, outcome, finish } = stage();
    for (const stack of ["shared", "p", "s2", "s1", "s3", "s4"]) await finish(stack);
    expect((await outcome).done.map(({ stack }) => stack)).to.deep.equal(["shared", "p", "s2", "s1", "s3", "s4"]);
    expect(log.join()).to.equal(
      "begin shared,end shared,begin p,end p,begin s1,begin s2,end s2,begin s3,end s1,begin s4,end s3,end s4",
    );
  });

  it("begins nothing after a failure, lets what is under way end, and says what is left", async () => {
    const { outcome, finish } = stage(["s1"]);
    for (const stack of ["shared", "p", "s1", "s2"]) await finish(stack);
    const found = await outcome;
    expect(found.failed).to.deep.equal([{ stack: "s1", reason: "s1 has no disk" }]);
    expect(found.left).to.deep.equal(["s3", "s4"]);
    expect(outcomeLines(found).join("\n")).to.match(
      /^up: shared, p, s2\nfailed: s1\nleft: s3, s4\n.*run the same again/,
    );
  });

  it("leaves every site alone when the shared stack or the primary fails", async () => {
    const { outcome, finish } = stage(["p"]);
    for (const stack of ["shared", "p"]) await finish(stack);
    expect((await outcome).left).to.deep.equal(["s1", "s2", "s3", "s4"]);
  });

  it("hands an interruption to what is under way, and waits for its end", async () => {
    const { outcome, finish, abort, settle } = stage();
    for (const stack of ["shared", "p"]) await finish(stack);
    await settle();
    abort();
    const found = await outcome;
    expect(found).to.deep.include({ failed: [], interrupted: ["s1", "s2"], left: ["s3", "s4"] });
    expect(outcomeLines(found).join("\n")).to.include("stopped half way: s1, s2");
  });

  it("says why a stack failed by itself although all were being stopped", async () => {
    const aborting = new AbortController();
    const reasons: Record<string, string> = { s1: "s1 has no disk", s2: "s2 has no disk\nupdate canceled", s3: "" };
    const up = async (name: string) => {
      await new Promise((resolve) => setImmediate(resolve));
      aborting.abort();
      throw new UserError(reasons[name]);
    };
    const lines: string[] = [];
    const found = await bringUp({
      ...{ engine: { up }, stages: [["s1", "s2", "s3"]], width: 3, signal: aborting.signal, now: () => 0 },
      print: (line) => lines.push(line),
    });
    expect(found.failed).to.deep.equal([{ stack: "s1", reason: "s1 has no disk" }]);
    expect(lines).to.include.members(["s1: failed: s1 has no disk", "s2: stopped\ns2 has no disk", "s3: stopped"]);
  });
});
