import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A comment as both services have it. */
export interface Comment {
  readonly id: number;
  body: string;
  readonly by: string;
}

/** What was asked of the server. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly token: string;
}

/** Comments of one pull request of GitHub, and of one merge request of GitLab: as much of their APIs as a pipeline asks. */
export class CommentServer implements AsyncDisposable {
  readonly comments: Comment[] = [];
  readonly asked: Asked[] = [];
  /** Status of every answer, in the place of what it would be. */
  broken: number | undefined;
  readonly #server: Server;
  #next = 1;

  private constructor(private readonly self: string) {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
  }

  /** @param self - Who writes with the pipeline's token. */
  static async start(self: string): Promise<CommentServer> {
    const server = new CommentServer(self);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A comment of somebody's. */
  add(body: string, by: string): void {
    this.comments.push({ id: this.#next++, body, by });
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const method = request.method ?? "GET";
    const token = String(request.headers["private-token"] ?? request.headers.authorization ?? "");
    this.asked.push({ method, path: pathname, token });
    if (this.broken !== undefined) return { status: this.broken, body: { message: `secret ${token}` } };
    if (pathname === "/user") return { status: 200, body: { id: this.self } };
    if (method === "GET") {
      const page = Number(searchParams.get("page") ?? "1");
      const size = Number(searchParams.get("per_page") ?? "30");
      const shown = this.comments.slice((page - 1) * size, page * size);
      return {
        status: 200,
        body: shown.map(({ id, body, by }) => ({ id, body, user: { login: by }, author: { id: by } })),
      };
    }
    const { body } = JSON.parse(await textOf(request)) as { body: string };
    if (method === "POST") {
      this.add(body, this.self);
      return { status: 201, body: {} };
    }
    const found = this.comments.find(({ id }) => pathname.endsWith(`/${id}`));
    if (found === undefined) return { status: 404, body: {} };
    found.body = body;
    return { status: 200, body: {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text;
}
