import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request, type RequestOptions } from "node:https";
import { finished } from "node:stream/promises";

interface Kubeconfig {
  clusters: { cluster: { server: string; "certificate-authority-data": string } }[];
  users: { user: { token: string } }[];
}

/** An answer of the API server with another status than 2xx. */
class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The administrator's token in one of the harness's own kubeconfigs. */
export function bearerToken(kubeconfig: string): string {
  const { users } = JSON.parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
  if (!users[0]) throw new Error(`${kubeconfig} has no user`);
  return users[0].user.token;
}

/** As much of the Kubernetes API as the harness needs, with the harness's own kubeconfigs. */
export class Api {
  private readonly server: URL;
  private readonly options: RequestOptions;

  constructor(kubeconfig: string) {
    const config = JSON.parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
    const cluster = config.clusters[0]?.cluster;
    if (!cluster) throw new Error(`${kubeconfig} has no cluster`);
    this.server = new URL(cluster.server);
    this.options = {
      ca: Buffer.from(cluster["certificate-authority-data"], "base64"),
      headers: { Authorization: `Bearer ${bearerToken(kubeconfig)}` },
      // Kept for a while: a handshake for each question costs the API server more than its answer.
      agent: new Agent({ keepAlive: true, timeout: 10_000 }),
      timeout: 10_000,
    };
  }

  get(path: string): Promise<unknown> {
    return this.send("GET", path);
  }

  create(path: string, object: unknown): Promise<unknown> {
    return this.send("POST", path, { type: "application/json", object });
  }

  mergePatch(path: string, object: unknown): Promise<unknown> {
    return this.send("PATCH", path, { type: "application/merge-patch+json", object });
  }

  remove(path: string): Promise<unknown> {
    return this.send("DELETE", path);
  }

  /**
   * Calls `changed` for each event until the API server ends the watch or the connection breaks. It begins with whatever the API server has
   * in its cache: for the newest it would ask etcd, which in Debian's version does not tell, and end the watch after three seconds.
   */
  async watch(path: string, changed: () => void): Promise<void> {
    const query = "watch=true&resourceVersion=0&timeoutSeconds=240";
    const response = await this.open("GET", `${path}?${query}`, undefined, 260_000);
    if (response.statusCode !== 200) throw new ApiError(response.statusCode ?? 0, `watch ${path}`);
    response.on("data", changed);
    await finished(response);
  }

  private async send(method: string, path: string, body?: { type: string; object: unknown }): Promise<unknown> {
    const response = await this.open(method, path, body);
    let text = "";
    for await (const piece of response.setEncoding("utf8")) text += piece as string;
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw new ApiError(status, `${method} ${path}: ${status} ${text.slice(0, 300)}`);
    return text === "" || !text.startsWith("{") ? text : JSON.parse(text);
  }

  // eslint-disable-next-line max-params -- private, and each is plain
  private open(
    method: string,
    path: string,
    body?: { type: string; object: unknown },
    timeout = 10_000,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...(this.options.headers as Record<string, string>),
        ...(body && { "Content-Type": body.type }),
      };
      const sent = request(new URL(path, this.server), { ...this.options, method, headers, timeout }, resolve);
      sent.on("error", reject).on("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
      sent.end(body === undefined ? undefined : JSON.stringify(body.object));
    });
  }
}
