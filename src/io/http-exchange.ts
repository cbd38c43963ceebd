import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";

/** One HTTP request, with how long and how large its answer may be. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** PEM of the only roots that the server's certificate may have; Node's own when left out. */
  readonly ca?: string;
  /** Milliseconds for the whole exchange. */
  readonly timeoutMs: number;
}

/** An answer, whatever its status. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Nobody sends us more than this on purpose. */
const maxOctets = 16 * 1024 * 1024;

/**
 * Sends one request on a connection of its own and reads the whole answer. Redirects are not followed.
 *
 * @throws Error when there is no whole answer in time: refused, reset, cut short, too large. It never shows headers.
 */
export function exchangeHttp(o: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const send = o.url.startsWith("https:") ? httpsRequest : httpRequest;
    const headers = { ...o.headers, ...(o.body !== undefined && { "content-length": Buffer.byteLength(o.body) }) };
    const options = { method: o.method, headers, agent: false, ...(o.ca !== undefined && { ca: o.ca }) };
    const request = send(o.url, options, (response) => {
      readWhole(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      }, fail);
    });
    const timer = setTimeout(() => {
      fail(new Error(`no whole answer within ${o.timeoutMs} ms`));
    }, o.timeoutMs);
    function fail(error: unknown): void {
      request.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    }
    request.on("error", fail);
    request.on("close", () => {
      clearTimeout(timer);
    });
    request.end(o.body);
  });
}

async function readWhole(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > maxOctets) throw new Error(`the answer is larger than ${maxOctets} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
