import { createHash, createHmac } from "node:crypto";
import { request } from "node:https";

/** Whose keys a request is signed with. */
export interface StorageKeys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** An answer of an S3 server. */
export interface S3Answer {
  readonly status: number;
  readonly body: string;
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** As much of S3 as tests need that restic does not do: buckets' settings, versions, and what somebody with a site's keys may try. */
export class S3Client {
  /** @param server.ca - PEM of the roots that its certificate is checked against. */
  constructor(
    private readonly server: { readonly address: string; readonly port: number; readonly ca: string },
    private readonly keys: StorageKeys,
  ) {}

  /** @param path - With its query, each parameter of which has a value. */
  send(method: string, path: string, body = ""): Promise<S3Answer> {
    const { address, port, ca } = this.server;
    return new Promise((resolve, reject) => {
      const headers = { ...this.#signed(method, path, body), "content-length": Buffer.byteLength(body) };
      const sent = request({ host: address, port, ca, method, path, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => (text += part));
        answer.on("end", () => {
          resolve({ status: answer.statusCode ?? 0, body: text });
        });
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }

  /** By AWS Signature Version 4. */
  #signed(method: string, path: string, body: string): Readonly<Record<string, string>> {
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const { pathname, searchParams } = new URL(path, "https://s3");
    const query = [...searchParams].map((pair) => pair.map(encodeURIComponent).join("=")).sort();
    const headers = {
      host: `${this.server.address}:${this.server.port}`,
      "x-amz-content-sha256": hash(body),
      "x-amz-date": time,
    };
    const names = Object.keys(headers).join(";");
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    const canonical = [method, pathname, query.join("&"), lines.join(""), names, hash(body)].join("\n");
    const scope = [time.slice(0, 8), "us-east-1", "s3", "aws4_request"];
    const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), hash(canonical)].join("\n");
    const key = scope.reduce<string | Buffer>(hmac, `AWS4${this.keys.secretKey}`);
    const credential = `Credential=${this.keys.accessKey}/${scope.join("/")}`;
    const signature = hmac(key, text).toString("hex");
    return {
      ...headers,
      authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`,
    };
  }
}
