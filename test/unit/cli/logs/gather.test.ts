import { expect } from "chai";
import { eventually } from "../../../../harness/eventually";
import { Follower } from "../../../../src/cli/logs/follow";
import {
  type LogPlace,
  LogReader,
  type LogSource,
  type LogSources,
  type ReadOptions,
} from "../../../../src/cli/logs/gather";
import type { LogEntry } from "../../../../src/cli/logs/log-line";

/** A container whose log a test writes; like a kubelet it cuts times to seconds when it is asked where to begin. */
class Container {
  readonly lines: string[] = [];
  readonly asked: ReadOptions[] = [];
  failure: string | undefined;
  isOver = false;
  /** Ends what is read with follow, as a server that goes away in order. */
  hangUp: () => void = () => undefined;
  readonly #listeners = new Set<(line: string) => void>();

  constructor(
    readonly site: string,
    readonly name: string,
    readonly start = 0,
  ) {}

  /** @param at - The second and its fraction. */
  write(at: string, text: string): void {
    const line = `2026-12-01T08:00:${at}Z ${text}`;
    this.lines.push(line);
    for (const listener of this.#listeners) listener(line);
  }

  get source(): LogSource {
    return {
      origin: { site: this.site, pod: "knot-0", container: this.name },
      key: `${this.site} ${this.name} ${this.start}`,
      isOver: this.isOver,
      read: (options) => this.#read(options),
    };
  }

  async #read(options: ReadOptions): Promise<void> {
    this.asked.push(options);
    if (this.failure !== undefined) throw new Error(this.failure);
    const { sinceMs = 0, tail = Number.POSITIVE_INFINITY, follow, signal, onLine } = options;
    const from = Math.floor(sinceMs / 1000) * 1000;
    const known = this.lines.filter((line) => !(Date.parse(line.split(" ")[0] ?? "") < from));
    for (const line of known.slice(Math.max(0, known.length - tail))) onLine(line);
    if (!follow) return;
    this.#listeners.add(onLine);
    await new Promise<void>((resolve) => {
      this.hangUp = resolve;
      signal.addEventListener("abort", () => {
        resolve();
      });
    });
    this.#listeners.delete(onLine);
  }
}

const placeOf = (site: string, look: () => LogSources | undefined): LogPlace => ({
  site,
  look: () => Promise.resolve().then(look),
});
const placeWith = (...containers: Container[]): LogPlace =>
  placeOf(containers[0]?.site ?? "", () => ({ sources: containers.map(({ source }) => source), failures: [] }));
const messages = (entries: readonly LogEntry[]): string[] => entries.map(({ message }) => message);
const { signal } = new AbortController();

describe("logs of many sites", () => {
  it("come in one order, whoever wrote them", async () => {
    const [a, b] = [new Container("site-a", "knot"), new Container("site-b", "knot")];
    a.write("01.5", "second");
    a.write("03", "fourth");
    b.write("01.25", "first");
    b.write("02", "third");
    const { entries, failures } = await new LogReader([placeWith(a), placeWith(b)], { signal }).gather();
    expect([messages(entries), failures]).to.deep.equal([["first", "second", "third", "fourth"], []]);
  });

  it("name each site and container that cannot be read, and have the others", async () => {
    const [a, b] = [new Container("site-a", "knot"), new Container("site-a", "agent")];
    a.write("01", "here");
    b.failure = "403: forbidden";
    const away = placeOf("site-b", () => {
      throw new Error("the Kubernetes API is away");
    });
    const silent = placeOf("site-c", () => ({ sources: [], failures: ["site-c: dns-system has no pod of the mesh"] }));
    const { entries, failures } = await new LogReader([placeWith(a, b), away, silent], { signal }).gather();
    expect(messages(entries)).to.deep.equal(["here"]);
    expect(failures).to.deep.equal([
      "site-a/knot-0 agent: 403: forbidden",
      "site-b: the Kubernetes API is away",
      "site-c: dns-system has no pod of the mesh",
    ]);
  });

  it("do not take what a kubelet says in a log's place for a log", async () => {
    const a = new Container("site-a", "knot");
    a.lines.push("unable to retrieve container logs for containerd://0123");
    const { entries, failures } = await new LogReader([placeWith(a)], { signal }).gather();
    expect(entries).to.deep.equal([]);
    expect(failures).to.deep.equal(["site-a/knot-0 knot: unable to retrieve container logs for containerd://0123"]);
  });

  it("begin when they are asked to, to the millisecond", async () => {
    const a = new Container("site-a", "knot");
    for (const at of ["01.1", "01.5", "01.9"]) a.write(at, at);
    const sinceMs = Date.parse("2026-12-01T08:00:01.500Z");
    const { entries } = await new LogReader([placeWith(a)], { signal, sinceMs }).gather();
    expect(messages(entries)).to.deep.equal(["01.5", "01.9"]);
  });

  it("have so many last lines of each container as are asked for, of those that are wanted", async () => {
    const [a, b] = [new Container("site-a", "knot"), new Container("site-b", "knot")];
    for (const at of ["01", "02", "03", "04"]) for (const each of [a, b]) each.write(at, `${each.site} ${at}`);
    const places = [placeWith(a), placeWith(b)];
    const last = await new LogReader(places, { signal, tail: 1 }).gather();
    expect(messages(last.entries)).to.have.members(["site-a 04", "site-b 04"]);
    expect(a.asked.at(-1)?.tail).to.equal(1);
    const wanted = ({ message }: LogEntry): boolean => /0[12]$/.test(message);
    const some = await new LogReader(places, { signal, tail: 1, wanted }).gather();
    expect(messages(some.entries)).to.have.members(["site-a 02", "site-b 02"]);
    expect(a.asked.at(-1)?.tail).to.equal(undefined);
  });
});

describe("logs that are followed", () => {
  let ending: AbortController;
  let seen: string[];
  let troubles: string[];
  let followed: Promise<void> | undefined;
  beforeEach(() => {
    ending = new AbortController();
    [seen, troubles, followed] = [[], [], undefined];
  });
  afterEach(async () => {
    ending.abort();
    await followed;
  });

  /** Reads what there is, and follows from there. */
  async function follow(...places: LogPlace[]): Promise<void> {
    const reader = new LogReader(places, { signal: ending.signal });
    const { entries, failures } = await reader.gather();
    seen.push(...messages(entries));
    const listener = {
      onEntries: (more: readonly LogEntry[]) => void seen.push(...messages(more)),
      onTrouble: (line: string) => void troubles.push(line),
    };
    followed = new Follower(reader, listener, { said: failures, holdMs: 20, lookMs: 10 }).run();
  }
  const shows = (what: () => unknown, expected: unknown): Promise<void> =>
    eventually(
      5,
      () => {
        expect(what()).to.deep.equal(expected);
      },
      5,
    );

  it("go on with each line once, also after the server hung up and among lines of one moment", async () => {
    const a = new Container("site-a", "knot");
    a.write("01.1", "one");
    a.write("01.1", "two");
    await follow(placeWith(a));
    await shows(() => a.asked.length, 2);
    a.write("01.1", "three");
    await shows(() => seen, ["one", "two", "three"]);
    a.hangUp();
    a.write("01.2", "four");
    await shows(() => a.asked.length >= 3, true);
    await shows(() => seen, ["one", "two", "three", "four"]);
    expect(troubles).to.deep.equal([]);
  });

  it("have those of a container that starts later, and of one that was started again", async () => {
    const first = new Container("site-a", "knot");
    const containers = [first];
    first.write("01", "started");
    await follow(placeOf("site-a", () => ({ sources: containers.map(({ source }) => source), failures: [] })));
    const again = new Container("site-a", "knot", 1);
    again.write("02", "started again");
    containers.splice(0, 1, again);
    await shows(() => seen, ["started", "started again"]);
  });

  it("read a container that has ended once, to its end", async () => {
    const job = new Container("site-a", "reconciler");
    job.write("01", "all in order");
    job.isOver = true;
    await follow(placeWith(job));
    await shows(() => job.asked.length, 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([job.asked.length, seen]).to.deep.equal([2, ["all in order"]]);
  });

  it("say once that a site is away, not what was said before, and when it is back", async () => {
    const a = new Container("site-a", "knot");
    let away = true;
    const place = placeOf("site-a", () => {
      if (away) throw new Error("the Kubernetes API is away");
      return { sources: [a.source], failures: [] };
    });
    await follow(place);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(troubles).to.deep.equal([]);
    a.write("01", "back");
    away = false;
    await shows(() => seen, ["back"]);
    expect(troubles).to.deep.equal(["site-a: is read again"]);
    away = true;
    await shows(() => troubles, ["site-a: is read again", "site-a: the Kubernetes API is away"]);
  });

  it("end when every place is gone, with what was written last", async () => {
    const a = new Container("site-a", "knot");
    let isThere = true;
    await follow(placeOf("site-a", () => (isThere ? { sources: [a.source], failures: [] } : undefined)));
    await shows(() => a.asked.length, 2);
    a.write("01", "the last one");
    isThere = false;
    a.hangUp();
    await followed;
    expect(seen).to.deep.equal(["the last one"]);
  });
});
