import { expect } from "chai";
import { UserError } from "../../../src/base/errors";
import { labUsage, parseLabArguments } from "../../../lab/lab-options";
import { type Facts, labProblems, memoryNeed } from "../../../lab/preflight";

describe("options of the lab", () => {
  it("have defaults", () => {
    const plain = { sites: 3, zones: 3, network: "loopback", replicas: 1, hold: false };
    expect(parseLabArguments([])).to.deep.equal(plain);
    expect(parseLabArguments(["--sites", "50"])).to.deep.equal({ ...plain, sites: 50, zones: 50 });
    expect(
      parseLabArguments(["--zones=200", "--topology=hub", "--transport=quic", "--script=x", "--hold", "--replicas=2"]),
    ).to.deep.equal({
      ...plain,
      ...{ zones: 200, topology: "hub", transport: "quic", script: "x", hold: true, replicas: 2 },
    });
  });

  it("ask for help", () => {
    expect(parseLabArguments(["-h"])).to.equal(undefined);
    expect(labUsage()).to.include("--sites N").and.to.include("wait converged");
  });

  const refused: readonly (readonly [args: readonly string[], words: RegExp])[] = [
    [["--sites", "0"], /^--sites must be a whole number from 1 to 3400, not "0"$/],
    [["--sites", "9000"], /from 1 to 3400/],
    [["--sites", "many"], /not "many"/],
    [["--sites", "1.5"], /whole number/],
    [["--zones=-1"], /^--zones must be a whole number from 0/],
    [["--topology", "star"], /^--topology must be full or hub, not "star"$/],
    [["--transport", "udp"], /^--transport must be tls or quic or tcp, not "udp"$/],
    [["--network", "wifi"], /^--network must be loopback or namespaces/],
    [["--replicas", "0"], /^--replicas must be a whole number from 1 to 5/],
    [["--port", "70000"], /^--port must be a whole number from 1 to 65535/],
    [["--site", "3"], /--site.*--help tells what there is/],
    [["50"], /50/],
  ];
  for (const [args, words] of refused) {
    it(`refuse ${args.join(" ")} with the cure`, () => {
      expect(() => parseLabArguments(args)).to.throw(UserError, words);
    });
  }
});

describe("what a machine lacks for a lab", () => {
  const wanted = { sites: 50, zones: 200, network: "loopback", storage: "/tmp" } as const;
  const facts: Facts = {
    ...{ isRoot: false, memoryMiB: 8000, knotProblem: undefined, missing: [], storageProblem: undefined },
  };

  it("is nothing when all is there", () => {
    expect(labProblems(wanted, facts)).to.deep.equal([]);
    expect(labProblems({ ...wanted, network: "namespaces" }, { ...facts, isRoot: true })).to.deep.equal([]);
  });

  it("is reported all at once, each with its cure", () => {
    const poor: Facts = { ...facts, memoryMiB: 512, knotProblem: "no Knot", missing: ["setpriv"] };
    const problems = labProblems({ ...wanted, network: "namespaces" }, poor);
    expect(problems).to.have.length(4);
    expect(problems[0]).to.equal("no Knot");
    expect(problems[1]).to.match(/^setpriv is not on PATH; /);
    expect(problems[2]).to.match(/needs root; without it use --network loopback$/);
    expect(problems[3]).to.match(
      /^50 sites with 200 zones need about \d+ MiB of memory and 512 MiB are available; use/,
    );
  });

  it("is room for more sites than namespaces hold", () => {
    const many = { ...wanted, sites: 1001, network: "namespaces" } as const;
    expect(labProblems(many, { ...facts, isRoot: true, memoryMiB: undefined })).to.have.length(1);
  });

  it("grows with sites and zones", () => {
    expect(memoryNeed({ sites: 100, zones: 100 })).to.be.greaterThan(memoryNeed({ sites: 50, zones: 100 }));
    expect(memoryNeed({ sites: 50, zones: 1000 })).to.be.greaterThan(memoryNeed({ sites: 50, zones: 100 }));
  });
});
