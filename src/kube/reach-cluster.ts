import { connect } from "node:net";

import { messageOf, UserError } from "../base/errors";
import { type ClusterChoice, findContext } from "./kubeconfig";

/**
 * Makes sure that a context exists and that its API server can be connected to, before anything is planned: an `up` of
 * an unchanged stack asks the cluster nothing, and would call a lost one fine.
 *
 * A cluster behind a `proxy-url` is taken as it is, since only the provider's plugin knows how to use the proxy.
 *
 * @returns the file that has the context: KUBECONFIG may list several, and Pulumi's provider takes one.
 * @param timeoutMs how long to wait for the connection. @default 5000
 * @throws UserError that names the file, the contexts that it has, or the server.
 */
export async function requireCluster(choice: ClusterChoice, timeoutMs = 5000): Promise<string> {
  const { cluster, file } = findContext(choice);
  if (cluster["proxy-url"] === undefined) await reach(new URL(cluster.server), timeoutMs);
  return file;
}

function reach(server: URL, timeoutMs: number): Promise<void> {
  const port = Number(server.port) || (server.protocol === "http:" ? 80 : 443);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.hostname.replace(/^\[|\]$/g, ""), port, timeout: timeoutMs });
    const fail = (reason: string): void => {
      socket.destroy();
      reject(
        new UserError(
          `configured Kubernetes cluster is unreachable: ${server.origin}: ${reason}. Nothing was changed; check the cluster, the network and the context, and run it again`,
        ),
      );
    };
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => {
      fail(`no connection within ${timeoutMs} ms`);
    });
    socket.once("error", (error) => {
      fail(messageOf(error));
    });
  });
}
