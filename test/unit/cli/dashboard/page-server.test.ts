import { expect } from "chai";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { PageServer } from "../../../../src/cli/dashboard/page-server";
import type { PageState } from "../../../../src/cli/dashboard/page-state";
import { securityHeaders } from "../../../../src/cli/dashboard/request-guard";

const files = new Map([
  ["/", { type: "text/html; charset=utf-8", text: "<!doctype html><title>mesh</title>" }],
  ["/page.js", { type: "text/javascript; charset=utf-8", text: "0" }],
]);

/** A state whose only content is a number and some weight. */
const stateOf = (everySeconds: number, weight = ""): PageState => ({
  ...{ version: weight, everySeconds },
  history: { points: [], changes: [], lags: [] },
});

/** Stands for a watch: hands on what it is given. */
class Source {
  readonly listeners = new Set<(state: PageState) => void>();
  state = stateOf(0);

  listen(listener: (state: PageState) => void): Disposable {
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => void this.listeners.delete(listener) };
  }

  say(state: PageState): void {
    this.state = state;
    for (const listener of this.listeners) listener(state);
  }
}

describe("the server of the page", () => {
  let source: Source;
  let server: PageServer;
  let port: number;

  beforeEach(async () => {
    source = new Source();
    server = new PageServer({ watch: source, files, hosts: { address: "127.0.0.1", names: [] } });
    port = await server.listen(0);
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const ask = async (
    path: string,
    { method = "GET", ...headers }: Readonly<Record<string, string>> = {},
  ): Promise<IncomingMessage> => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    return response;
  };
  const textOf = async (response: IncomingMessage): Promise<string> => {
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
    return text;
  };
  /** The events of a stream, as they come. */
  const eventsOf = async function* (response: IncomingMessage): AsyncGenerator<string> {
    let rest = "";
    for await (const chunk of response.setEncoding("utf8")) {
      const events = (rest + String(chunk)).split("\n\n");
      rest = events.pop() ?? "";
      yield* events;
    }
  };
  const stateIn = (event: string | undefined): PageState => {
    const [kind, data, ...more] = (event ?? "").split("\n");
    expect([kind, data?.slice(0, 6), more]).to.deep.equal(["event: state", "data: ", []]);
    return JSON.parse(data!.slice(6)) as PageState;
  };

  it("listens at its address alone", async () => {
    const other = connect({ host: "127.0.0.2", port });
    const [error] = (await once(other, "error")) as [NodeJS.ErrnoException];
    expect(error.code).to.equal("ECONNREFUSED");
  });

  it("sends its headers with every answer, refusals and streams among them", async () => {
    for (const [path, headers, status] of [
      ["/", {}, 200],
      ["/page.js?x=1", {}, 200],
      ["/events", {}, 200],
      ["/nowhere", {}, 404],
      ["/../package.json", {}, 404],
      ["/", { host: "evil.example" }, 421],
      ["/events", { host: "evil.example" }, 421],
      ["/events", { origin: "http://evil.example" }, 403],
      ["/", { method: "POST" }, 405],
    ] as const) {
      const response = await ask(path, headers);
      response.destroy();
      expect(response.statusCode, path).to.equal(status);
      for (const [name, value] of Object.entries(securityHeaders)) expect(response.headers[name], path).to.equal(value);
      expect(response.headers["access-control-allow-origin"]).to.equal(undefined);
    }
  });

  it("serves its files with their types, and says nothing of the page to whom it refuses", async () => {
    const page = await ask("/");
    expect([page.headers["content-type"], await textOf(page)]).to.deep.equal([
      "text/html; charset=utf-8",
      files.get("/")?.text,
    ]);
    source.say(stateOf(77));
    expect(await textOf(await ask("/events", { host: "evil.example" }))).not.to.match(/77|event:/);
  });

  it("streams the last state at once, and each further one as an event of its own", async () => {
    source.say(stateOf(1));
    const response = await ask("/events");
    expect(response.headers["content-type"]).to.equal("text/event-stream; charset=utf-8");
    const events = eventsOf(response);
    const next = async () => ((await events.next()) as { value: string }).value;
    expect(await next()).to.match(/^retry: \d+$/);
    expect(stateIn(await next()).everySeconds).to.equal(1);
    source.say(stateOf(2, "a line\nbreak\r\nand \u2028 another"));
    const { everySeconds, version } = stateIn(await next());
    expect([everySeconds, version]).to.deep.equal([2, "a line\nbreak\r\nand \u2028 another"]);
    response.destroy();
  });

  it("keeps one state for whoever reads too slowly, and sends the last", async () => {
    const response = await ask("/events");
    response.pause();
    const weight = "x".repeat(100_000);
    for (let i = 1; i <= 120; i++) source.say(stateOf(i, weight));
    const seen: number[] = [];
    for await (const event of eventsOf(response)) {
      if (!event.startsWith("event:")) continue;
      seen.push(stateIn(event).everySeconds);
      if (seen.at(-1) === 120) break;
    }
    expect(seen.at(-1)).to.equal(120);
    expect(seen.length).to.be.below(110);
  });

  it("has a bounded number of streams, and takes others again when pages were closed", async () => {
    const open = await Promise.all(Array.from({ length: 16 }, () => ask("/events")));
    expect((await ask("/events")).statusCode).to.equal(503);
    expect((await ask("/")).statusCode).to.equal(200);
    for (const response of open) response.destroy();
    for (let i = 0; ; i++) {
      const response = await ask("/events");
      response.destroy();
      if (response.statusCode === 200) break;
      expect(i, "streams that are still taken").to.be.below(500);
    }
  });

  it("ends its streams and listens to nothing when it ends", async () => {
    const response = await ask("/events");
    // It is cut off, which is an error to whoever reads it.
    const closed = once(response, "close").catch(() => undefined);
    response.resume();
    await server[Symbol.asyncDispose]();
    await closed;
    expect(source.listeners.size).to.equal(0);
  });
});
