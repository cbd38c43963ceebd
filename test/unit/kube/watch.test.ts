import { expect } from "chai";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeClient } from "../../../src/kube/client";
import { watchObjects } from "../../../src/kube/watch";
import { eventually } from "../../../harness/eventually";

const object = (name: string, resourceVersion: string) => ({ kind: "X", metadata: { name, resourceVersion } });
const line = (type: string, of: object): string => `${JSON.stringify({ type, object: of })}\n`;

describe("watching a collection", () => {
  let server: Server;
  /** Queries in their order. */
  let asked: URLSearchParams[];
  /** What is answered, in turn; a watch beyond them stays open. */
  let answers: ((response: ServerResponse) => void)[];
  let told: string[];
  let stop: AbortController;

  const page =
    (names: readonly string[], metadata: object) =>
    (response: ServerResponse): void => {
      response.end(JSON.stringify({ kind: "List", metadata, items: names.map((name) => object(name, "1")) }));
    };
  const say =
    (...lines: readonly string[]) =>
    (response: ServerResponse): void => {
      response.end(lines.join(""));
    };
  const fail =
    (code: number) =>
    (response: ServerResponse): void => {
      response.writeHead(code).end(JSON.stringify({ kind: "Status", code, message: "no" }));
    };

  beforeEach(async () => {
    [asked, told, answers, stop] = [[], [], [], new AbortController()];
    server = createServer((request, response) => {
      asked.push(new URL(request.url ?? "", "http://x").searchParams);
      const answer = answers.shift();
      if (answer) answer(response);
      else response.flushHeaders();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => {
    stop.abort();
    server.closeAllConnections();
    server.close();
  });

  function watch(path = "/apis/x", more: Partial<Parameters<typeof watchObjects>[0]> = {}): Promise<void> {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return watchObjects({
      client: new KubeClient({ url, token: () => Promise.resolve("t"), tries: 1 }),
      ...{ path, signal: stop.signal, random: () => 0, firstPauseMs: 1 },
      onList: (all) => told.push(`list ${all.map(({ metadata }) => metadata?.name ?? "").join(",")}`),
      onChange: ({ metadata }, gone) => told.push(`${gone ? "gone" : "seen"} ${metadata?.name ?? ""}`),
      onTrouble: (tries) => told.push(`trouble ${tries}`),
      ...more,
    });
  }

  const heard = (...expected: string[]): Promise<unknown> =>
    eventually(5, () => Promise.resolve(expect(told).to.deep.equal(expected)), 5);

  it("lists page by page, and watches from there", async () => {
    answers = [page(["a"], { continue: "next" }), page(["b"], { resourceVersion: "7" })];
    void watch();
    await heard("list a,b");
    await eventually(5, () => Promise.resolve(expect(asked).to.have.lengthOf(3)), 5);
    expect(asked[1]?.get("continue")).to.equal("next");
    expect(asked[2]?.get("resourceVersion")).to.equal("7");
  });

  it("selects from it in every request where the path does", async () => {
    answers = [page(["a"], { continue: "next" }), page(["b"], { resourceVersion: "7" })];
    void watch("/apis/x?fieldSelector=metadata.name%3Da");
    await eventually(5, () => Promise.resolve(expect(asked).to.have.lengthOf(3)), 5);
    expect(asked.map((query) => query.get("fieldSelector"))).to.deep.equal(Array(3).fill("metadata.name=a"));
    expect(asked[1]?.get("continue")).to.equal("next");
    expect(asked[2]?.get("watch")).to.equal("true");
  });

  it("goes on where a watch ended, by bookmarks too, without listing again", async () => {
    answers = [
      page([], { resourceVersion: "7" }),
      say(line("ADDED", object("a", "8")), line("DELETED", object("a", "9")), line("BOOKMARK", object("", "12"))),
    ];
    void watch();
    await eventually(5, () => Promise.resolve(expect(asked).to.have.lengthOf(3)), 5);
    await heard("list ", "seen a", "gone a");
    expect(asked[2]?.get("resourceVersion")).to.equal("12");
  });

  it("lists again when its place is no longer known, said either way", async () => {
    const expired = line("ERROR", { kind: "Status", code: 410, message: "too old" });
    answers = [
      ...[page(["a"], { resourceVersion: "7" }), fail(410)],
      ...[page(["b"], { resourceVersion: "8" }), say(expired)],
      page(["c"], { resourceVersion: "9" }),
    ];
    void watch();
    await heard("list a", "list b", "list c");
  });

  it("finds out where it is before each listing, and lists again when that is served no longer", async () => {
    answers = [page(["a"], { resourceVersion: "7" }), fail(404), page(["b"], { resourceVersion: "8" })];
    const bases = ["/v1alpha2", "", "/v1"];
    const paths: string[] = [];
    server.on("request", ({ url = "" }) => paths.push(url.split("?")[0] ?? ""));
    const base = () => {
      const found = bases.shift() ?? "";
      return found === "" ? Promise.reject(new Error("nobody serves it")) : Promise.resolve(found);
    };
    void watch("/x", { base });
    await heard("list a", "trouble 1", "list b", "trouble 0");
    await eventually(5, () => Promise.resolve(expect(paths).to.have.lengthOf(4)), 5);
    expect(paths).to.deep.equal(["/v1alpha2/x", "/v1alpha2/x", "/v1/x", "/v1/x"]);
  });

  it("does not believe a listing that is older than what it saw, until it stays so for minutes", async () => {
    const expired = line("ERROR", { kind: "Status", code: 410, message: "too old" });
    answers = [
      page(["a", "b"], { resourceVersion: "98" }),
      say(line("MODIFIED", object("a", "102")), expired),
      ...[page(["a"], { resourceVersion: "99" }), page(["a"], { resourceVersion: "101" })],
      ...[page(["a", "b"], { resourceVersion: "102" }), fail(410)],
      ...["a", "b", "c"].map((name) => page([name], { resourceVersion: "100" })),
    ];
    let now = 0;
    const elapsed = (): number => now++;
    void watch("/apis/x", { elapsed, olderMs: 2 });
    const later = ["list a,b", "trouble 0", "trouble 1", "trouble 2", "list c", "trouble 0"];
    await heard("list a,b", "seen a", "trouble 1", "trouble 2", ...later);
  });

  it("believes an older listing only when listings were older all the time, and not before and after an outage", async () => {
    const older = page(["a"], { resourceVersion: "100" });
    answers = [
      ...[page(["a", "b"], { resourceVersion: "102" }), fail(410)],
      ...[older, fail(503), older, older, page(["c"], { resourceVersion: "100" })],
    ];
    let now = 0;
    const elapsed = (): number => now++;
    void watch("/apis/x", { elapsed, olderMs: 2 });
    await heard("list a,b", "trouble 1", "trouble 2", "trouble 3", "trouble 4", "list c", "trouble 0");
  });

  for (const [what, listing] of [
    ["an object of another kind", {}],
    ["no items", { metadata: { resourceVersion: "8" } }],
    ["no version", { metadata: {}, items: [] }],
  ] as const)
    it(`takes an answer with ${what} for no listing: it is not "there is nothing"`, async () => {
      answers = [
        page(["a"], { resourceVersion: "7" }),
        fail(410),
        (response) => response.end(JSON.stringify(listing)),
        (response) => response.end(JSON.stringify({ metadata: { resourceVersion: "9" }, items: null })),
      ];
      void watch();
      await heard("list a", "trouble 1", "list ", "trouble 0");
    });

  it("asks again when the API is away, reports it and its end, and keeps its place", async () => {
    answers = [page(["a"], { resourceVersion: "7" }), fail(503), fail(403), say(line("MODIFIED", object("a", "8")))];
    void watch();
    await heard("list a", "trouble 1", "trouble 2", "seen a", "trouble 0");
    expect(asked.slice(1, 4).map((query) => query.get("resourceVersion"))).to.deep.equal(["7", "7", "7"]);
  });

  it("ends when it is told to", async () => {
    answers = [page([], { resourceVersion: "7" })];
    const ended = watch();
    await heard("list ");
    stop.abort();
    await ended;
  });
});
