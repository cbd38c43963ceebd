import * as grpc from "@grpc/grpc-js";

import { messageOf } from "../../src/base/errors";

/** gRPC's own limit of 4 MiB is less than what the engine lets through. */
const messageLimit = 400 * 1024 * 1024;

type Handler<Request, Response> = (request: Request) => Promise<Response> | Response;

/** A call with one request and one response; what is thrown is its error. */
export function unary<Request, Response>(handle: Handler<Request, Response>): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => {
          callback(null, response);
        },
        (error: unknown) => {
          const message = messageOf(error);
          callback({ code: grpc.status.UNKNOWN, details: message, message });
        },
      );
  };
}

/** Serves on a free port of loopback and prints it on the first line of standard output, as Pulumi's plugins do. */
export async function listen(addServices: (server: grpc.Server) => void): Promise<void> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": messageLimit,
    "grpc.max_send_message_length": messageLimit,
  });
  addServices(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  process.stdout.write(`${port}\n`);
}
