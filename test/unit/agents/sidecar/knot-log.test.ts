import { expect } from "chai";
import { appendFile, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KnotLog, type KnotLogOptions } from "../../../../src/agents/sidecar/knot-log";

describe("what Knot says of zones", () => {
  let folder: string;
  let path: string;
  let now: number;
  let passed: string[];
  let warned: string[];
  let fields: unknown[];
  let sink: KnotLogOptions["log"];
  let log: KnotLog;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "knot-log-"));
    path = join(folder, "zones.log");
    [now, passed, warned, fields] = [0, [], [], []];
    const info = (message: string, said?: object): void => {
      passed.push(message);
      fields.push(said);
    };
    const warn = (message: string, fields?: object): void =>
      void warned.push(`${message} ${Object.values(fields ?? {}).join()}`);
    sink = { info, warn };
    log = new KnotLog({ path, now: () => now, log: sink });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const line = (level: string, text: string) => `2026-11-28T17:03:42+0000 ${level}: ${text}\n`;

  it("is passed on where it refuses or changes something, and not where it permits", async () => {
    const denied = "[ex.] ACL, denied, action transfer, remote 127.0.0.1@60003 TCP, key k2.";
    const changed = "[ex.] DDNS, finished, serial 1 -> 2, 0.00 seconds";
    const given =
      "[ex.] AXFR, outgoing, remote 127.0.0.1@1 TCP, key k1., finished, 0.00 seconds, 1 messages, 197 bytes";
    await appendFile(
      path,
      [
        line("debug", "[ex.] ACL, allowed, action transfer, remote 127.0.0.1@60755 TCP, key k1."),
        line("info", "[ex.] IXFR, outgoing, remote 127.0.0.1@60685 TCP, key k1., zone is up-to-date, serial 1"),
        line(
          "info",
          "[ex.] refresh, remote 127.0.0.1@53 TLS, remote serial 7, zone is up-to-date, expires in 9 seconds",
        ),
        line("debug", "[ex.] refresh timer trimmed to 'refresh-min-interval'"),
        line("debug", denied),
        line("warning", "[ex.] refresh, failed (no usable master)"),
        line("info", changed),
        line("info", given),
        "2026-11-28T17:03:42+0000 debug: [ex.] TSIG, key 'k1.', verif",
      ].join(""),
    );
    await log.look();
    expect(passed).to.deep.equal([denied, changed, given]);
    await appendFile(path, "ication failed 'BADSIG'\n");
    await log.look();
    expect(passed.at(-1)).to.equal("[ex.] TSIG, key 'k1.', verification failed 'BADSIG'");
    await log.look();
    expect(passed).to.have.length(4);
  });

  it("is taken out of the file once it was read, and goes on after that", async () => {
    await appendFile(path, line("debug", "[ex.] ACL, allowed, action query").repeat(2000));
    await log.look();
    expect((await stat(path)).size).to.equal(0);
    await appendFile(path, line("info", "[ex.] one"));
    await log.look();
    expect(passed).to.deep.equal(["[ex.] one"]);
  });

  it("is bounded, however much a stranger causes", async () => {
    await appendFile(path, line("debug", "[ex.] ACL, denied, action transfer").repeat(1000));
    await log.look();
    expect(passed).to.have.length(200);
    now = 60_000;
    await appendFile(path, line("debug", "[ex.] ACL, denied, action notify"));
    await log.look();
    expect(passed.at(-1)).to.equal("[ex.] ACL, denied, action notify");
    expect(warned).to.deep.equal(["refusals in Knot's log were left out 800"]);
    await appendFile(path, line("debug", "[ex.] ACL, allowed, action query").repeat(50_000));
    await log.look();
    expect(warned.at(-1)).to.match(/^too much of Knot's log to pass on \d+$/);
    expect((await stat(path)).size).to.equal(0);
  });

  it("is counted: what was refused, what was transferred, and what no primary gave", async () => {
    const of = "remote 127.0.0.1@60003 TLS, key k1.,";
    await appendFile(
      path,
      [
        line("debug", "[ex.] ACL, denied, action transfer, remote 127.0.0.1@60003 TCP, key k2."),
        line("debug", "[ex.] ACL, denied, action update, remote 127.0.0.1@60003, key k2."),
        line("debug", "[ex.] TSIG, key 'k1.', verification failed 'BADSIG'"),
        line("debug", "[ex.] ACL, allowed, action transfer, remote 127.0.0.1@60755 TCP, key k1."),
        line("info", `[ex.] AXFR, outgoing, ${of} started, serial 7`),
        line("info", `[ex.] AXFR, outgoing, ${of} finished, 0.00 seconds, 1 messages, 197 bytes`),
        line("info", `[ex.] IXFR, incoming, ${of} finished, 0.00 seconds, 1 messages, 197 bytes`),
        line("warning", `[ex.] IXFR, incoming, ${of} malformed response SOA`),
        line("error", "[ex.] refresh, failed (no usable master), next retry at 2026-11-28T17:03:42+0000"),
      ].join(""),
    );
    await log.look();
    const { refused, transfers, refreshFailures } = log.counts;
    expect(Object.fromEntries(refused)).to.deep.equal({ query: 0, transfer: 1, notify: 0, update: 1, signature: 1 });
    expect(transfers.map(({ direction, result, count }) => `${direction} ${result} ${count}`)).to.deep.equal([
      "in finished 1",
      "in failed 1",
      "out finished 1",
      "out failed 0",
    ]);
    expect(refreshFailures).to.equal(1);
  });

  it("says in fields of its own which zone, serial, server and key it is about", async () => {
    await appendFile(
      path,
      [
        line("debug", "[ex.ample.] ACL, denied, action transfer, remote 2001:db8::1@60003 TCP, key k2."),
        line("debug", "[ex.] TSIG, key 'k1.', verification failed 'BADSIG'"),
        line("info", "[.] zone file updated, serial none -> 8"),
        line("info", "[ex.] refresh, remote 127.0.0.1@53 TLS, key k1., remote serial 9, zone is outdated"),
      ].join(""),
    );
    await log.look();
    expect(fields).to.deep.equal([
      { from: "knot", zone: "ex.ample", action: "transfer", remote: "2001:db8::1", key: "k2" },
      { from: "knot", zone: "ex", key: "k1" },
      { from: "knot", zone: ".", serial: 8 },
      { from: "knot", zone: "ex", serial: 9, remote: "127.0.0.1", key: "k1" },
    ]);
  });

  it("names the server behind a socket of the agent's by its address", async () => {
    const known = new Map([["/rundir/to/peer-b", "192.0.2.2@853"]]);
    const named = new KnotLog({ path, now: () => 0, log: sink, behind: (socket) => known.get(socket) });
    await appendFile(
      path,
      [
        line("info", "[ex.] IXFR, incoming, remote /rundir/to/peer-b TLS, key k1., started"),
        line("info", "[ex.] refresh, remote peer-b, address /rundir/to/peer-b, failed (connection reset)"),
        line("info", "[ex.] refresh, remote peer-c, address /rundir/to/peer-c, failed (not exists)"),
      ].join(""),
    );
    await named.look();
    expect(passed).to.deep.equal([
      "[ex.] IXFR, incoming, remote 192.0.2.2@853 TLS, key k1., started",
      "[ex.] refresh, remote peer-b, address 192.0.2.2@853, failed (connection reset)",
      "[ex.] refresh, remote peer-c, address /rundir/to/peer-c, failed (not exists)",
    ]);
    expect(fields[0]).to.deep.equal({ from: "knot", zone: "ex", remote: "192.0.2.2", key: "k1" });
  });

  it("is waited for until Knot makes the file", async () => {
    const ending = new AbortController();
    const run = log.run(ending.signal);
    ending.abort();
    await run;
    expect(passed).to.deep.equal([]);
  });
});
