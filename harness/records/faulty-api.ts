import { once } from "node:events";
import { type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { createServer, request as startRequest } from "node:https";
import type { Server, Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

import { type Identity, issue, makeAuthority } from "../certificates";
import type { ControlPlane } from "../plugins/control-plane";
import { apiUrl } from "./operator-process";

/** What an API server is like: as it should be, away, slow, or a replica that has fallen behind. */
export type ApiState = "whole" | "gone" | "slow" | "old";

/** How late each answer of a slow one is, and how late every third is: who asked has given up by then. */
const [lateMs, tooLateMs] = [1000, 6000];
/** How old the answers of one that has fallen behind are, at least. */
const oldMs = 10_000;
/** Between two looks at what is asked for. */
const everyMs = 2500;

/** What a path answered. */
interface Past {
  readonly at: number;
  readonly body: string;
}

/**
 * Stands in front of a real API server, and can be away, slow, or behind: then whatever is read is as it was ten seconds
 * and more before the fault began, each watch ends once with 410, as one does whose server was replaced, and shows nothing
 * from then on. Writes and Leases go to the real one in any case, as a quorum decides on them.
 */
export class FaultyApi implements AsyncDisposable {
  /** Root certificate of what answers. */
  readonly authority: string;
  readonly #front: HttpServer;
  readonly #open = new Set<Socket>();
  /** By path. */
  readonly #past = new Map<string, Past[]>();
  #replayed: ReadonlyMap<string, string> = new Map();
  readonly #ended = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #state: ApiState = "whole";
  #turn = 0;

  /** @param server - listens for those that ask, on loopback */
  constructor(
    private readonly server: Server,
    private readonly plane: ControlPlane,
    authority: Identity = makeAuthority("API server"),
  ) {
    this.authority = authority.cert;
    const { cert, key } = issue({ ca: authority, name: "kubernetes", ips: ["127.0.0.1"] });
    this.#front = createServer({ cert, key }, (request, response) => {
      this.#take(request, response).catch(() => response.destroy());
    });
    server.on("connection", (socket) => {
      this.#join(socket);
    });
    this.#timer = setInterval(() => void this.#remember(), everyMs);
  }

  /** Turns it into another one; connections break. */
  become(state: ApiState): void {
    this.#state = state;
    this.#ended.clear();
    const before = Date.now() - oldMs;
    this.#replayed = new Map(
      [...this.#past].flatMap(([path, all]) => {
        const past = all.findLast(({ at }) => at <= before);
        return past === undefined ? [] : [[path, past.body] as const];
      }),
    );
    for (const socket of this.#open) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.become("gone");
    await once(this.server.close(), "close");
  }

  #join(socket: Socket): void {
    if (this.#state === "gone") {
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#open.delete(socket));
    this.#front.emit("connection", socket);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = request;
    const body = await contentOf(request);
    const isRead = method === "GET" && !url.includes("/leases/");
    const isWatch = url.includes("watch=true");
    if (isRead && !isWatch && !this.#past.has(url)) this.#past.set(url, []);
    if (this.#state === "old" && isRead) {
      if (isWatch) {
        this.#watchNothing(url, response);
        return;
      }
      const past = this.#replayed.get(url);
      if (past !== undefined) {
        response.setHeader("content-type", "application/json").end(past);
        return;
      }
    }
    const delay = this.#state === "slow" ? (this.#turn++ % 3 === 2 ? tooLateMs : lateMs) : 0;
    this.#forward({ method, url, headers: request.headers, body, delay, response });
  }

  /** The first watch ends, so that all is listed anew; further ones wait for what never comes. */
  #watchNothing(url: string, response: ServerResponse): void {
    const [path = ""] = url.split("?");
    response.setHeader("content-type", "application/json");
    if (this.#ended.has(path)) {
      response.flushHeaders();
      return;
    }
    this.#ended.add(path);
    const object = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
    response.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
  }

  #forward(what: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
    readonly delay: number;
    readonly response: ServerResponse;
  }): void {
    const { method, url, headers, body, delay, response } = what;
    const { hostname, port } = apiUrl(this.plane.kubeconfig);
    const sent = { ...headers, host: `${hostname}:${port}` };
    // A connection of its own: one that is shared would break for others when a client gives up.
    const to = { hostname, port, method, path: url, headers: sent, rejectUnauthorized: false, agent: false } as const;
    const onward = startRequest(to);
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    onward.on("response", (answer) => {
      const pass = (): void => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      };
      if (delay === 0) pass();
      else void wait(delay).then(pass);
    });
    onward.end(body);
  }

  /** Keeps what each path that was asked for answers. */
  async #remember(): Promise<void> {
    if (this.#state === "old") return;
    for (const [path, all] of this.#past) {
      try {
        const at = Date.now();
        all.push({ at, body: JSON.stringify(await this.plane.api.send({ method: "GET", path })) });
        while ((all[1]?.at ?? at) < at - 3 * oldMs) all.shift();
      } catch {
        // What is not there any more is asked for in vain.
      }
    }
  }
}

async function contentOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part as string;
  return text;
}
