import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KnotControl } from "../../../../src/knot/control/knot-control";

const item = (index: number, text: string) => Buffer.concat([Buffer.of(16 + index, 0, text.length), Buffer.from(text)]);
const data = Buffer.of(1);
const extra = Buffer.of(2);
const block = Buffer.of(3);

describe("knot control", () => {
  let folder: string;
  let server: Server;
  let asked: Buffer;
  let answer: (socket: Socket) => void;
  const path = () => join(folder, "s");

  beforeEach((done) => {
    folder = mkdtempSync(join(tmpdir(), "ctl-"));
    server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (bytes) => {
        asked = bytes;
        answer(socket);
      });
    });
    server.listen(path(), done);
  });
  afterEach((done) => {
    server.close(() => {
      rmSync(folder, { recursive: true });
      done();
    });
  });

  const failureOf = (work: Promise<unknown>) =>
    work.then(
      () => "no failure",
      (error: unknown) => String(error),
    );

  it("writes a command as Knot's own client does", async () => {
    answer = (socket) => socket.write(block);
    await new KnotControl(path()).zoneRefresh(["a.b", "c"]);
    expect(asked).to.deep.equal(
      Buffer.concat([
        data,
        item(0, "zone-refresh"),
        item(6, "a.b."),
        data,
        item(0, "zone-refresh"),
        item(6, "c."),
        block,
      ]),
    );
  });

  it("knows how long copies are good, also of those whose time is over in this moment", async () => {
    const zone = (name: string, [role = "", serial = "", expiration = ""]: readonly string[]) => [
      ...[data, item(6, name), item(9, "role"), item(10, role)],
      ...[extra, item(6, name), item(9, "serial"), item(10, serial)],
      ...[extra, item(6, name), item(9, "expiration"), item(10, expiration)],
    ];
    const [later, none] = ["+1D2h3m4s", "not scheduled"] as const;
    const due = ["pending(+0s)", "running(-1s)", "pending", "running", "-5s"];
    answer = (socket) =>
      socket.write(
        Buffer.concat([
          ...[
            ...zone("own.", ["master", "7", none]),
            ...zone("a.", ["slave", "7", later]),
            ...zone("b.", ["slave", "7", none]),
          ],
          ...due.flatMap((text) => zone(`${text}.`, ["slave", "7", text])),
          ...[...zone("gone.", ["slave", "-", none]), block],
        ]),
      );
    expect(await new KnotControl(path()).zoneExpiries()).to.deep.equal([
      { zone: "a", seconds: 93_784 },
      { zone: "b", seconds: Infinity },
      ...due.map((zone) => ({ zone, seconds: 0 })),
      { zone: "gone", seconds: undefined },
    ]);
  });

  it("tells zones, serials and catalog membership apart, however the answer is cut", async () => {
    const zone = (name: string, serial: string, catalog: string) => [
      ...[data, item(6, name), item(9, "role"), item(10, "slave")],
      ...[extra, item(6, name), item(9, "serial"), item(10, serial)],
      ...[extra, item(6, name), item(9, "catalog"), item(10, catalog)],
    ];
    answer = (socket) => {
      socket.setNoDelay(true);
      const whole = Buffer.concat([
        ...zone("A.x.", "7", "cat.invalid.#owner-b"),
        ...zone("c.", "-", "interpret"),
        block,
      ]);
      const next = (at: number) => {
        if (at < whole.length) socket.write(whole.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
    };
    expect(await new KnotControl(path()).zoneStatus()).to.deep.equal([
      { zone: "a.x", role: "slave", serial: 7, member: { catalog: "cat.invalid", group: "owner-b" } },
      { zone: "c", role: "slave", serial: undefined },
    ]);
  });

  it("passes Knot's own words on", async () => {
    const refusal = [data, item(0, "zone-reload"), item(2, "no such zone found"), item(6, "nowhere."), block];
    answer = (socket) => socket.write(Buffer.concat(refusal));
    expect(await failureOf(new KnotControl(path()).zoneReload("nowhere"))).to.equal(
      "KnotControlError: Knot refused zone-reload: nowhere: no such zone found",
    );
  });

  it("gives up on a Knot that hangs in the middle of an answer", async () => {
    answer = (socket) => socket.write(Buffer.concat([data, item(6, "a.").subarray(0, 3)]));
    const failure = await failureOf(new KnotControl(path(), { timeoutMs: 50 }).status());
    expect(failure).to.match(/TransientError: .* within 50 ms/);
  });

  it("does not take half an answer for a whole one", async () => {
    answer = (socket) => socket.end(Buffer.concat([data, item(6, "a.")]));
    expect(await failureOf(new KnotControl(path()).zoneStatus())).to.match(/TransientError: .*middle of an answer/);
  });

  it("refuses octets that are none of the protocol", async () => {
    answer = (socket) => socket.end("HTTP/1.1 400 Bad Request");
    expect(await failureOf(new KnotControl(path()).zoneStatus())).to.match(/unknown code 72/);
  });

  it("says so when nobody listens", async () => {
    expect(await failureOf(new KnotControl(join(folder, "none")).reload())).to.match(/TransientError: .*ENOENT/);
  });
});
