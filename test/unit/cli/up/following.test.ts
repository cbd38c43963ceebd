import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../../src/base/errors";
import { readList } from "../../../../src/cli/list/list-file";
import { type FoundAddresses } from "../../../../src/cli/site-addresses";
import { outcomeLines } from "../../../../src/cli/up/bring-up";
import { bringUpFollowing } from "../../../../src/cli/up/following";
import { lookUpAddresses, withAddresses } from "../../../../src/cli/up/taken";

const listText = (sites: readonly string[]): string => `config:
  dns-mesh:mesh:
    directoryZone: dns.internal
    catalogZone: catalog.internal.dns
    sites: # the sites
${sites.map((site) => `      - { ${site} }\n`).join("")}`;
const primary = "name: p, role: primary-catalog, addresses: [192.0.2.1]";
const fixed = "name: s1, role: standard, addresses: [192.0.2.2]";
const auto = (name: string, more = ""): string => `name: ${name}, role: standard, addresses: auto${more}`;
const at = (...addresses: string[]): FoundAddresses => ({ kind: "given", addresses });
const none: FoundAddresses = { kind: "none", reason: "no address yet" };

describe("mesh up of sites whose addresses come from load balancers", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-auto-"));
    file = join(folder, "Pulumi.shared.yaml");
    for (const stack of ["p", "s1", "s2", "s3"]) writeFileSync(join(folder, `Pulumi.${stack}.yaml`), "");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  interface Stage {
    readonly sites: readonly string[];
    /** What a cluster says at each look; the last from then on. */
    readonly clusters?: Readonly<Record<string, readonly FoundAddresses[]>>;
    readonly failing?: readonly string[];
    readonly wanted?: readonly string[];
    readonly onPause?: (abort: () => void) => void;
  }

  /** Brings a mesh up, on a clock that moves by the pauses alone. */
  async function run({ sites, clusters = {}, failing = [], wanted, onPause = () => undefined }: Stage) {
    writeFileSync(file, listText(sites));
    const log: string[] = [];
    const lines: string[] = [];
    const looks = new Map<string, number>();
    let clock = 0;
    const aborting = new AbortController();
    const outcome = await bringUpFollowing({
      ...{ file, choice: wanted ? { sites: wanted } : {}, width: 4, patienceMs: 60_000, signal: aborting.signal },
      now: () => clock,
      print: (line) => lines.push(line),
      pause: (ms) => {
        clock += ms;
        onPause(() => {
          aborting.abort();
        });
        return Promise.resolve();
      },
      find: ({ name, addresses }) => {
        const said = clusters[name] ?? [none];
        const turn = looks.get(name) ?? 0;
        looks.set(name, turn + 1);
        const each = said[Math.min(turn, said.length - 1)] ?? none;
        // As the reader of Services does: what is known already is that very list.
        const isKnown = each.kind === "given" && each.addresses.join() === addresses.join();
        return Promise.resolve(isKnown ? { kind: "given", addresses } : each);
      },
      engine: {
        up: (stack) => {
          const { mesh } = readList(file, readFileSync(file, "utf8"));
          const waits = mesh.waiting?.some(({ name }) => name === stack) === true;
          log.push(waits ? `${stack}'s Service` : stack);
          if (failing.includes(stack)) return Promise.reject(new UserError(`${stack} has no disk`));
          return Promise.resolve({ steps: [], warnings: [] });
        },
      },
    });
    return { outcome, log, lines, text: readFileSync(file, "utf8"), looks };
  }

  it("brings up a new site's Service, waits, writes the address, and then goes on as ever", async () => {
    const sites = [primary, fixed, auto("s2")];
    const { log, outcome, text } = await run({ sites, clusters: { s2: [none, none, at("192.0.2.3")] } });
    expect(log).to.deep.equal(["shared", "s2's Service", "shared", "p", "s1", "s2"]);
    expect(text).to.equal(listText([primary, fixed, auto("s2", ", found: [192.0.2.3]")]));
    expect(outcome).to.deep.include({ failed: [], interrupted: [], left: [] });
    expect(outcomeLines(outcome)).to.deep.equal(["up: shared, s2, p, s1"]);
  });

  it("brings up a whole mesh of such sites, the primary among them", async () => {
    const sites = [primary.replace("[192.0.2.1]", "auto"), auto("s2")];
    const { log } = await run({ sites, clusters: { p: [at("192.0.2.1")], s2: [at("192.0.2.3")] } });
    expect(log).to.deep.equal(["shared", "p's Service", "s2's Service", "shared", "p", "s2"]);
  });

  it("is an up like any other where all addresses are known and stay", async () => {
    const { log, text } = await run({
      sites: [primary, auto("s2", ", found: [192.0.2.3]")],
      clusters: { s2: [at("192.0.2.3")] },
    });
    expect(log).to.deep.equal(["shared", "p", "s2"]);
    expect(text).to.equal(listText([primary, auto("s2", ", found: [192.0.2.3]")]));
  });

  it("leaves a site out that gets no address in time, or a useless one, and no other for it", async () => {
    const sites = [primary, fixed, auto("s2"), auto("s3")];
    const unusable: FoundAddresses = { kind: "unusable", reason: "a host name\u001b" };
    const { log, outcome, text, looks, lines } = await run({ sites, clusters: { s3: [unusable] } });
    expect(log.slice(-3)).to.deep.equal(["shared", "p", "s1"]);
    expect(outcome.failed).to.deep.equal([
      { stack: "s2", reason: "it stays out of the directory: no address yet" },
      { stack: "s3", reason: "it stays out of the directory: a host name\u001b" },
    ]);
    expect(text).to.equal(listText(sites));
    expect([looks.get("s2"), looks.get("s3")]).to.deep.equal([21, 1]);
    expect(lines).to.include("s3: it stays out of the directory: a host name\\u{1b}");
    expect(outcomeLines(outcome).join("\n")).to.match(/^up: shared, p, s1\nfailed: s2, s3\n.*run the same again/);
  });

  it("does not put an address of another site into the list", async () => {
    const sites = [primary, fixed, auto("s2")];
    const { outcome, text } = await run({ sites, clusters: { s2: [at("192.0.2.2")] } });
    expect(outcome.failed[0]?.reason).to.match(/stays out of the directory: 192\.0\.2\.2: .*is that of/);
    expect(text).to.equal(listText(sites));
    expect(outcome.done.map(({ stack }) => stack)).to.include.members(["p", "s1"]);
  });

  it("goes no further without an address of the primary, or when something fails", async () => {
    const bare = primary.replace("[192.0.2.1]", "auto");
    const waiting = await run({ sites: [bare, fixed] });
    expect(waiting.log).to.deep.equal(["shared", "p's Service"]);
    expect(waiting.outcome.left).to.deep.equal(["shared", "s1"]);
    expect(waiting.outcome.failed.map(({ stack }) => stack)).to.deep.equal(["p"]);
    const broken = await run({ sites: [primary, fixed, auto("s2")], failing: ["shared"] });
    expect(broken.log).to.deep.equal(["shared"]);
    expect(broken.outcome.left).to.deep.equal(["s2", "p", "s1"]);
  });

  it("stops waiting when it is stopped, and says what is left", async () => {
    const { log, outcome, looks } = await run({
      sites: [primary, fixed, auto("s2")],
      onPause: (abort) => {
        abort();
      },
    });
    expect([log, looks.get("s2")]).to.deep.equal([["shared", "s2's Service"], 2]);
    expect(outcome.left).to.deep.equal(["shared", "p", "s1"]);
  });

  it("follows an address that became another one by the up itself, once", async () => {
    const { log, text, lines } = await run({
      sites: [primary, fixed, auto("s2", ", found: [192.0.2.3]")],
      clusters: { s2: [at("192.0.2.4")] },
    });
    expect(log).to.deep.equal(["shared", "p", "s1", "s2", "shared", "p", "s2"]);
    expect(text).to.include("found: [192.0.2.4]");
    expect(lines.join("\n")).to.include("s2 is at 192.0.2.4 instead of 192.0.2.3, by its load balancer");
  });

  it("follows the sites that it was asked for, and no others", async () => {
    const { log, text } = await run({
      sites: [primary, auto("s2", ", found: [192.0.2.3]"), auto("s3")],
      clusters: { s2: [at("192.0.2.4")], s3: [at("192.0.2.5")] },
      wanted: ["s3"],
    });
    expect(log).to.deep.equal(["shared", "s3's Service", "shared", "p", "s3"]);
    expect(text).to.include("found: [192.0.2.3]").and.include("found: [192.0.2.5]");
  });
});

describe("addresses that clusters gave, in the list", () => {
  const sites = [primary, auto("s2", ", found: [192.0.2.3]"), auto("s3", ", found: [192.0.2.4]")];

  it("may be one that another site has just left", () => {
    const { text, taken, refused } = withAddresses(
      "Pulumi.shared.yaml",
      listText(sites),
      new Map([
        ["s2", at("192.0.2.4")],
        ["s3", at("192.0.2.5")],
      ]),
    );
    expect([taken.map(({ site }) => site), refused]).to.deep.equal([["s3", "s2"], []]);
    expect(text).to.match(/name: s2.*found: \[192\.0\.2\.4\][\s\S]*name: s3.*found: \[192\.0\.2\.5\]/);
  });

  it("may be those of two sites that have changed places, unless another rule is broken besides", () => {
    const changed = (more: Record<string, FoundAddresses> = {}) =>
      withAddresses(
        "Pulumi.shared.yaml",
        listText([...sites, auto("s4", ", found: [192.0.2.5]")]),
        new Map(Object.entries({ s2: at("192.0.2.4"), s3: at("192.0.2.3"), ...more })),
      );
    const { text, taken, refused } = changed();
    expect(text).to.equal(
      listText([
        primary,
        auto("s2", ", found: [192.0.2.4]"),
        auto("s3", ", found: [192.0.2.3]"),
        auto("s4", ", found: [192.0.2.5]"),
      ]),
    );
    expect([taken.map(({ site }) => site), refused]).to.deep.equal([["s2", "s3"], []]);
    expect(taken[0]?.said).to.match(/s2 is at 192\.0\.2\.4 instead of 192\.0\.2\.3, by its load balancer$/);
    expect(changed({ s4: at("192.0.2.1") }).refused.map(({ site }) => site)).to.deep.equal(["s2", "s3", "s4"]);
  });

  it("stay as they are about a site whose cluster said nothing, or something wrong", () => {
    const found = new Map<string, FoundAddresses>([
      ["s2", none],
      ["s3", at("192.0.2.1")],
    ]);
    const { text, refused } = withAddresses("Pulumi.shared.yaml", listText(sites), found);
    expect(text).to.equal(listText(sites));
    expect(refused.map(({ site }) => site)).to.deep.equal(["s3"]);
  });

  it("are looked up without writing, with what there is to say of each", async () => {
    const said: Readonly<Record<string, FoundAddresses>> = {
      s2: at("192.0.2.9"),
      s3: { kind: "unseen", reason: "secret.example is away" },
    };
    const list = readList("Pulumi.shared.yaml", listText(sites));
    const { text, addresses } = await lookUpAddresses(list, {
      find: ({ name }) => Promise.resolve(said[name] ?? none),
    });
    expect(text).to.include("found: [192.0.2.9]");
    expect(addresses).to.deep.equal([
      { said: "s2 is at 192.0.2.9, by its load balancer, and the list has 192.0.2.3", words: "" },
      {
        said: "s3: the list's addresses (192.0.2.4) stay: secret.example is away",
        words: "secret.example is away",
      },
    ]);
  });
});
