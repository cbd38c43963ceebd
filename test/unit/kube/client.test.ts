import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { UserError } from "../../../src/base/errors";
import { KubeError } from "../../../src/kube/answer";
import { inClusterOptions, KubeClient } from "../../../src/kube/client";

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const notFound = { kind: "Status", reason: "NotFound", message: 'configmaps "x" not found', code: 404 };

describe("Kubernetes client", () => {
  let server: Server;
  let asked: Asked[];
  /** What is answered, in turn; the last one again and again. */
  let answers: ((response: ServerResponse) => void)[];
  const token = "the-token-that-nobody-may-see";

  const say =
    (status: number, body: unknown, headers: Record<string, string> = {}) =>
    (response: ServerResponse) => {
      response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
    };

  beforeEach((done) => {
    asked = [];
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        asked.push({ method: request.method!, url: request.url!, headers: request.headers, body });
        (answers.length > 1 ? answers.shift()! : answers[0]!)(response);
      });
    });
    server.listen(0, "127.0.0.1", done);
  });
  afterEach((done) => {
    server.closeAllConnections();
    server.close(done);
  });

  const client = (options: { timeoutMs?: number; token?: () => Promise<string>; tokenMs?: number } = {}) =>
    new KubeClient({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      token: () => Promise.resolve(token),
      backOffMs: 1,
      ...options,
    });
  const failureOf = async (work: Promise<unknown>): Promise<KubeError> => {
    const error: unknown = await work.then(
      () => expect.fail("should have failed"),
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(KubeError);
    return error as KubeError;
  };

  it("reads an object with the token of that moment", async () => {
    answers = [say(200, { kind: "ConfigMap", data: { a: "b" } })];
    const tokens = ["one", "two"];
    const kube = client({ token: () => Promise.resolve(tokens.shift()!) });
    expect((await kube.get("/api/v1/x"))?.["data"]).to.deep.equal({ a: "b" });
    await kube.get("/api/v1/x");
    expect(asked.map(({ headers }) => headers.authorization)).to.deep.equal(["Bearer one", "Bearer two"]);
    expect(kube.counters).to.deep.equal({ reads: 2, writes: 0 });
  });

  it("takes an object that does not exist for none", async () => {
    answers = [say(404, notFound)];
    expect(await client().get("/api/v1/x")).to.equal(undefined);
    expect(asked).to.have.length(1);
  });

  it("applies on the server's side, as its own field manager and by force", async () => {
    answers = [say(200, { metadata: { generation: 7 } })];
    const kube = client();
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" }, data: { ü: "1" } };
    expect((await kube.apply("/api/v1/x", object, "me")).metadata?.generation).to.equal(7);
    const [{ method, url, headers, body }] = asked as [Asked];
    expect({ method, url }).to.deep.equal({ method: "PATCH", url: "/api/v1/x?fieldManager=me&force=true" });
    expect(headers["content-type"]).to.equal("application/apply-patch+yaml");
    expect(JSON.parse(body)).to.deep.equal(object);
    expect(kube.counters).to.deep.equal({ reads: 0, writes: 1 });
  });

  it("tries again what may pass by itself, and counts each try", async () => {
    answers = [say(503, "busy"), (response) => response.destroy(), say(201, { kind: "Event" })];
    const kube = client();
    await kube.create("/api/v1/events", { kind: "Event" });
    expect(asked.map(({ method }) => method)).to.deep.equal(["POST", "POST", "POST"]);
    expect(kube.counters.writes).to.equal(3);
  });

  it("takes an object that an earlier try made for made", async () => {
    answers = [say(500, "lost"), say(409, { reason: "AlreadyExists", message: "there" })];
    await client().create("/api/v1/events", { kind: "Event" });
  });

  it("gives up after three tries", async () => {
    answers = [say(429, { message: "slow down" }, { "retry-after": "0" })];
    expect((await failureOf(client().get("/x"))).message).to.equal("GET /x: 429: slow down");
    expect(asked).to.have.length(3);
  });

  it("does not repeat what is forbidden, and reports why in the API's words", async () => {
    answers = [say(403, { reason: "Forbidden", message: "events is forbidden" })];
    const error = await failureOf(client().apply("/api/v1/x", {}, "me"));
    expect(error).to.include({
      status: 403,
      reason: "Forbidden",
      message: "PATCH /api/v1/x: 403: events is forbidden",
    });
    expect(asked).to.have.length(1);
  });

  it("does not take half an answer, or one that is no object", async () => {
    answers = [say(200, "<html>")];
    expect((await failureOf(client().get("/x"))).message).to.contain("no JSON object");
    answers = [
      (response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write('{"kind":"ConfigMap"}');
        setImmediate(() => response.destroy());
      },
    ];
    expect((await failureOf(client().get("/x"))).message).to.contain("the Kubernetes API is away");
  });

  it("waits no longer than its limit", async () => {
    answers = [() => undefined];
    expect((await failureOf(client({ timeoutMs: 20 }).get("/x"))).message).to.contain("within 20 ms");
  });

  it("sends nothing once its signal is given, and reports the same of what was under way", async () => {
    const told = new AbortController();
    answers = [
      () => {
        told.abort();
      },
      say(200, {}),
    ];
    const whole = client();
    const kube = whole.until(told.signal);
    const merging = failureOf(kube.merge("/x", { data: 1 }, "me"));
    expect((await merging).message).to.equal("PATCH /x: aborted");
    expect((await failureOf(kube.merge("/x", { data: 2 }, "me"))).message).to.equal("PATCH /x: aborted");
    expect(asked.map(({ body }) => body)).to.deep.equal(['{"data":1}']);
    expect(kube.counters).to.deep.equal({ reads: 0, writes: 1 });
    await whole.merge("/x", { data: 3 }, "me");
    expect([asked.at(-1)?.body, whole.counters]).to.deep.equal(['{"data":3}', { reads: 0, writes: 2 }]);
  });

  it("does not wait for a further try when its signal is given", async () => {
    const told = new AbortController();
    answers = [say(503, {}, { "retry-after": "5" })];
    const kube = client().until(told.signal);
    const reading = failureOf(kube.get("/x"));
    while (asked.length === 0) await new Promise(setImmediate);
    setTimeout(() => {
      told.abort();
    }, 20);
    await reading;
    expect(asked).to.have.length(1);
  });

  it("does not begin a stream whose signal is given already", async () => {
    answers = [say(200, {})];
    const [onLine, silenceMs] = [() => undefined, 1000];
    await failureOf(client().stream("/x", { onLine, silenceMs, signal: AbortSignal.abort() }));
    await failureOf(
      client().until(AbortSignal.abort()).stream("/x", { onLine, silenceMs, signal: new AbortController().signal }),
    );
    expect(asked).to.deep.equal([]);
  });

  it("keeps a token for as long as is set, but no failure to read one", async () => {
    answers = [say(200, {})];
    const tokens = [undefined, "one", "two"];
    const read = async (): Promise<string> => Promise.resolve(tokens.shift() ?? Promise.reject(new Error("no file")));
    const kube = client({ token: read, tokenMs: 60_000 });
    expect(await kube.get("/x").catch((error: unknown) => String(error))).to.equal("Error: no file");
    await kube.get("/x");
    await kube.get("/x");
    expect(asked.map(({ headers }) => headers.authorization)).to.deep.equal(["Bearer one", "Bearer one"]);
  });

  it("never shows its token", async () => {
    answers = [say(401, { message: "Unauthorized" })];
    const refused = await failureOf(client().get("/x"));
    const odd = await failureOf(client({ token: () => Promise.resolve(`${token}\n!`) }).get("/x"));
    for (const error of [refused, odd]) {
      for (let at: unknown = error; at instanceof Error; at = at.cause) {
        expect(`${at.message} ${JSON.stringify(at)} ${at.stack ?? ""}`).not.to.contain(token);
      }
    }
  });

  describe("inside a pod", () => {
    let mount: string;
    beforeEach(() => {
      mount = mkdtempSync(join(tmpdir(), "account-"));
    });
    afterEach(() => {
      rmSync(mount, { recursive: true });
    });

    it("goes by address, with the mounted root and the token as it is then", async () => {
      writeFileSync(join(mount, "ca.crt"), "PEM");
      const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };
      const options = await inClusterOptions(env, mount);
      expect(options).to.include({ url: "https://[fd00::1]:6443", ca: "PEM" });
      for (const text of ["old", "new"]) {
        writeFileSync(join(mount, "token"), `${text}\n`);
        expect(await options.token()).to.equal(text);
      }
    });

    it("says what is missing", async () => {
      const tell = async (env: Record<string, string>) => {
        const error: unknown = await inClusterOptions(env, mount).catch((reason: unknown) => reason);
        expect(error).to.be.instanceOf(UserError);
        return (error as UserError).message;
      };
      expect(await tell({})).to.contain("KUBERNETES_SERVICE_HOST is not set");
      expect(await tell({ KUBERNETES_SERVICE_HOST: "10.0.0.1" })).to.contain("automountServiceAccountToken");
    });
  });
});
