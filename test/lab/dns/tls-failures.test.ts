import { expect } from "chai";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";

import { encodeMessage, noFlags, decodeMessage } from "../../../src/dns/message";
import { frameMessage } from "../../../src/dns/framing";
import { DnsClient, type DnsServer, type DnsTls } from "../../../src/dns/client/dns-client";
import {
  type Identity,
  issue,
  type IssueOptions,
  makeAuthority,
  tlsFiles,
  writeIdentity,
} from "../../../harness/certificates";
import { eventually } from "../../../harness/eventually";
import { freePort } from "../../../harness/free-port";
import { LabProcess, Log } from "../../../lab/process";
import { failureOf } from "./failure";
import { startOwnServer } from "../../../harness/dns/own-server";

const ca = makeAuthority();
const stranger = makeAuthority("somebody else");
const serverName = "site-a.dns.internal";
const identity = (changes: Partial<IssueOptions> = {}): Identity =>
  issue({ ca, name: "site-b.dns.internal", ...changes });
const ours = identity();
const client = new DnsClient({ timeoutMs: 1000 });

/** A server that answers NXDOMAIN. It does not look at certificates: Node's own verification sends no alert. */
async function startServer(options: TlsOptions): Promise<{ at(tls: DnsTls): DnsServer } & AsyncDisposable> {
  const { cert, key } = issue({ ca, name: serverName });
  const tls = createServer({
    ...{ cert, key, ALPNProtocols: ["dot"], ...options },
  });
  tls.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (data: Buffer) => {
      const { id, questions } = decodeMessage(data.subarray(2));
      const none = { answers: [], authorities: [], additionals: [] };
      socket.write(
        frameMessage(encodeMessage({ id, flags: { ...noFlags, qr: true, aa: true }, rcode: 3, questions, ...none })),
      );
    });
  });
  tls.on("tlsClientError", () => undefined);
  tls.listen(0, "127.0.0.1");
  await once(tls, "listening");
  const { port } = tls.address() as { port: number };
  return {
    at: (trust) => ({ address: "127.0.0.1", port, tls: trust }),
    [Symbol.asyncDispose]: async () => {
      tls.close();
      await once(tls, "close");
    },
  };
}

/** `openssl s_server`, which says in alerts what is wrong with a certificate. It never answers. */
async function startVerifying(): Promise<{ at(tls: DnsTls): DnsServer } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "mesh-tls-"));
  await writeIdentity(folder, issue({ ca, name: serverName }), [ca]);
  const path = (file: string) => join(folder, file);
  const port = await freePort();
  const files = ["-cert", path(tlsFiles.cert), "-key", path(tlsFiles.key), "-CAfile", path(tlsFiles.ca)];
  const verifying = [
    "-Verify",
    "1",
    "-verify_return_error",
    "-purpose",
    "sslclient",
    "-alpn",
    "dot",
    "-naccept",
    "1000",
  ];
  const args = ["s_server", "-accept", `127.0.0.1:${port}`, ...files, ...verifying];
  const log = new Log();
  const server = new LabProcess({ command: ["openssl", ...args], log, listens: true });
  await eventually(
    10,
    () => {
      if (!log.text.includes("ACCEPT")) throw new Error(`openssl s_server does not listen: ${log.text}`);
    },
    20,
  );
  return {
    at: (tls) => ({ address: "127.0.0.1", port, tls }),
    [Symbol.asyncDispose]: async () => {
      await server.end("SIGKILL");
      await rm(folder, { recursive: true });
    },
  };
}

const trust = (mine?: Identity): DnsTls => ({ ca: ca.cert, ...mine, serverName });
const ask = (at: DnsServer) => failureOf(client.querySoa(at, "absent.test"));

describe("failures of TLS", () => {
  const alerts: readonly (readonly [string, Identity | undefined])[] = [
    ["missing", undefined],
    ["authority", identity({ ca: stranger })],
    ["expired", identity({ expired: true })],
    ["other", identity({ uses: ["server_auth"] })],
  ];
  for (const [reason, mine] of alerts)
    it(`report what the server says of our certificate: ${reason}`, async () => {
      await using server = await startVerifying();
      for (let i = 0; i < 20; i++)
        expect(await ask(server.at(trust(mine)))).to.deep.include({ kind: "untrusted", by: "peer", reason });
      expect(await ask(server.at(trust(ours)))).to.have.property("kind", "timeout");
    });

  it("report when a server knows no purpose for the connection, or none of ours", async () => {
    await using without = await startServer({ ALPNProtocols: [] });
    expect(await ask(without.at(trust(ours)))).to.deep.equal({ kind: "noTls", code: "NO_ALPN" });
    await using web = await startServer({ ALPNProtocols: ["h2"] });
    expect(await ask(web.at(trust(ours)))).to.deep.include({ kind: "noTls" });
  });

  it("report when a server speaks an older TLS only, another protocol, or nothing", async () => {
    await using old = await startServer({ maxVersion: "TLSv1.2" });
    expect(await ask(old.at(trust(ours)))).to.deep.include({ kind: "noTls" });
    await using plain = await startOwnServer({});
    expect(await ask({ ...plain.server, tls: trust(ours) })).to.deep.equal({ kind: "timeout", afterMs: 1000 });
    expect(await ask({ address: "127.0.0.1", port: 1, tls: trust(ours) })).to.deep.equal({
      kind: "unreachable",
      code: "ECONNREFUSED",
    });
  });

  it("report an invalid PEM text, without showing it", async () => {
    await using server = await startServer({});
    const broken = server.at(trust({ cert: ours.cert, key: "hunter2" }));
    expect(await ask(broken)).to.deep.include({ kind: "noTls" });
    const error = await client.querySoa(broken, "absent.test").catch(String);
    expect(error).to.contain("no connection with TLS").and.not.contain("hunter2");
  });

  it("read as sentences", async () => {
    await using server = await startVerifying();
    const theirs = await client.querySoa(server.at(trust(identity({ expired: true }))), "a.test").catch(String);
    expect(theirs).to.match(/our certificate at the server: it has expired \(ERR_SSL_\S+\)/);
    const mine = await client.querySoa(server.at({ ...trust(ours), serverName: "x.test" }), "a.test").catch(String);
    expect(mine).to.contain("the server's certificate: it is for another name (ERR_TLS_CERT_ALTNAME_INVALID)");
  });
});
