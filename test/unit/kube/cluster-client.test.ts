import { expect } from "chai";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubeClient } from "../../../src/kube/client";
import { clusterClient, requireCluster, sharedClient } from "../../../src/kube/cluster-client";
import { agentThrough, proxyOf } from "../../../src/kube/proxy";
import { issue, makeAuthority } from "../../../harness/certificates";
import { UserError } from "../../../src/base/errors";

describe("a client by a kubeconfig", () => {
  const ca = makeAuthority();
  const own = issue({ ca, name: "api", ips: ["127.0.0.1"] });
  const person = issue({ ca, name: "somebody" });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  let folder: string;
  let server: Server;

  /** Tells who asked: by certificate, and by token. */
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-client-"));
    const options = { cert: own.cert, key: own.key, ca: ca.cert, requestCert: true, rejectUnauthorized: false };
    server = createServer(options, (request, response) => {
      const { subject } = (request.socket as unknown as Pick<TLSSocket, "getPeerCertificate">).getPeerCertificate() as {
        subject?: { CN?: string };
      };
      response.end(JSON.stringify({ asked: [subject?.CN ?? null, request.headers.authorization ?? null] }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    writeFileSync(join(folder, "ca.pem"), ca.cert);
    writeFileSync(join(folder, "who.pem"), person.cert);
    writeFileSync(join(folder, "who.key"), person.key);
    writeFileSync(join(folder, "token"), "from-a-file\n");
  });
  after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  function script(name: string, text: string): { apiVersion: string; command: string } {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o700 });
    return { apiVersion: "client.authentication.k8s.io/v1", command: `./${name}` };
  }

  async function asked(user: object, cluster?: object): Promise<unknown> {
    return (await (await clientFor(user, cluster)).get("/who"))?.["asked"];
  }

  function clientFor(user: object, cluster?: object): Promise<KubeClient> {
    return clusterClient(choiceOf(user, cluster));
  }

  function choiceOf(user: object, cluster: object = { "certificate-authority": "ca.pem" }) {
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const kubeconfig = join(folder, "config");
    const document = {
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster: { server: url, ...cluster } }],
      users: [{ name: "u", user }],
    };
    writeFileSync(kubeconfig, JSON.stringify(document));
    return { kubeconfig, context: "c" };
  }

  it("shows a token, or a certificate, from the kubeconfig or from files beside it", async () => {
    expect(await asked({ token: "a-token" })).to.deep.equal([null, "Bearer a-token"]);
    expect(await asked({ tokenFile: "token" })).to.deep.equal([null, "Bearer from-a-file"]);
    expect(await asked({ "client-certificate": "who.pem", "client-key": "who.key" })).to.deep.equal(["somebody", null]);
    const inline = { "client-certificate-data": base64(person.cert), "client-key-data": base64(person.key) };
    expect(await asked(inline, { "certificate-authority-data": base64(ca.cert) })).to.deep.equal(["somebody", null]);
  });

  it("asks a program who somebody is, and gives it what it wants to know", async () => {
    const exec = {
      ...script(
        "who",
        `[ "$ROLE:$1" = admin:--as ] && printf '{"status":{"token":"%s"}}' "$(echo "$KUBERNETES_EXEC_INFO" | tr -d '"' | cut -c1-40)"`,
      ),
      args: ["--as"],
      env: [{ name: "ROLE", value: "admin" }],
    };
    expect(await asked({ exec })).to.deep.equal([null, "Bearer {apiVersion:client.authentication.k8s.io"]);
  });

  it("asks that program once, and connects once, for whoever looks again and again with the same settings", async () => {
    let connections = 0;
    const count = (): void => void (connections += 1);
    server.on("secureConnection", count);
    const exec = script("counted", `echo x >> ${join(folder, "calls")}; echo '{"status":{"token":"t"}}'`);
    const choice = choiceOf({ exec });
    for (let i = 0; i < 3; i++) await (await sharedClient(choice)).get("/who");
    const calls = readFileSync(join(folder, "calls"), "utf8");
    await (await sharedClient({ ...choice })).get("/who");
    server.off("secureConnection", count);
    expect([calls, connections]).to.deep.equal(["x\n", 2]);
  });

  it("checks the server's certificate unless told otherwise, under the name that is given", async () => {
    const failure = (cluster: object) =>
      asked({ token: "t" }, cluster).then(
        () => "",
        (error: unknown) => String(error),
      );
    expect(await failure({})).to.match(/certificate/);
    expect(await failure({ "insecure-skip-tls-verify": true })).to.equal("");
    expect(await failure({ "certificate-authority": "ca.pem", "tls-server-name": "api" })).to.equal("");
    expect(await failure({ "certificate-authority": "ca.pem", "tls-server-name": "other" })).to.match(/other/);
  });

  it("names a program that fails, and shows nothing of what it printed", async () => {
    for (const text of ["echo a-secret; echo a-secret >&2; exit 3", "echo a-secret"]) {
      const error = await asked({ exec: script("bad", text) }).catch((reason: unknown) => reason);
      expect(String(error)).to.match(/"\.\/bad".*failed: (it ended with 3|what it printed is no JSON)/);
      expect(String(error)).not.to.contain("a-secret");
    }
  });

  it("goes through the proxy that the kubeconfig names, HTTP or SOCKS, and not past it", async () => {
    for (const [kind, proxy] of [
      ["http", await httpProxy()],
      ["socks5", await socksProxy()],
    ] as const) {
      const cluster = { "certificate-authority": "ca.pem", "proxy-url": `${kind}://${proxy.address}` };
      expect(await asked({ token: "t" }, cluster), kind).to.deep.equal([null, "Bearer t"]);
      const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      expect(proxy.targets, kind).to.deep.equal([target]);
      const lines: string[] = [];
      const listen = { onLine: (line: string) => void lines.push(line), withRest: true, silenceMs: 5000 };
      const client = await clientFor({ token: "t" }, cluster);
      await client.stream("/who", { ...listen, signal: new AbortController().signal });
      expect([proxy.targets, lines], kind).to.deep.equal([[target, target], ['{"asked":[null,"Bearer t"]}']]);
      proxy.close();
      const error = await asked({ token: "t" }, cluster).catch((reason: unknown) => reason);
      expect(String(error), kind).to.contain("ECONNREFUSED");
    }
  });
});

function kubeconfig(server: string, proxy?: string): string {
  return JSON.stringify({
    contexts: [{ name: "site-a", context: { cluster: "a", user: "admin" } }],
    clusters: [{ name: "a", cluster: { server, ...(proxy !== undefined && { "proxy-url": proxy }) } }],
    users: [{ name: "admin", user: { token: "hidden" } }],
  });
}

/** A proxy, and what it was asked to connect to. */
interface TestProxy {
  readonly address: string;
  readonly targets: string[];
  readonly close: () => void;
}

async function listening(server: HttpServer | TcpServer, targets: string[]): Promise<TestProxy> {
  const open: Duplex[] = [];
  server.on("connection", (socket: Duplex) => open.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { address, targets, close };
}

/** Tunnels what CONNECT asks for (RFC 9110 section 9.3.6), or answers with another status. */
function httpProxy(status = 200): Promise<TestProxy> {
  const targets: string[] = [];
  const server = createHttpServer().on("connect", (request: IncomingMessage, socket: Duplex) => {
    targets.push(request.url ?? "");
    const [host = "", port] = (request.url ?? "").split(":");
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const upstream = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    return upstream;
  });
  return listening(server, targets);
}

/** SOCKS 5 without a password, to IPv4 addresses (RFC 1928). */
function socksProxy(): Promise<TestProxy> {
  const targets: string[] = [];
  const server = createTcpServer((socket) => {
    socket.once("data", () => {
      socket.write(Buffer.from([5, 0]));
      socket.once("data", (request) => {
        const host = [...request.subarray(4, 8)].join(".");
        const port = request.readUInt16BE(8);
        targets.push(`${host}:${port}`);
        const upstream = connect(port, host, () => {
          socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
          upstream.pipe(socket).pipe(upstream);
        });
      });
    });
  });
  return listening(server, targets);
}

describe("the proxy on the way to a cluster", () => {
  const names = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"];
  let before: (string | undefined)[];
  beforeEach(() => {
    before = names.map((name) => process.env[name]);
    for (const name of names) Reflect.deleteProperty(process.env, name);
  });
  afterEach(() => {
    names.forEach((name, at) => {
      const value = before[at];
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    });
  });

  it("is the kubeconfig's, else the environment's, and none to this machine", () => {
    const server = "https://api.example:6443";
    expect(proxyOf({ server })).to.equal(undefined);
    process.env["HTTPS_PROXY"] = "http://proxy.example:3128";
    expect(proxyOf({ server })).to.equal("http://proxy.example:3128");
    expect(proxyOf({ server, "proxy-url": "socks5://other.example:1080" })).to.equal("socks5://other.example:1080");
    for (const here of ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"])
      expect(proxyOf({ server: here }), here).to.equal(undefined);
    process.env["NO_PROXY"] = ".example";
    expect(proxyOf({ server })).to.equal(undefined);
  });

  it("is refused when it is of a kind that is not known, without its password", async () => {
    const error: unknown = await agentThrough("ftp://me:a-secret@proxy.example").catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(UserError);
    expect(String(error)).to.contain("proxy.example").and.not.to.contain("a-secret");
  });
});

describe("reaching a cluster", () => {
  let folder: string;
  let path: string;
  let listener: TcpServer;
  let port: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dns-mesh-reach-"));
    path = join(folder, "config");
    listener = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    port = (listener.address() as { port: number }).port;
  });

  afterEach(() => {
    listener.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function failure(choice: { kubeconfig: string; context: string }): Promise<string> {
    const error: unknown = await requireCluster(choice, 500).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(UserError);
    return (error as UserError).message;
  }

  it("accepts a server that takes connections", async () => {
    writeFileSync(path, kubeconfig(`https://127.0.0.1:${port}`));
    expect(await requireCluster({ kubeconfig: path, context: "site-a" })).to.equal(path);
  });

  it("asks through the proxy that stands before a server, and names it without its password", async () => {
    const own = issue({ ca: makeAuthority(), name: "api", ips: ["127.0.0.1"] });
    const api = createServer({ cert: own.cert, key: own.key }, (_, response) => response.writeHead(401).end());
    const { address: target, close } = await listening(api, []);
    const open = await httpProxy();
    const closed = await httpProxy(502);
    const through = (proxy: string): void => {
      writeFileSync(path, kubeconfig(`https://${target}`, `http://me:a-secret@${proxy}`));
    };
    through(open.address);
    expect(await requireCluster({ kubeconfig: path, context: "site-a" })).to.equal(path);
    expect(open.targets).to.deep.equal([target]);
    through(closed.address);
    const message = await failure({ kubeconfig: path, context: "site-a" });
    expect(message).to.contain(`through the proxy ${closed.address}: the proxy answers 502`);
    expect(message).not.to.contain("a-secret");
    for (const end of [close, open.close, closed.close]) end();
  });

  it("names the contexts that there are when the wanted one is not among them", async () => {
    writeFileSync(path, kubeconfig(`https://127.0.0.1:${port}`));
    expect(await failure({ kubeconfig: path, context: "nowhere" })).to.contain('"nowhere" (it has site-a)');
  });

  it("says that a server refuses, and that nothing was changed", async () => {
    await new Promise<void>((resolve) =>
      listener.close(() => {
        resolve();
      }),
    );
    writeFileSync(path, kubeconfig(`https://127.0.0.1:${port}`));
    expect(await failure({ kubeconfig: path, context: "site-a" })).to.match(
      /unreachable: .*ECONNREFUSED.*Nothing was changed/,
    );
  });

  it("says that a kubeconfig is missing", async () => {
    expect(await failure({ kubeconfig: join(folder, "none"), context: "site-a" })).to.contain("no kubeconfig");
  });

  it("shows nothing of a file that is not YAML", async () => {
    writeFileSync(path, "token: 'hidden\n  : [");
    expect(await failure({ kubeconfig: path, context: "site-a" })).not.to.contain("hidden");
  });
});
