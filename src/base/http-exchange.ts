import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
} from "node:http";
import { request as httpsRequest } from "node:https";
import type { PeerCertificate } from "node:tls";

/** How a client shows who it is, and what it expects of the server, beside the roots. */
export interface TlsChoices {
  /** PEM of the client's certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Name in the server's certificate. @default the host of the URL */
  readonly servername?: string;
  /** Whether the server's certificate is checked. @default true */
  readonly rejectUnauthorized?: boolean;
  /** How the names in the server's certificate are judged. @default Node's own way, by `servername` or the host of the URL */
  readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/** One HTTP request, with how long and how large its answer may be. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** PEM of the only roots that the server's certificate may have; Node's own when left out. */
  readonly ca?: string;
  /** What else the connection is made with. */
  readonly tls?: TlsChoices;
  /** Milliseconds for the whole exchange. */
  readonly timeoutMs: number;
  /** Keeps connections for further requests; one of its own otherwise. */
  readonly agent?: Agent;
  /** Ends the exchange, also one that has not begun yet. */
  readonly signal?: AbortSignal;
}

/** Who hears of an answer's lines. */
export interface LineListener {
  readonly onLine: (line: string) => void;
  /** Whether what follows the last line break is a line, too. @default false */
  readonly withRest?: boolean;
}

/** An answer, whatever its status. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A larger body is a mistake or an attack. */
const maxOctets = 16 * 1024 * 1024;
const ofAnswer = { what: "the answer", most: maxOctets };

/**
 * Sends one request and reads the whole answer. Redirects are not followed.
 *
 * @throws Error when there is no whole answer in time: refused, reset, cut short, too large, aborted by the signal. It
 * never shows headers.
 */
export function exchangeHttp(options: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const request = openRequest(options, (response) => {
      readBody(response, ofAnswer).then((body) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      }, fail);
    });
    const timer = setTimeout(() => {
      fail(new Error(`no whole answer within ${options.timeoutMs} ms`));
    }, options.timeoutMs);
    function fail(error: unknown): void {
      request.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    }
    request.on("error", fail);
    request.on("close", () => {
      clearTimeout(timer);
    });
    request.end(options.body);
  });
}

/**
 * Sends one request and gives its answer to a listener line by line as it comes, until the server ends it.
 *
 * @param options.timeoutMs - Milliseconds without an octet after which it is given up.
 * @returns the answer, with its body when it was no success; an empty one otherwise.
 * @throws Error when the connection fails, or stays silent, or the signal was given.
 */
export function streamHttp(
  options: HttpRequest & LineListener & { readonly signal: AbortSignal },
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const request = openRequest(options, (response) => {
      const status = response.statusCode ?? 0;
      const read = status >= 200 && status < 300 ? readLines(response, options) : readBody(response, ofAnswer);
      read.then((body) => {
        resolve({ status, headers: response.headers, body });
      }, fail);
    });
    function fail(error: unknown): void {
      request.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    }
    request.setTimeout(options.timeoutMs, () => {
      fail(new Error(`nothing came for ${options.timeoutMs} ms`));
    });
    request.on("error", fail);
    request.end(options.body);
  });
}

function openRequest(request: HttpRequest, answered: (response: IncomingMessage) => void): ClientRequest {
  const send = request.url.startsWith("https:") ? httpsRequest : httpRequest;
  const headers = {
    ...request.headers,
    ...(request.body !== undefined && { "content-length": Buffer.byteLength(request.body) }),
  };
  const trust = { ...request.tls, ...(request.ca !== undefined && { ca: request.ca }) };
  const options = { method: request.method, headers, agent: request.agent ?? false, ...trust };
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  return send(request.url, { ...options, ...signal }, answered);
}

async function readLines(response: IncomingMessage, { onLine, withRest = false }: LineListener): Promise<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxOctets) throw new Error(`a line is larger than ${maxOctets} octets`);
    for (const line of lines) onLine(line);
  }
  if (withRest && rest !== "") onLine(rest);
  return "";
}

/**
 * Reads the whole body of a request or an answer.
 *
 * @param what - Names it in the error for one that is larger than `most` octets.
 */
export async function readBody(
  message: IncomingMessage,
  { what, most }: { readonly what: string; readonly most: number },
): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > most) throw new Error(`${what} is larger than ${most} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
