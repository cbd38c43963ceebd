import { expect } from "chai";
import { meshStates, reportsOf, watchOf } from "../../../../harness/dashboard/states";
import { MeshWatch, type WatchParts } from "../../../../src/cli/dashboard/mesh-watch";
import type { PageState } from "../../../../src/cli/dashboard/page-state";
import { UserError } from "../../../../src/base/errors";

const states = meshStates();
const fine = states[0]!;
const [report] = reportsOf(fine);

const watch = (parts: Partial<WatchParts>) =>
  new MeshWatch({
    ...{ mesh: fine.mesh, version: "1.2.3", everySeconds: 5, now: () => Date.UTC(2026, 10, 29) },
    look: () => Promise.resolve(report!),
    pause: () => Promise.resolve(),
    ...parts,
  });

describe("what the page is told", () => {
  it("is nothing but that there was no look yet, and then all that status and graph say", async () => {
    const watched = watch({});
    expect(watched.state.known).to.equal(undefined);
    const heard: PageState[] = [];
    const listening = watched.listen((state) => void heard.push(state));
    await watched.lookOnce(1);
    expect(heard).to.deep.equal([watched.state]);
    listening[Symbol.dispose]();
    await watched.lookOnce(2);
    expect(heard).to.have.length(1);
    const { known } = watched.state;
    expect(known?.report.sites.map(({ name }) => name)).to.deep.equal(fine.mesh.sites.map(({ name }) => name));
    expect(known?.graph.nodes).to.have.length(fine.mesh.sites.length);
    expect(known?.verdict).to.deep.include({ kind: "good" });
  });

  it("is what was known, not for fine, when a look fails; and why, in a line", async () => {
    let error: Error | undefined;
    const watched = watch({ look: () => (error === undefined ? Promise.resolve(report!) : Promise.reject(error)) });
    await watched.lookOnce(1);
    error = new UserError("no route\nsecond line with more");
    await watched.lookOnce(2);
    const { known, trouble, history } = watched.state;
    expect(trouble).to.equal("no route");
    expect(known?.verdict.kind).to.equal("doubtful");
    expect(known?.verdict.text).to.match(/since the last look failed$/);
    expect(history.points.map(({ failed }) => failed)).to.deep.equal([undefined, true]);
    error = undefined;
    await watched.lookOnce(3);
    expect([watched.state.trouble, watched.state.known?.verdict.kind]).to.deep.equal([undefined, "good"]);
  });

  it("is of looks that know what the one before them found", async () => {
    const known: unknown[] = [];
    let fails = false;
    const watched = watch({
      look: (_turn, last) => {
        known.push(last);
        return fails ? Promise.reject(new UserError("no route")) : Promise.resolve(report!);
      },
    });
    await watched.lookOnce(1);
    fails = true;
    await watched.lookOnce(2);
    await watched.lookOnce(3);
    expect(known).to.deep.equal([undefined, report, report]);
  });

  it("has nothing in it that would turn or steer a text, whatever sites say", async () => {
    const bad = { ...report!, findings: [{ severity: "wrong" as const, message: "a\u202eb\u001b[2Jc\nd" }] };
    const watched = watch({ look: () => Promise.resolve(bad) });
    await watched.lookOnce(1);
    expect(watched.state.known?.report.findings[0]?.message).to.equal("a\\u{202e}b\\u{1b}[2Jc\\u{a}d");
  });

  it("is wrong where contents differ though serials do not, and doubtful where they could not be compared", async () => {
    const content = { at: "2026-11-29T00:00:00.000Z", copies: 9, differing: [], failures: [] };
    const verdictAfter = async (run: NonNullable<WatchParts["compare"]>["run"]) => {
      const ending = new AbortController();
      const pause = (): Promise<void> => {
        ending.abort();
        return Promise.resolve();
      };
      const watched = watch({ compare: { everySeconds: 600, run }, pause });
      await watched.run(ending.signal);
      return watched.state.known?.verdict;
    };
    expect((await verdictAfter(() => Promise.resolve(content)))?.kind).to.equal("good");
    const differing = { ...content, differing: [{ zone: "example.com", at: ["site-b"] }] };
    const bad = await verdictAfter(() => Promise.resolve(differing));
    expect([bad?.kind, bad?.text]).to.deep.equal([
      "bad",
      `${bad?.text.split("; ")[0] ?? ""}; the content of a zone differs`,
    ]);
    expect((await verdictAfter(() => Promise.reject(new UserError("there is no key"))))?.kind).to.equal("doubtful");
  });

  it("stays small in a mesh of 300 sites and 3000 zones", async () => {
    const large = await watchOf(states.find(({ name }) => name === "300 sites")!);
    await large.lookOnce(99);
    expect(Buffer.byteLength(JSON.stringify(large.state))).to.be.below(1_500_000);
  });
});

describe("the states that the page is looked at in", () => {
  const lastOf = (name: string) => reportsOf(states.find((state) => state.name === name)!).at(-1)!;

  it("are what they are called", () => {
    expect(lastOf("fine").findings).to.deep.equal([]);
    expect(lastOf("link cut").zones.filter(({ behind }) => behind.length > 0)).to.have.length(3);
    expect(
      lastOf("site away")
        .sites.filter(({ answers }) => !answers)
        .map(({ name }) => name),
    ).to.deep.equal(["site-c"]);
    expect(lastOf("held removal").held).to.have.length(4);
    expect(lastOf("expired certificate").findings.map(({ message }) => message)[0]).to.match(
      /certificate of site-b ended/,
    );
  });

  it("are of few sites, and of many", () => {
    const { mesh } = states.find(({ name }) => name === "300 sites")!;
    const zones = mesh.sites.flatMap((site) => site.zones);
    expect([fine.mesh.sites.length, mesh.sites.length, zones.length]).to.deep.equal([4, 300, 3000]);
  });
});
